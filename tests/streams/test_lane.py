"""What a lane takes, and its end, without Kafka."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from itertools import pairwise
from typing import Any

import pytest
from aiokafka import TopicPartition
from prometheus_client import REGISTRY

from pipelines.wire import RawBatch
from streams import lane, tenure
from streams.answers import BrokenOffError
from streams.outputs import Outputs
from streams.record_batches import WholeBatch, WholeBatches
from streams.together import Beat
from tests.streams.test_record_batches import Fields, batch, fetched


class Producer:
    """A producer whose commits are nothing, and of which no connection breaks."""

    disturbed = False

    async def commit(self, outputs: Outputs, offsets: dict[TopicPartition, int]) -> None:
        """There is nothing to commit."""

    async def stop(self) -> None:
        """Nothing is open."""


class SlowLog:
    """A log whose stretches take a while."""

    def __init__(self, patience_s: float) -> None:
        self.asked: list[tuple[int, int]] = []
        self._patience_s = patience_s

    async def committed(self, _: TopicPartition) -> int:
        """The start."""
        return 0

    async def stretch(self, _: TopicPartition, begin: int, end: int) -> list[WholeBatch]:
        """One batch with the records before those delivered."""
        self.asked.append((begin, end))
        await asyncio.sleep(self._patience_s)
        return [item.value for item in delivered(begin, end)]


async def started(*_: Any, **__: Any) -> Producer:
    """In the place of a producer's start."""
    return Producer()


class Alone:
    """Does to uploads what a function does, however many wait."""

    def __init__(self, make: Callable[[RawBatch], Awaitable[Outputs]]) -> None:
        self._make = make

    async def room(self) -> None:
        """There always is."""

    async def __call__(self, batch: RawBatch) -> Outputs:
        """Outputs of uploads."""
        return await self._make(batch)


def a_lane(
    source: SlowLog,
    process: Callable[[RawBatch], Awaitable[Outputs]],
    failures: list[BaseException],
    allowed_latency: float = 0.01,
    bootstrap_servers: str = "",
) -> lane.Lane:
    """A lane of one partition, without Kafka."""
    log: Any = source  # what a lane and its tenure ask of one
    held = tenure.Tenure(
        TopicPartition("raw.x.y", 0), bootstrap_servers=bootstrap_servers, group="g", source=log, reach=()
    )
    return lane.Lane(
        held, source=log, process=Alone(process), fail=failures.append, beat=Beat(), allowed_latency=allowed_latency
    )


def delivered(*bounds: int) -> list[Any]:
    """Record batches from each offset to the next, as one fetch delivers them."""
    uploads: list[Fields] = [(b"k", b"%d" % offset, [], 5) for offset in range(bounds[-1])]
    content = b"".join(batch(begin, uploads[begin:end]) for begin, end in pairwise(bounds))
    return fetched(content, WholeBatches)


def test_a_lane_takes_each_upload_once_and_asks_the_log_for_what_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    """It begins within a batch, passes over what it has, reads a gap, and commits the offset behind what it took."""
    failures: list[BaseException] = []
    taken: list[int] = []
    committed: list[int] = []
    log = SlowLog(0)

    async def process(uploads: RawBatch) -> Outputs:
        assert [b"%d" % offset for offset in uploads.offsets] == uploads.values
        taken.extend(uploads.offsets)
        return {}

    async def commit(_: Producer, __: Outputs, offsets: dict[TopicPartition, int]) -> None:
        committed.extend(offsets.values())

    async def run() -> None:
        one = a_lane(log, process, failures)
        await one.put(delivered(0, 3, 7))
        await one.put(delivered(0, 3, 7, 9))
        await one.put(delivered(12, 15))
        while not failures and (not committed or committed[-1] < 15):
            await asyncio.sleep(0.01)
        await one.close()

    monkeypatch.setattr(tenure, "fencing_producer", started)
    monkeypatch.setattr(Producer, "commit", commit)
    monkeypatch.setattr(SlowLog, "committed", lambda *_: asyncio.sleep(0, 5))
    asyncio.run(run())
    assert failures == []
    assert taken == [*range(5, 15)]
    assert log.asked == [(9, 12)]


def test_a_lane_closes_while_it_reads_the_log_and_the_registry_is_away(monkeypatch: pytest.MonkeyPatch) -> None:
    """Closing ends the work at once; nothing is asked of a registry that may never answer, and nothing fails."""
    failures: list[BaseException] = []
    asked: list[Any] = []

    async def wait_for_the_registry(records: Any) -> Outputs:
        asked.append(records)
        await asyncio.Event().wait()
        raise AssertionError

    async def put_and_close() -> None:
        one = a_lane(SlowLog(0.3), wait_for_the_registry, failures)
        await one.put(delivered(5, 6))
        await asyncio.sleep(0.1)
        await asyncio.wait_for(one.close(), 2)

    monkeypatch.setattr(tenure, "fencing_producer", started)
    asyncio.run(put_and_close())
    assert failures == []
    assert asked == []


