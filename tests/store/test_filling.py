"""What an upload leaves out is filled from the device register, beside what it said."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest
import sqlalchemy as sa

from pipelines.catalog import Catalog
from store.filling import FILLED, filled
from store.gold import closing_engine, read_history, upgrade
from store.lake import Lake
from store.registers import merge_history
from streams.sinks import sinks_of

CATALOG = Catalog.load()
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


def row(kind: str, device: str, at: datetime, offset: int, **known: object) -> dict[str, object]:
    """A canonical row; what is not named is null."""
    return {
        "event_id": f"jiangsu:{kind}:{device}:{at}",
        "province": "jiangsu",
        "device_code": device,
        "observed_at": at,
        "received_at": at,
        "quality": 2,
        "source_topic": f"raw.jiangsu.{kind}",
        "source_partition": 0,
        "source_offset": offset,
        "mapping": f"jiangsu/{kind}@0123456789ab",
        **known,
    }


def register(gold: sa.Engine, device: str, at: datetime, offset: int, **known: object) -> None:
    """A device's state lands."""
    rows = [row("device", device, at, offset, **known)]
    merge_history(gold, "device", pl.DataFrame(rows, schema=CATALOG.canonical["device"].polars_schema), {})


def land(lake: Lake, gold: sa.Engine, *rows: dict[str, object]) -> pl.DataFrame:
    """Crane readings land; what the lake then holds of the cranes: what was said and what was filled, by place."""
    frame = pl.DataFrame(list(rows), schema=CATALOG.canonical["crane-reading"].polars_schema)
    for sink in sinks_of(TOPIC, CATALOG, lake, gold):
        sink.write(TOPIC, frame, {(TOPIC, 0): frame["source_offset"].max() + 1})  # type: ignore[operator]  # a number
    return lake.read("crane-reading").sort("source_offset").collect()


def test_a_reading_is_filled_from_the_state_of_its_own_time(lake: Lake, gold: sa.Engine) -> None:
    """Before the first state a device was not registered; after a move it stands elsewhere; what is said stays."""
    register(gold, "C1", START, 0, project_code="P1", adcode="320102")
    register(gold, "C1", START + 2 * HOUR, 1, project_code="P2", adcode=None)
    found = land(
        lake,
        gold,
        row("crane-reading", "C1", START + 3 * HOUR, 0),
        row("crane-reading", "C1", START - HOUR, 1),
        row("crane-reading", "C1", START, 2),
        row("crane-reading", "C1", START + HOUR, 3, project_code="P9"),
        row("crane-reading", "C1", START + HOUR, 4, project_code="P9", adcode="320505"),
        row("crane-reading", "C2", START + HOUR, 5),
    )
    assert found["project_code"].to_list() == [None, None, None, "P9", "P9", None]
    assert found["adcode"].to_list() == [None, None, None, None, "320505", None]
    assert found["project_code_filled"].to_list() == ["P2", None, "P1", "P9", "P9", None]
    assert found["adcode_filled"].to_list() == [None, None, "320102", "320102", "320505", None]


def test_a_device_registered_later_is_filled_from_then_on_and_by_a_look_from_today(lake: Lake, gold: sa.Engine) -> None:
    """What has landed stays as it was filled; `filled` with the history of today mends it."""
    land(lake, gold, row("crane-reading", "C1", START + HOUR, 0))
    register(gold, "C1", START, 0, project_code="P1", adcode="320102")
    found = land(lake, gold, row("crane-reading", "C1", START + 2 * HOUR, 1))
    assert found["project_code_filled"].to_list() == [None, "P1"]
    mended = filled(found, read_history(gold, "device", "jiangsu", None))
    assert mended["project_code_filled"].to_list() == ["P1", "P1"]
    assert mended.schema == found.schema


def test_a_table_of_before_gets_the_columns(lake: Lake, gold: sa.Engine) -> None:
    """A lake that was begun without them goes on; its older rows are not filled."""
    schema = CATALOG.canonical["crane-reading"].polars_schema
    before = pl.DataFrame([row("crane-reading", "C1", START, 0, project_code="P1")], schema=schema)
    lake.append_canonical("crane-reading", before, {f"{TOPIC}/0": 1})
    found = land(lake, gold, row("crane-reading", "C1", START, 1, project_code="P1"))
    assert found["project_code_filled"].to_list() == [None, "P1"]


def test_a_register_is_not_filled(lake: Lake, gold: sa.Engine) -> None:
    """Registers tell, and are not told."""
    for sink in sinks_of("canonical.device", CATALOG, lake, gold):
        frame = pl.DataFrame([row("device", "C1", START, 0)], schema=CATALOG.canonical["device"].polars_schema)
        sink.write("canonical.device", frame, {("canonical.device", 0): 1})
    assert not set(FILLED.values()) & set(lake.read("device").collect_schema())
