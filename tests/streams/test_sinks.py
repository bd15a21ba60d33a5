"""The order in which sinks are written."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import polars as pl

from pipelines.catalog import Catalog
from store.gold import closing_engine, read_history, upgrade
from store.lake import Lake, canonical_table
from streams.sinks import sinks_of


def test_a_register_is_in_its_history_before_the_lake_tells_of_it(tmp_path: Path) -> None:
    """Whoever sees a register's change in the lake and computes with the history finds it there."""
    url, topic = f"sqlite:///{tmp_path / 'gold.sqlite'}", "canonical.device"
    upgrade(url)
    catalog, lake = Catalog.load(), Lake(str(tmp_path / "lake"))
    with closing_engine(url) as gold:
        first, second = sinks_of(topic, catalog, lake, gold)
        first.write(topic, pl.DataFrame(schema=catalog.canonical["device"].polars_schema), {(topic, 0): 7})
        assert lake.transaction_version(canonical_table("device"), f"{topic}/0") is None
        assert first.next_offset(topic, 0) == 7
        assert second.next_offset(topic, 0) is None


def test_a_lost_history_comes_back_from_the_lake(tmp_path: Path) -> None:
    """The register's topic is compacted: it no longer has the states in between."""
    topic, catalog, lake = "canonical.device", Catalog.load(), Lake(str(tmp_path / "lake"))
    schema = catalog.canonical["device"].polars_schema
    start = datetime(2026, 3, 1, tzinfo=UTC)

    def uploads(day: int, *devices: str) -> pl.DataFrame:
        known = {
            "province": "jiangsu",
            "observed_at": start + timedelta(days=day),
            "received_at": start,
            "quality": 2,
            "source_topic": "raw.jiangsu.device",
            "source_partition": 0,
            "source_offset": day,
            "mapping": "jiangsu/device@0123456789ab",
        }
        rows = [{"event_id": f"{code}:{day}", "device_code": code, **known} for code in devices]
        return pl.DataFrame(rows, schema=schema)

    histories = []
    for name in ("first.sqlite", "second.sqlite"):
        url = f"sqlite:///{tmp_path / name}"
        upgrade(url)
        with closing_engine(url) as gold:
            history, rows = sinks_of(topic, catalog, lake, gold)
            if name == "first.sqlite":
                for day, (partition, code) in enumerate([(0, "a"), (2, "b"), (0, "a")]):
                    for sink in (history, rows):
                        sink.write(topic, uploads(day, code), {(topic, partition): day + 1})
            assert [history.next_offset(topic, partition) for partition in range(3)] == [3, None, 2]
            history.write(topic, uploads(9, "b"), {(topic, 2): 3})
            histories.append(read_history(gold, "device", "jiangsu", None))
    assert histories[0].height == 4
    assert histories[0].equals(histories[1])
