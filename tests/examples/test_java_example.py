"""The Java example, built by Maven and run on a real Kafka; where Maven is, and reaches a repository."""

import json
import os
import re
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.conftest import PROJECT_ROOT, Stack
from tests.examples.log import TOPIC, write_log

MAVEN = shutil.which("mvn")
FETCHES_WITHIN_S = 150


@pytest.mark.skipif(MAVEN is None, reason="Maven is not installed")
@pytest.mark.timeout(400)
def test_a_topic_is_read_in_java(stack: Stack, tmp_path: Path) -> None:
    """It prints what the Python example finds."""
    project = shutil.copytree(PROJECT_ROOT / "examples" / "java", tmp_path / "java")
    try:
        fetched = _maven(project, ["test-compile", "exec:help"], {}, FETCHES_WITHIN_S)  # what runs, not only compiles
    except subprocess.TimeoutExpired:
        pytest.skip(f"Maven has not fetched its plug-ins within {FETCHES_WITHIN_S} s")
    if fetched.returncode and re.search("Could not (resolve|transfer)|Unknown host", fetched.stdout):
        pytest.skip(f"Maven reaches no repository: {fetched.stdout[:500]}")
    assert fetched.returncode == 0, fetched.stdout
    log = write_log(stack, tmp_path)
    done = _maven(project, ["--offline", "compile", "exec:java", f"-Dexec.args={TOPIC}"], log.environment, 120)
    assert done.returncode == 0, done.stdout
    events = [json.loads(found) for found in re.findall(r"\{.*\}", done.stdout)]  # Maven writes terminal codes around
    assert {(event["device_code"], event["pm10"]) for event in events} == {("YN-1", 81.5), ("YN-2", 70.0)}


def _maven(
    project: Path, arguments: list[str], environment: Mapping[str, str], timeout_s: float
) -> subprocess.CompletedProcess[str]:
    """Run Maven on the example; its output and complaints together."""
    return subprocess.run(
        [str(MAVEN), "-q", "-f", str(project), *arguments],
        env={**os.environ, **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=timeout_s,
        check=False,
    )
