"""The demo as a stranger runs it: all is as expected, a kill changes no figure, Ctrl-C leaves nothing behind."""

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import polars as pl
import psutil
import pytest

from infra.packages import Packages
from tests.conftest import PROJECT_ROOT
from tests.invented_people import PERSONAL_WORDS
from tests.system.people_search import found_in


def start(home: Path, *options: str) -> subprocess.Popen[str]:
    """`sitehub demo` in a folder of its own."""
    command = (sys.executable, "-m", "sitehub", "demo", "--home", str(home), *options)
    return subprocess.Popen(
        command,
        cwd=PROJECT_ROOT,
        env=os.environ | {"SITEHUB_PARTITIONS": "1"},  # several of a topic, under every fault, are in tests/faults
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )


def using(home: Path) -> list[int]:
    """Processes that have the demo's folder in their command line or environment."""
    found = []
    for process in psutil.process_iter():
        try:
            words = [*process.cmdline(), *process.environ().values()]
        except (psutil.NoSuchProcess, psutil.AccessDenied, psutil.ZombieProcess):
            continue
        if process.pid != os.getpid() and any(str(home) in word for word in words):
            found.append(process.pid)
    return found


@pytest.mark.timeout(420)
def test_killed_demo_is_as_expected(tmp_path: Path, packages: Packages) -> None:
    """kill -9 of a normaliser and of the landing amid the uploads: ledger exact, every figure as the truth says.

    Nobody whose number, telephone, account, name or plate was uploaded is to be found in what the hub has made of it.
    """
    demo = start(tmp_path / "demo", "--kill", "--days", "1", "--devices", "16")
    told, _ = demo.communicate()
    assert demo.returncode == 0, told
    assert "killed: normaliser-jiangsu, landing" in told
    assert "ledger: exact" in told
    assert "every device-day's slots, duplicates and PM10 are as expected" in told
    reports = list((tmp_path / "demo" / "reports" / "dust" / "jiangsu").glob("*/*.html"))
    assert reports
    assert using(tmp_path / "demo") == []
    sent = pl.read_parquet(tmp_path / "demo" / "simulation" / "uploads.parquet")["value"].drop_nulls().to_list()
    raw = b"\n".join(sent).decode(errors="replace")
    assert {what for what, form in PERSONAL_WORDS.items() if re.search(form, raw)} == set(PERSONAL_WORDS)
    assert found_in(tmp_path / "demo", packages) == []


@pytest.mark.timeout(180)
@pytest.mark.parametrize("until", ["broker", "normaliser-shanxi"])
def test_interrupted_demo_leaves_nothing(tmp_path: Path, packages: Packages, until: str) -> None:
    """Ctrl-C while the stack starts, or amid the uploads: exit 130 and no process is left."""
    assert packages.java.exists()
    home = tmp_path / "demo"
    demo = start(home, "--days", "1", "--devices", "8")
    log = home / "logs" / f"{until}.log"
    limit = time.monotonic() + 120
    while not log.exists() and demo.poll() is None and time.monotonic() < limit:
        time.sleep(0.1)
    os.killpg(demo.pid, signal.SIGINT)
    told, _ = demo.communicate()
    assert demo.returncode == 130, told
    assert "nothing is left running" in told
    assert using(home) == []
