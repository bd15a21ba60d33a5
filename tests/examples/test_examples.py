"""docs/consumers.md and the programs it names: they run, and give a reader what holds."""

import json
import os
import re
import runpy
import shutil
import subprocess
import sys
from datetime import UTC, datetime
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from store.lake import Lake
from tests.conftest import PROJECT_ROOT, Stack
from tests.contract import CATALOG
from tests.examples.log import TOPIC, write_log

PYTHON = PROJECT_ROOT / "examples" / "python"
DUST = "canonical/dust-reading"
MEANS = ["YC-1 2 62.0", "YC-2 1 50.0"]
PAGE = (PROJECT_ROOT / "docs" / "consumers.md").read_text(encoding="utf-8")


def rows_of(section: str) -> list[list[str]]:
    """Cells of the table below a heading, without its head."""
    text = PAGE.split(f"\n## {section}\n")[1].split("\n## ")[0]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in text.splitlines() if line[:1] == "|"][2:]


def run(program: Path, *arguments: str, environment: dict[str, str] | None = None) -> list[str]:
    """Lines that an example prints."""
    command = [sys.executable, str(program), *arguments]
    done = subprocess.run(
        command, env={**os.environ, **(environment or {})}, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def test_a_topic_is_read_as_cloud_events(stack: Stack, tmp_path: Path) -> None:
    """Of two uploads of an event the later received, wherever it stands; nothing of a transaction that was given up."""
    log = write_log(stack, tmp_path)
    events = [json.loads(line) for line in run(PYTHON / "read_topic.py", TOPIC, environment=log.environment)]
    assert {(event["subject"], event["data"]["pm10"]) for event in events} == {("YN-1", 81.5), ("YN-2", 70.0)}
    first = next(event for event in events if event["subject"] == "YN-1")
    assert first["id"] == "raw.yunnan.dust-reading/3/101"
    assert first["dataschema"].startswith(f"{stack.registry_url}/schemas/ids/")
    assert first["time"] == "2026-02-02T02:39:00.000Z"
    assert first["data"]["noise"] == 61.5


def test_an_envelope_becomes_attributes() -> None:
    """Attributes are named and typed as CloudEvents 1.0 asks; no field is lost; the page lists them all."""
    kind = CATALOG.canonical["pit-reading"]
    record: dict[str, Any] = {field.name: f"{field.name}'s" for field in kind.fields}
    at = datetime(2026, 3, 2, 2, 15, tzinfo=UTC)
    record |= {"observed_at": at, "received_at": at, "quality": 1, "source_partition": 3, "source_offset": 101}
    record |= {"vendor": None, "points": [{"point_code": "P1", "measured_at": at}]}
    cloud_event = runpy.run_path(str(PYTHON / "cloud_event.py"))["cloud_event"]
    event = cloud_event(record, "sitehub.canonical.PitReading", "jiangsu:JK:1", "http://127.0.0.1/schemas/ids/7")
    data = event.pop("data")
    assert json.loads(json.dumps(event)) == event
    assert all(re.fullmatch("[a-z0-9]{1,20}", name) for name in event)
    assert all(isinstance(value, str | int) for value in event.values())
    assert (event["subject"], event["source"]) == ("JK:1", "/sitehub/jiangsu")
    assert event["id"] == "source_topic's/3/101"
    assert data["points"] == [{"point_code": "P1", "measured_at": "2026-03-02T02:15:00.000Z"}]
    listed = {name.strip("`") for name, _ in rows_of("CloudEvents")}
    assert event.keys() == listed - {"vendor"}
    carried = set(re.findall(r"`(\w+)`", " ".join(cells[1] for cells in rows_of("CloudEvents"))))
    assert record.keys() - data.keys() == {
        "province",
        "schema_id",
        "vendor",
        "source_topic",
        "source_partition",
        "source_offset",
    } | (carried & record.keys())


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A day with an amendment, a bad reading and a neighbour, compacted: its first files are no more of the table."""
    at = datetime(2026, 3, 2, 2, 15, tzinfo=UTC)
    readings = [
        ("e1", "YC-1", at, 60.0, 1, 1),
        ("e1", "YC-1", at, 61.0, 1, 2),
        ("e2", "YC-1", at.replace(minute=16), 63.0, 1, 3),
        ("e3", "YC-1", at.replace(minute=17), 9999.0, 4, 4),
        ("e4", "YC-2", at, 50.0, 1, 5),
        ("e5", "YC-2", at.replace(day=3), 90.0, 1, 6),
    ]
    rows = [
        {
            "event_id": event, "province": "jiangsu", "device_code": device, "observed_at": when, "received_at": when,
            "pm10": pm10, "quality": quality, "period": "minute", "source_topic": "raw", "source_partition": 0,
            "source_offset": offset,
        }
        for event, device, when, pm10, quality, offset in readings
    ]  # fmt: skip
    root = tmp_path_factory.mktemp("lake")
    written = Lake(str(root))
    schema = CATALOG.canonical["dust-reading"].polars_schema
    for landed, row in enumerate(rows, start=1):
        frame = pl.DataFrame([row], schema=schema)
        written.append_canonical("dust-reading", frame, {"canonical.dust-reading/0": landed})
    written.compact(DUST)
    assert len(list((root / DUST).rglob("*.parquet"))) > len(rows)
    return root


@pytest.mark.parametrize("program", ["read_lake.py", "read_lake_duckdb.py"])
def test_a_day_of_the_lake_is_read(lake: Path, program: str) -> None:
    """Means of what holds: an amendment replaces, a bad reading and another day do not count, no row counts twice."""
    assert run(PYTHON / program, str(lake), "jiangsu", "2026-03-02") == MEANS


@pytest.mark.skipif(find_spec("delta") is None, reason="delta-spark is not installed")
@pytest.mark.skipif(shutil.which("java") is None, reason="Spark finds no Java")
@pytest.mark.timeout(400)
def test_a_day_of_the_lake_is_read_by_spark(lake: Path) -> None:
    """The same figures."""
    command = [sys.executable, str(PYTHON / "read_lake_spark.py"), str(lake), "jiangsu", "2026-03-02"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    if "unresolved dependency" in done.stderr:
        pytest.skip("Spark has fetched no jar of Delta from a Maven repository")
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == MEANS


@pytest.mark.parametrize("kind", ["dust-reading", "worker"])
def test_the_page_names_the_envelope(kind: str) -> None:
    """The first fields of every record, in their order."""
    named = re.findall(r"`(\w+)`", " ".join(cells[0] for cells in rows_of("The envelope")))
    assert named == [field.name for field in CATALOG.canonical[kind].fields][: len(named)]


def test_what_the_page_names_is_there() -> None:
    """Every example and every other page."""
    for link in re.findall(r"\]\(([^)#:]+)\)", PAGE):
        assert (PROJECT_ROOT / "docs" / link).exists(), link
