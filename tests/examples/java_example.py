"""The Java example, built by Maven and run on a real Kafka: python -m pytest tests/examples/java_example.py

Not in the suite: Maven fetches its plug-ins once, and needs a network for that.
"""

import json
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.conftest import PROJECT_ROOT, Stack
from tests.examples.log import TOPIC, write_log

MAVEN = shutil.which("mvn")


@pytest.mark.skipif(MAVEN is None, reason="Maven is not installed")
@pytest.mark.timeout(600)
def test_a_topic_is_read_in_java(stack: Stack, tmp_path: Path) -> None:
    """It prints what the Python example finds."""
    assert MAVEN is not None
    log = write_log(stack, tmp_path)
    project = shutil.copytree(PROJECT_ROOT / "examples" / "java", tmp_path / "java")
    command = [MAVEN, "-q", "-f", str(project), "compile", "exec:java", f"-Dexec.args={TOPIC}"]
    done = subprocess.run(command, env={**os.environ, **log.environment}, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    events = [json.loads(found) for found in re.findall(r"\{.*\}", done.stdout)]  # Maven writes terminal codes around
    assert {(event["device_code"], event["pm10"]) for event in events} == {("YN-1", 81.5), ("YN-2", 70.0)}