def test_a_lane_closes_while_kafka_keeps_it_from_opening() -> None:
    """Kafka may be long about ending what an older owner left open; the group's other partitions must not wait."""
    failures: list[BaseException] = []

    async def put_and_close() -> None:
        waiting = asyncio.Event()

        async def silent(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
            waiting.set()
            await reader.read()

        server = await asyncio.start_server(silent, "127.0.0.1", 0)
        host, port = server.sockets[0].getsockname()
        one = a_lane(SlowLog(0), never, failures, bootstrap_servers=f"{host}:{port}")
        await one.put(delivered(0, 1))
        await asyncio.wait_for(waiting.wait(), 10)
        await asyncio.wait_for(one.close(), 10)  # a request is given up after 40 s
        server.close()

    async def never(_: RawBatch) -> Outputs:
        raise AssertionError

    asyncio.run(put_and_close())
    assert failures == []


def test_a_lane_that_closes_while_its_transaction_breaks_off_does_not_open_anew(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Kafka may be away for long; and the next owner must not be fenced by one that has given the partition away."""
    failures: list[BaseException] = []
    opened: list[Producer] = []
    under_way = asyncio.Event()

    async def open_once(*_: Any, **__: Any) -> Producer:
        if opened:
            await asyncio.Event().wait()
        opened.append(Producer())
        return opened[0]

    async def break_off(*_: Any) -> None:
        under_way.set()
        await asyncio.sleep(0.2)
        raise BrokenOffError("no answer")

    async def nothing(_: RawBatch) -> Outputs:
        return {}

    async def close_meanwhile() -> None:
        one = a_lane(SlowLog(0), nothing, failures)
        await one.put(delivered(0, 1))
        await under_way.wait()
        await asyncio.wait_for(one.close(), 2)

    monkeypatch.setattr(tenure, "fencing_producer", open_once)
    monkeypatch.setattr(Producer, "commit", break_off)
    before = broken_off()
    asyncio.run(close_meanwhile())
    assert failures == []
    assert broken_off() == before + 1


def broken_off() -> float:
    """How many transactions have broken off, as Prometheus is told."""
    labels = {"operation": "commit", "error_type": "BrokenOffError"}
    return REGISTRY.get_sample_value("sitehub_retries_total", labels) or 0


class Transactions:
    """What a lane processes and commits where there is no Kafka: offsets, transaction by transaction."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.failures: list[BaseException] = []
        self.offsets: list[list[int]] = []
        monkeypatch.setattr(tenure, "fencing_producer", started)

    async def process(self, uploads: RawBatch) -> Outputs:
        """Note the offsets."""
        self.offsets.append(list(uploads.offsets))
        return {}


@pytest.mark.parametrize(("allowed_latency", "batches"), [(0.0, [[0], [1]]), (0.3, [[0, 1]])])
def test_records_that_come_within_the_allowed_latency_share_a_transaction(
    monkeypatch: pytest.MonkeyPatch, allowed_latency: float, batches: list[list[int]]
) -> None:
    """The setting decides whether the second of two records, 50 ms later, goes with the first."""
    made = Transactions(monkeypatch)

    async def put_twice() -> None:
        one = a_lane(SlowLog(0), made.process, made.failures, allowed_latency)
        await one.put(delivered(0, 1))
        await asyncio.sleep(0.05)
        await one.put(delivered(0, 1, 2)[1:])
        await asyncio.sleep(0.5)
        await one.close()

    asyncio.run(put_twice())
    assert made.offsets == batches
    assert made.failures == []


@pytest.mark.parametrize(("largest", "batches"), [(1, [[0], [1, 2], [3]]), (1 << 20, [[0, 1, 2, 3]])])
def test_a_transaction_takes_no_more_bytes_than_memory_allows(
    monkeypatch: pytest.MonkeyPatch, largest: int, batches: list[list[int]]
) -> None:
    """Large uploads compress well: thousands that wait in a megabyte are not unpacked at once."""
    made = Transactions(monkeypatch)

    async def put() -> None:
        one = a_lane(SlowLog(0), made.process, made.failures)
        await one.put(delivered(0, 1, 3, 4))
        await asyncio.sleep(0.3)
        await one.close()

    monkeypatch.setattr(lane, "TRANSACTION_BYTES", largest)
    asyncio.run(put())
    assert made.failures == []
    assert made.offsets == batches


def test_waiting_behind_a_commit_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    """A record that came while the last transaction committed has waited: the next one does not wait again."""
    began: list[float] = []
    failures: list[BaseException] = []

    async def process(_: RawBatch) -> Outputs:
        began.append(time.monotonic())
        return {}

    async def slow(*_: Any) -> None:
        await asyncio.sleep(1.0)

    async def put_twice() -> None:
        one = a_lane(SlowLog(0), process, failures, 1.0)
        await one.put(delivered(0, 1))
        await asyncio.sleep(1.1)  # the first transaction is committing
        await one.put(delivered(0, 1, 2)[1:])
        await asyncio.sleep(1.5)
        await one.close()

    monkeypatch.setattr(tenure, "fencing_producer", started)
    monkeypatch.setattr(Producer, "commit", slow)
    asyncio.run(put_twice())
    first, second = began
    assert second - first < 1.0 + 1.0
    assert failures == []


@pytest.mark.parametrize(("full", "batches"), [(5000, [[0], [1, 2]]), (1, [[0], [1], [2]])])
def test_a_lane_rests_after_a_transaction(monkeypatch: pytest.MonkeyPatch, full: int, batches: list[list[int]]) -> None:
    """Half as long as that took: other lanes have the core, and what comes goes together; behind a full one not."""
    made = Transactions(monkeypatch)

    async def slow(*_: Any) -> None:
        await asyncio.sleep(0.2)

    async def put() -> None:
        one = a_lane(SlowLog(0), made.process, made.failures)
        whole = delivered(0, 1, 2, 3)
        for one_batch, pause in zip(whole, (0.1, 0.2, 0.7), strict=True):  # while the first commits, and while it rests
            await one.put([one_batch])
            await asyncio.sleep(pause)
        await one.close()

    monkeypatch.setattr(Producer, "commit", slow)
    monkeypatch.setattr(lane, "TRANSACTION_RECORDS", full)
    asyncio.run(put())
    assert made.failures == []
    assert made.offsets == batches
