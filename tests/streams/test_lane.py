"""A lane's end, without Kafka."""

import asyncio
from typing import Any

import pytest
from aiokafka import ConsumerRecord, TopicPartition

from streams import lane
from streams.outputs import Outputs


class Producer:
    """Of a producer the test needs the end alone."""

    async def stop(self) -> None:
        """Nothing is open."""


class SlowLog:
    """A log whose stretches take a while."""

    async def committed(self, _: TopicPartition) -> int:
        """The start."""
        return 0

    async def stretch(self, _: TopicPartition, begin: int, end: int) -> list[ConsumerRecord]:
        """The records before the one delivered."""
        await asyncio.sleep(0.3)
        return [record(offset) for offset in range(begin, end)]


def record(offset: int) -> ConsumerRecord:
    """An upload."""
    return ConsumerRecord("raw.x.y", 0, offset, 1000 + offset, 1, b"k", b"v", None, 1, 1, ())


def test_a_lane_closes_while_it_reads_the_log_and_the_registry_is_away(monkeypatch: pytest.MonkeyPatch) -> None:
    """Closing ends the work at once; nothing is asked of a registry that may never answer, and nothing fails."""
    failures: list[BaseException] = []
    asked: list[Any] = []

    async def started(*_: Any) -> Producer:
        return Producer()

    async def wait_for_the_registry(records: Any) -> Outputs:
        asked.append(records)
        await asyncio.Event().wait()
        raise AssertionError

    async def put_and_close() -> None:
        one = lane.Lane(
            TopicPartition("raw.x.y", 0),
            bootstrap_servers="",
            group="g",
            source=SlowLog(),  # type: ignore[arg-type] # what a lane asks of a source
            process=wait_for_the_registry,
            fail=failures.append,
            allowed_latency=0.01,
        )
        await one.put([record(5)])
        await asyncio.sleep(0.1)
        await asyncio.wait_for(one.close(), 2)

    monkeypatch.setattr(lane, "fencing_producer", started)
    asyncio.run(put_and_close())
    assert failures == []
    assert asked == []


@pytest.mark.parametrize(("allowed_latency", "batches"), [(0.0, [[0], [1]]), (0.3, [[0, 1]])])
def test_records_that_come_within_the_allowed_latency_share_a_transaction(
    monkeypatch: pytest.MonkeyPatch, allowed_latency: float, batches: list[list[int]]
) -> None:
    """The setting decides whether the second of two records, 50 ms later, goes with the first."""
    processed: list[list[int]] = []
    failures: list[BaseException] = []

    async def started(*_: Any) -> Producer:
        return Producer()

    async def process(records: Any) -> Outputs:
        processed.append([record.offset for record in records])
        return {}

    async def committed(*_: Any) -> None:
        """No Kafka: nothing to commit."""

    async def put_twice() -> None:
        one = lane.Lane(
            TopicPartition("raw.x.y", 0),
            bootstrap_servers="",
            group="g",
            source=SlowLog(),  # type: ignore[arg-type] # what a lane asks of a source
            process=process,
            fail=failures.append,
            allowed_latency=allowed_latency,
        )
        await one.put([record(0)])
        await asyncio.sleep(0.05)
        await one.put([record(1)])
        await asyncio.sleep(0.5)
        await one.close()

    monkeypatch.setattr(lane, "fencing_producer", started)
    monkeypatch.setattr(lane, "commit", committed)
    asyncio.run(put_twice())
    assert processed == batches
    assert failures == []
