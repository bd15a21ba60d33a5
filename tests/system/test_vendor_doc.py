"""docs/vendor.md and the README keep their promise: their code runs as it stands, the hub accepts what it sends."""

import re
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path

import pytest
from confluent_kafka import Consumer

from sitehub.services import workers
from sitehub.settings import Settings
from tests.conftest import PROJECT_ROOT, Stack

GUIDE = (PROJECT_ROOT / "docs" / "vendor.md").read_text(encoding="utf-8")


README = (PROJECT_ROOT / "README.md").read_text(encoding="utf-8")


def block(language: str, text: str = GUIDE) -> str:
    """The only code block in a language."""
    (found,) = re.findall(rf"```{language}\n(.*?)```", text, flags=re.DOTALL)
    return str(found)


def test_guide_sample_passes_the_dry_run(tmp_path: Path) -> None:
    """The JSON line of the guide is accepted by the command that the guide names."""
    (tmp_path / "first.jsonl").write_text(block("json"), encoding="utf-8")
    (command,) = re.findall(r"^    sitehub (check .*)$", GUIDE, flags=re.MULTILINE)
    done = subprocess.run(
        (sys.executable, "-m", "sitehub", *command.split()),
        cwd=tmp_path,
        env={"PYTHONPATH": str(PROJECT_ROOT), "PATH": ""},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "1 accepted, 0 rejected" in done.stdout


def test_guide_names_every_reason() -> None:
    """The table of reasons is the closed set."""
    from simulation.damage import REASONS

    assert set(re.findall(r"^\| `([a-z_]+)` \|", GUIDE, flags=re.MULTILINE)) == set(REASONS)


@pytest.mark.timeout(120)
def test_guide_code_sends_an_accepted_upload(own_stack: Stack, tmp_path: Path) -> None:
    """The guide's Python, run as it stands, ends as one canonical record, which the README's Python prints."""
    own_stack.provision()
    environment = own_stack.environment(tmp_path)
    settings = Settings(
        home=tmp_path,
        bootstrap_servers=own_stack.bootstrap_servers,
        registry_url=own_stack.registry_url,
        metrics_port=0,
    )
    own_stack.supervisor.start(workers(settings, ["jiangsu"])[:1])
    sent = _run(block("python"), environment)
    assert "delivered: raw.jiangsu.dust-reading" in sent
    assert b"jiangsu:JSYC000001" in _keys(own_stack.bootstrap_servers, "canonical.dust-reading")
    assert "JSYC000001 61.0 µg/m³ good" in _run(block("python", README), environment)


def _run(code: str, environment: Mapping[str, str]) -> str:
    """What a script prints."""
    done = subprocess.run((sys.executable, "-c", code), env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def _keys(servers: str, topic: str) -> set[bytes | None]:
    """Keys that arrive in a topic within half a minute, up to the first."""
    consumer = Consumer({"bootstrap.servers": servers, "group.id": "guide", "auto.offset.reset": "earliest"})
    consumer.subscribe([topic])
    until = time.monotonic() + 30
    found: set[bytes | None] = set()
    while not found and time.monotonic() < until:
        message = consumer.poll(1.0)
        if message is not None and message.error() is None:
            found.add(message.key())
    consumer.close()
    return found
