"""What an upload leaves out is filled from the device register, beside what it said."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest
import sqlalchemy as sa

from store.filling import FILLED, filled
from store.gold import closing_engine, read_history, upgrade
from store.lake import Lake
from store.registers import merge_history
from streams.sinks import sinks_of
from tests.contract import CATALOG
from tests.store.rows import Row, frame, row

TOPIC = "canonical.crane-reading"
START = datetime(2026, 3, 1, tzinfo=UTC)
HOUR = timedelta(hours=1)


@pytest.fixture
def gold(tmp_path: Path) -> Iterator[sa.Engine]:
    """An empty gold database."""
    url = f"sqlite:///{tmp_path / 'gold.sqlite'}"
    upgrade(url)
    with closing_engine(url) as made:
        yield made


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    """An empty lake."""
    return Lake(str(tmp_path / "lake"))


def crane(device: str, at: datetime, offset: int, **known: object) -> Row:
    """A reading of a crane."""
    return row("crane-reading", device, at, offset, device_code=device, **known)


def register(gold: sa.Engine, device: str, at: datetime, offset: int, **known: object) -> None:
    """A device's state lands."""
    state = row("device", device, at, offset, device_code=device, **known)
    merge_history(gold, "device", frame("device", state), {})


def land(lake: Lake, gold: sa.Engine, *rows: Row) -> pl.DataFrame:
    """Crane readings land; what the lake then holds of the cranes, in the order of their uploads."""
    for sink in sinks_of(TOPIC, CATALOG, lake, gold):
        sink.write(TOPIC, frame("crane-reading", *rows), {(TOPIC, 0): rows[-1]["source_offset"] + 1})
    return lake.read("crane-reading").sort("source_offset").collect()


def test_a_reading_is_filled_from_the_state_of_its_own_time(lake: Lake, gold: sa.Engine) -> None:
    """Before the first state a device was not registered; after a move it stands elsewhere; what is said stays."""
    register(gold, "C1", START, 0, project_code="P1", adcode="320102")
    register(gold, "C1", START + 2 * HOUR, 1, project_code="P2", adcode=None)
    found = land(
        lake,
        gold,
        crane("C1", START + 3 * HOUR, 0),
        crane("C1", START - HOUR, 1),
        crane("C1", START, 2),
        crane("C1", START + HOUR, 3, project_code="P9"),
        crane("C1", START + HOUR, 4, project_code="P9", adcode="320505"),
        crane("C2", START + HOUR, 5),
    )
    assert found["project_code"].to_list() == [None, None, None, "P9", "P9", None]
    assert found["adcode"].to_list() == [None, None, None, None, "320505", None]
    assert found["project_code_filled"].to_list() == ["P2", None, "P1", "P9", "P9", None]
    assert found["adcode_filled"].to_list() == [None, None, "320102", "320102", "320505", None]


def test_a_device_registered_later_is_filled_from_then_on_and_by_a_look_from_today(lake: Lake, gold: sa.Engine) -> None:
    """What has landed stays as it was filled; `filled` with the history of today mends it."""
    land(lake, gold, crane("C1", START + HOUR, 0))
    register(gold, "C1", START, 0, project_code="P1", adcode="320102")
    found = land(lake, gold, crane("C1", START + 2 * HOUR, 1))
    assert found["project_code_filled"].to_list() == [None, "P1"]
    mended = filled(found, read_history(gold, "device", "jiangsu", None))
    assert mended["project_code_filled"].to_list() == ["P1", "P1"]
    assert mended.schema == found.schema


def test_a_table_of_before_gets_the_columns(lake: Lake, gold: sa.Engine) -> None:
    """A lake that was begun without them goes on; its older rows are not filled."""
    before = crane("C1", START, 0, project_code="P1")
    lake.append_canonical("crane-reading", frame("crane-reading", before), {f"{TOPIC}/0": 1})
    found = land(lake, gold, crane("C1", START, 1, project_code="P1"))
    assert found["project_code_filled"].to_list() == [None, "P1"]


def test_a_register_is_not_filled(lake: Lake, gold: sa.Engine) -> None:
    """Registers tell, and are not told."""
    for sink in sinks_of("canonical.device", CATALOG, lake, gold):
        state = frame("device", row("device", "C1", START, 0, device_code="C1"))
        sink.write("canonical.device", state, {("canonical.device", 0): 1})
    assert not set(FILLED.values()) & set(lake.read("device").collect_schema())
