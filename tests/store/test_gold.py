"""The gold database: migrations match the tables, partitions are replaced whole, writers do not disturb readers."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import polars as pl
import pytest
import sqlalchemy as sa
from alembic import command
from alembic.config import Config

from store.gold import ROOT, engine, insert_frame, read_history, read_partition, replace_partition, upgrade
from store.tables import DAILY, HISTORIES, exceedance, frame_schema, metadata

DAY = "2026-03-02"


@pytest.fixture
def url(tmp_path: Path) -> str:
    """The address of a migrated, empty gold database."""
    address = f"sqlite:///{tmp_path / 'new' / 'gold.sqlite'}"
    upgrade(address)
    return address


def run(device: str, province: str = "jiangsu", day: str = DAY, value: float = 501.5) -> dict[str, object]:
    """An exceedance row."""
    began = datetime(2026, 3, 2, 1, tzinfo=UTC)
    return {
        "province": province,
        "day": day,
        "device_code": device,
        "limit_id": "jiangsu-tsp-15min",
        "began": began,
        "ended": began.replace(minute=15),
        "value": value,
    }


def frame(*rows: dict[str, object]) -> pl.DataFrame:
    """Rows with the columns and types of the exceedance table."""
    return pl.DataFrame(list(rows), schema=frame_schema(exceedance))


def test_the_migrations_lead_to_the_tables_described(url: str) -> None:
    """`alembic check`: no column, key or index is described without a migration, a canonical field included."""
    config = Config(ROOT / "alembic.ini")
    config.attributes["engine"] = engine(url)
    command.check(config)
    assert set(sa.inspect(engine(url)).get_table_names()) == {*metadata.tables, "alembic_version"}


def test_downgrade_leaves_an_empty_database(url: str) -> None:
    """The way back works, and so does going forward again."""
    config = Config(ROOT / "alembic.ini")
    config.attributes["engine"] = engine(url)
    command.downgrade(config, "base")
    assert sa.inspect(engine(url)).get_table_names() == ["alembic_version"]
    upgrade(url)


def test_a_partition_is_replaced_whole(url: str) -> None:
    """Replacing twice leaves the last rows only, other provinces and days untouched, times and types as written."""
    made = engine(url)
    replace_partition(made, "exceedance", "shanxi", DAY, frame(run("S", province="shanxi")))
    replace_partition(made, "exceedance", "jiangsu", DAY, frame(run("A"), run("B")))
    replace_partition(made, "exceedance", "jiangsu", DAY, frame(run("B", value=502.25)))
    read = read_partition(made, "exceedance", "jiangsu", DAY)
    assert read.equals(frame(run("B", value=502.25)))
    assert read_partition(made, "exceedance", "shanxi", DAY)["device_code"].to_list() == ["S"]
    replace_partition(made, "exceedance", "jiangsu", DAY, frame())
    assert read_partition(made, "exceedance", "jiangsu", DAY).is_empty()


@pytest.mark.parametrize("table", sorted(DAILY))
def test_an_empty_partition_has_the_table_s_columns(url: str, table: str) -> None:
    """Reading what was never written gives a typed, empty frame."""
    read = read_partition(engine(url), table, "jiangsu", DAY)
    assert read.is_empty()
    assert dict(read.schema) == frame_schema(DAILY[table])


def test_a_register_is_read_by_the_columns_wanted(url: str) -> None:
    """Named columns come in the order asked for, typed as in the whole register, times in UTC as they were written."""
    made, since, device = (
        engine(url),
        datetime(2026, 3, 1, 8, 30, tzinfo=ZoneInfo("Asia/Shanghai")),
        HISTORIES["device"],
    )
    envelope = {"source_topic": "raw.x.device", "source_partition": 0, "source_offset": 0, "quality": 2, "mapping": "x"}
    times = dict.fromkeys(("observed_at", "received_at", "valid_from"), since)
    states = [{**envelope, **times, "event_id": code, "province": "jiangsu", "device_code": code} for code in "BA"]
    with made.begin() as connection:
        insert_frame(connection, device, pl.DataFrame(states, schema_overrides=frame_schema(device)))
    read = read_history(made, "device", "jiangsu", None, ("valid_from", "device_code", "longitude"))
    assert read.rows() == [(since, "A", None), (since, "B", None)]
    assert read.schema == {
        "valid_from": pl.Datetime("ms", "UTC"),
        "device_code": pl.String(),
        "longitude": pl.Float64(),
    }
    assert read.equals(read_history(made, "device", "jiangsu", None).select(read.columns))


def test_rows_of_another_partition_are_refused(url: str) -> None:
    """A row of another day would be lost from that day's next replacement: it is refused, and nothing is deleted."""
    made = engine(url)
    replace_partition(made, "exceedance", "jiangsu", DAY, frame(run("A")))
    with pytest.raises(ValueError, match="1 rows do not belong to jiangsu 2026-03-02"):
        replace_partition(made, "exceedance", "jiangsu", DAY, frame(run("A", day="2026-03-03")))
    with pytest.raises(ValueError, match="has no column colour"):
        replace_partition(made, "exceedance", "jiangsu", DAY, frame(run("A")).with_columns(colour=pl.lit("red")))
    assert read_partition(made, "exceedance", "jiangsu", DAY).height == 1


def test_a_reader_sees_the_old_rows_while_a_writer_replaces_them(url: str) -> None:
    """Readers do not wait for the writer and never see a half-replaced partition."""
    made = engine(url)
    replace_partition(made, "exceedance", "jiangsu", DAY, frame(run("A")))
    with made.begin() as writer:
        writer.execute(sa.delete(exceedance))
        assert read_partition(engine(url), "exceedance", "jiangsu", DAY).height == 1


def test_a_time_without_zone_is_refused(url: str) -> None:
    """A naive time would silently become UTC."""
    naive = [run("A") | {"began": datetime(2026, 3, 2)}]  # noqa: DTZ001 (that is the point)
    with pytest.raises(sa.exc.StatementError, match="without a zone"), engine(url).begin() as connection:
        connection.execute(sa.insert(exceedance), naive)
