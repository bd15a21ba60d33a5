"""The ways in: the command line and Dagster's own backfill, each in a process of its own."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from assets.hub import Hub
from sitehub.cli import app
from sitehub.commands import materialise as command
from sitehub.settings import PROJECT_ROOT, Settings, settings
from tests.assets.world import DAY, Landing, figures


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """The folder that the processes are told to work in."""
    return tmp_path / "home"


@pytest.fixture
def hub_of_home(home: Path) -> Hub:
    """The same lake and database as the processes see."""
    return Hub.at(Settings(home=home))


def run(home: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Runs a Python process with the settings of `home`."""
    environment = os.environ | {"SITEHUB_HOME": str(home), "PYTHONPATH": str(PROJECT_ROOT)}
    return subprocess.run(
        [sys.executable, *arguments], env=environment, cwd=home.parent, capture_output=True, text=True, check=False
    )


def materialise(home: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Runs `sitehub materialise`."""
    return run(home, "-c", "from sitehub.cli import main; main()", "materialise", *arguments)


@pytest.fixture
def command_line(home: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., int]]:
    """`sitehub materialise` with the settings of `home` in this process, which has Dagster already: the exit code."""
    monkeypatch.setenv("SITEHUB_HOME", str(home))
    monkeypatch.setattr(command, "console", Console(stderr=True, width=200))
    settings.cache_clear()

    def run_here(*arguments: str) -> int:
        with pytest.raises(SystemExit) as ended:
            app(["materialise", *arguments])
        assert isinstance(ended.value.code, int)
        return ended.value.code

    yield run_here
    settings.cache_clear()


def test_the_command_computes_what_changed_and_only_once(
    home: Path, hub_of_home: Hub, command_line: Callable[..., int], capsys: pytest.CaptureFixture[str]
) -> None:
    """--changed computes the days that changed, prints them, and another process finds nothing left to do."""
    Landing(hub_of_home).rejected("shanxi", DAY, "bad_time")
    first = materialise(home, "--changed", "--json")
    assert first.returncode == 0, first.stderr
    (outcome,) = json.loads(first.stdout)
    assert (outcome["day"], outcome["province"], outcome["succeeded"]) == ("2026-03-03", "shanxi", True)
    assert figures(hub_of_home, "rejected_daily", "shanxi", DAY)["count"].to_list() == [1]
    assert command_line("--changed", "--json") == 0
    assert json.loads(capsys.readouterr().out) == []


def test_a_range_of_days_is_computed(
    hub_of_home: Hub, command_line: Callable[..., int], capsys: pytest.CaptureFixture[str]
) -> None:
    """--from and --to compute each day between them, the last one included, and no other."""
    for number in range(4):
        Landing(hub_of_home).rejected("shanxi", DAY + timedelta(days=number), "bad_time")
    last = DAY + timedelta(days=2)
    assert command_line("--province", "shanxi", "--from", f"{DAY}", "--to", f"{last}", "--json") == 0
    outcomes = json.loads(capsys.readouterr().out)
    assert [outcome["day"] for outcome in outcomes] == ["2026-03-03", "2026-03-04", "2026-03-05"]
    counts = [
        figures(hub_of_home, "rejected_daily", "shanxi", DAY + timedelta(days=n))["count"].sum() for n in range(4)
    ]
    assert counts == [1, 1, 1, 0]


def test_the_command_fails_when_a_check_fails(
    hub_of_home: Hub, command_line: Callable[..., int], capsys: pytest.CaptureFixture[str]
) -> None:
    """A blocking check that fails is told in words, and the exit code is 1."""
    for _ in range(2):
        Landing(hub_of_home).readings("jiangsu", DAY, "D1", [0])
    assert command_line("--province", "jiangsu", "--day", DAY.isoformat()) == 1
    assert "source_topic, source_partition, source_offset" in capsys.readouterr().err.replace("\n", " ")


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ({}, "give exactly one of --day"),
        ({"day": DAY, "changed": True}, "give exactly one of --day"),
        ({"first": DAY, "last": DAY - timedelta(days=1)}, "--to is not before --from"),
        ({"day": DAY, "province": "hubei"}, "'hubei' is no feed; choose one of guizhou"),
        ({"day": date(1999, 1, 1)}, "1999-01-01 is no partition"),
    ],
)
def test_arguments_that_do_not_fit_are_refused(
    arguments: dict[str, Any], sentence: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Wrong arguments end with 2 and a sentence that names the remedy, before anything is opened."""
    monkeypatch.setattr(command, "console", Console(stderr=True, width=200))
    with pytest.raises(SystemExit) as ended:
        command.materialise(**arguments)
    assert ended.value.code == 2
    assert sentence in capsys.readouterr().err


@pytest.mark.timeout(400)  # 28 runs of Dagster on what may be a busy machine
def test_a_backfill_of_14_days_runs(home: Path) -> None:
    """Fourteen days launched as the UI launches them are carried out by the daemon, one run a day."""
    done = run(home, "-m", "tests.assets.backfill_of_14_days")
    assert done.returncode == 0, done.stderr[-3000:]
