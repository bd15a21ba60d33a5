"""The order in which topics and sinks are written."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import polars as pl

from pipelines.codec import encode
from pipelines.names import canonical_topic
from store.gold import closing_engine, read_history, upgrade
from store.lake import Lake, canonical_table
from streams.landing import Landing
from streams.records import Record
from streams.sinks import sinks_of
from tests.contract import CATALOG
from tests.store.rows import frame, row


def test_a_register_is_in_its_history_before_the_lake_tells_of_it(tmp_path: Path) -> None:
    """Whoever sees a register's change in the lake and computes with the history finds it there."""
    url, topic = f"sqlite:///{tmp_path / 'gold.sqlite'}", "canonical.device"
    upgrade(url)
    lake = Lake(str(tmp_path / "lake"))
    with closing_engine(url) as gold:
        first, second = sinks_of(topic, CATALOG, lake, gold)
        first.write(topic, pl.DataFrame(schema=CATALOG.canonical["device"].polars_schema), {(topic, 0): 7})
        assert lake.transaction_version(canonical_table("device"), f"{topic}/0") is None
        assert first.next_offset(topic, 0) == 7
        assert second.next_offset(topic, 0) is None


def test_the_registers_of_a_batch_land_first(tmp_path: Path) -> None:
    """A reading that came before its device's registration in the same batch is filled from it."""
    url = f"sqlite:///{tmp_path / 'gold.sqlite'}"
    upgrade(url)
    lake = Lake(str(tmp_path / "lake"))
    at = datetime(2026, 3, 1, tzinfo=UTC)
    sent = {"crane-reading": {"device_code": "C1"}, "device": {"device_code": "C1", "project_code": "P1"}}
    collected = {}
    for kind, known in sent.items():
        [value] = encode(frame(kind, row(kind, "C1", at, 0, **known)), CATALOG.canonical[kind], 1)
        collected[canonical_topic(kind)] = [Record(canonical_topic(kind), 0, 0, 0, None, value, [])]
    with closing_engine(url) as gold:
        landing = Landing("127.0.0.1:1", CATALOG, lambda topic: sinks_of(topic, CATALOG, lake, gold))
        landing._sinks = {topic: sinks_of(topic, CATALOG, lake, gold) for topic in collected}
        landing._next = {(topic, 0): [0] * len(sinks) for topic, sinks in landing._sinks.items()}
        landing._land(collected)
    assert lake.read("crane-reading").collect()["project_code_filled"].to_list() == ["P1"]


def test_a_lost_history_comes_back_from_the_lake(tmp_path: Path) -> None:
    """The register's topic is compacted: it no longer has the states in between."""
    topic, lake = "canonical.device", Lake(str(tmp_path / "lake"))
    schema = CATALOG.canonical["device"].polars_schema
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
            history, rows = sinks_of(topic, CATALOG, lake, gold)
            if name == "first.sqlite":
                for day, (partition, code) in enumerate([(0, "a"), (2, "b"), (0, "a")]):
                    for sink in (history, rows):
                        sink.write(topic, uploads(day, code), {(topic, partition): day + 1})
            assert [history.next_offset(topic, partition) for partition in range(3)] == [3, None, 2]
            history.write(topic, uploads(9, "b"), {(topic, 2): 3})
            histories.append(read_history(gold, "device", "jiangsu", None))
    assert histories[0].height == 4
    assert histories[0].equals(histories[1])
