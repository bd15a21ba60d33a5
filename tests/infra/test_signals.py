"""Ctrl-C and SIGTERM end a program as an interruption, whatever a C library makes of them."""

import signal
import subprocess
import sys
import time

import pytest

PROGRAM = """
import time
from infra.signals import interrupted_by_signals

try:
    with interrupted_by_signals():
        try:
            print("in", flush=True)
            time.sleep(60)
        except KeyboardInterrupt:
            raise {error} from None
except KeyboardInterrupt:
    print("interrupted")
"""
# confluent-kafka's describe_consumer_groups gives these when the signal arrives inside of it
ERRORS = ["KeyboardInterrupt", "ValueError('Expected list of group strings, not str')", "SystemError('exception set')"]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("error", ERRORS)
def test_what_a_c_library_makes_of_the_signal_is_the_interruption(number: signal.Signals, error: str) -> None:
    """An error that comes out of the block after the signal is taken for it."""
    program = subprocess.Popen([sys.executable, "-c", PROGRAM.format(error=error)], stdout=subprocess.PIPE, text=True)
    assert program.stdout is not None
    assert program.stdout.readline() == "in\n"
    program.send_signal(number)
    time.sleep(0.01)
    program.send_signal(number)  # the second is not heeded
    told, _ = program.communicate(timeout=30)
    assert (told, program.returncode) == ("interrupted\n", 0)


def test_an_error_without_a_signal_stays_what_it_is() -> None:
    """The block changes nothing else."""
    program = "from infra.signals import interrupted_by_signals\nwith interrupted_by_signals():\n    raise ValueError"
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert (ended.returncode, "ValueError" in ended.stderr) == (1, True)
