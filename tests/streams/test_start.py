"""A normaliser that is just starting when Kafka goes."""

import subprocess
import sys

from streams.crash import CRASHED
from tests.conftest import PROJECT_ROOT, Stack

PROGRAM = """
import os, signal, sys
from sitehub.commands.normalise import normalise
from streams import normaliser

build = normaliser.build

def build_and_lose_kafka(*given):
    built = build(*given)
    os.kill(int(sys.argv[1]), signal.SIGKILL)
    return built

normaliser.build = build_and_lose_kafka
normalise(province="jiangsu")
"""


def test_it_ends_as_after_any_fault(own_stack: Stack) -> None:
    """Between its own look at the topics and Faust's start: one line says why, and the exit code is that of a fault,
    not that of findings."""
    own_stack.provision()
    broker = own_stack.supervisor.runs["broker"].process.pid
    ended = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(broker)],
        env=own_stack.environment(own_stack.home),
        cwd=PROJECT_ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    last = ended.stderr.splitlines()[-1]
    assert ended.returncode == CRASHED, ended.stdout + ended.stderr
    assert '"level": "critical"' in last
    assert "KafkaConnectionError: Unable to bootstrap" in last
