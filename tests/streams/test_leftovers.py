"""Partitions that have no marker of a transaction that Kafka holds for completed (残留事务), on a real Kafka."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

import pytest
from aiokafka import TopicPartition
from aiokafka.client import AIOKafkaClient
from aiokafka.conn import CloseReason
from aiokafka.consumer import fetcher
from aiokafka.errors import KafkaConnectionError, ProducerFenced
from aiokafka.protocol.transaction import (
    AddOffsetsToTxnRequest,
    AddPartitionsToTxnRequest,
    EndTxnRequest,
    InitProducerIdRequest,
)

from infra.topics import TopicSpec, create_topics
from streams import tenure
from streams.coordinator import Coordinator
from streams.fencing import fencing_producer
from streams.lane import Lane
from streams.once_producer import OnceProducer
from streams.protocol import DescribeTransactionsRequest, Holder
from streams.record_batches import WholeBatches
from tests.conftest import Stack
from tests.streams.forgotten import end_in_part, one_record, taking_unverified
from tests.streams.test_late_requests import Network, Site, WorkerDiedError, put_between  # noqa: F401 (a fixture)

ALL_MISSING = ("output", "offset")


@pytest.fixture
def unverified(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The broker takes records of a transaction without asking its coordinator; aiokafka delivers whole batches."""
    monkeypatch.setattr(fetcher, "MemoryRecords", WholeBatches)
    monkeypatch.setattr(tenure, "HEARTBEATS_S", 0.1)
    with taking_unverified(stack):
        yield


@pytest.mark.usefixtures("unverified")
@pytest.mark.parametrize("ends", ["commit", "abort"])
@pytest.mark.parametrize("missing", [("output",), ("offset",), ("output", "offset")])
def test_each_upload_comes_out_once(stack: Stack, ends: str, missing: tuple[str, ...]) -> None:
    """Whichever markers are missing: what was to be committed stands, what was to be aborted is made again."""
    site = Site(stack)

    async def run() -> None:
        await leave(site, ends, missing)
        await go_on(site, 2)

    asyncio.run(run())
    assert site.outputs() == [b"0", b"1", b"2"]
    assert site.failures == []


@pytest.mark.usefixtures("unverified")
@pytest.mark.parametrize(
    ("deaths", "before"),
    [
        (1, AddPartitionsToTxnRequest),
        (2, AddPartitionsToTxnRequest),
        (1, AddOffsetsToTxnRequest),
        (2, EndTxnRequest),
        (2, "the last one"),
    ],
)
@pytest.mark.parametrize(
    ("ends", "missing"), [("commit", ("output",)), ("commit", ALL_MISSING), ("abort", ("output",))]
)
def test_owners_that_die_while_they_end_what_is_left(
    stack: Stack, monkeypatch: pytest.MonkeyPatch, deaths: int, before: type | str, ends: str, missing: tuple[str, ...]
) -> None:
    """One or two in a row, whatever they have still sent: the owner after them knows what was decided."""
    site = Site(stack)

    async def run() -> None:
        await leave(site, ends, missing)
        for number in range(2, 2 + deaths):
            with monkeypatch.context() as patched:
                patched.setattr(AIOKafkaClient, "send", dies_before(before))
                short_lived = site.lane()
                await site.upload(short_lived, number)
                async with asyncio.timeout(30):
                    while not site.failures:
                        await asyncio.sleep(0.01)
                await short_lived.close()
            site.failures.clear()
        await go_on(site, 2 + deaths)

    asyncio.run(run())
    assert site.outputs() == [b"%d" % number for number in range(3 + deaths)]
    assert site.failures == []


def dies_before(request: type | str) -> Callable[..., Awaitable[Any]]:
    """In the place of AIOKafkaClient.send: the worker's process ends when it is about to send such a request.

    The last one: the second InitProducerId.
    """
    send, started = AIOKafkaClient.send, 0

    async def send_or_die(client: AIOKafkaClient, node: int, one: Any, **how: Any) -> Any:
        nonlocal started
        started += isinstance(one, InitProducerIdRequest)
        if started == 2 if isinstance(request, str) else isinstance(one, request):
            raise WorkerDiedError
        return await send(client, node, one, **how)

    return send_or_die


@pytest.mark.usefixtures("unverified")
@pytest.mark.parametrize("reaches", [True, False])
@pytest.mark.parametrize(
    "lost",
    [
        DescribeTransactionsRequest,
        InitProducerIdRequest,
        AddPartitionsToTxnRequest,
        AddOffsetsToTxnRequest,
        EndTxnRequest,
    ],
)
def test_requests_without_an_answer_while_what_is_left_is_ended(
    stack: Stack,
    put_between: Callable[..., Network],  # noqa: F811 (the fixture)
    lost: type,
    reaches: bool,
) -> None:
    """Whichever is lost, on the way there or back, the lane opens."""
    site = Site(stack)

    async def run() -> None:
        await leave(site, "commit", ("output",))
        put_between(lost, reaches=reaches)
        await go_on(site, 2)

    asyncio.run(run())
    assert site.outputs() == [b"0", b"1", b"2"]
    assert site.failures == []


async def leave(site: Site, ends: str, missing: tuple[str, ...]) -> None:
    """Upload 0 is through; of upload 1 a transaction is left."""
    first = site.lane()
    await site.upload(first, 0)
    await site.seen(1)
    await first.close()
    site.send(1)
    create_topics(site.servers, [TopicSpec(f"{site.out}.other", 1, {})])
    out, other = TopicPartition(site.out, 0), TopicPartition(f"{site.out}.other", 0)
    record, offset = one_record(b"1"), {site.raw: 2}
    await end_in_part(
        site.servers,
        f"sitehub.{site.group}.{site.raw.topic}.{site.raw.partition}",
        stands=ends == "commit",
        told={other: record} if "output" in missing else {other: record, out: record},
        untold={out: record} if "output" in missing else {},
        group=site.group,
        told_offsets=None if "offset" in missing else offset,
        untold_offsets=offset if "offset" in missing else None,
    )


async def go_on(site: Site, number: int) -> None:
    """The next owner, with the upload of that number; all up to it are seen."""
    following = site.lane()
    await site.upload(following, number)
    await site.seen(number + 1)
    await following.close()
    await site.source.close()


def test_who_comes_back_from_an_outage_waits_until_he_is_answered(
    stack: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Only then he hears whether the partition is still his: to wait before, while nothing is heard, is of no use."""
    site, bootstrap, ask = Site(stack), AIOKafkaClient.bootstrap, Coordinator._ask
    refusals, answered, asked = [KafkaConnectionError("away")] * 2, list[float](), list[float]()

    async def away_at_first(client: AIOKafkaClient) -> None:
        if refusals:
            raise refusals.pop()
        await bootstrap(client)
        answered.append(time.monotonic())

    async def noting(coordinator: Coordinator, request: Any) -> Any:
        asked.append(time.monotonic())
        return await ask(coordinator, request)

    async def run() -> None:
        producer = await fencing_producer(site.servers, "waits", [TopicPartition(site.out, 0)], patience_s=0.5)
        await producer.stop()
        await site.source.close()

    monkeypatch.setattr(AIOKafkaClient, "bootstrap", away_at_first)
    monkeypatch.setattr(Coordinator, "_ask", noting)
    asyncio.run(run())
    assert refusals == []
    assert asked[0] - answered[0] >= 0.5


def test_who_is_overtaken_while_he_ends_what_is_left_hears_of_it(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    """A frozen owner that wakes up there neither waits for ever nor fences the one who came after him."""
    site, end = Site(stack), Coordinator.end
    others = list[OnceProducer]()

    async def started() -> OnceProducer:
        return await fencing_producer(site.servers, "overtaken", [TopicPartition(site.out, 0)])

    async def end_and_be_overtaken(coordinator: Coordinator, holder: Holder, *, stands: bool) -> None:
        monkeypatch.setattr(Coordinator, "end", end)
        await end(coordinator, holder, stands=stands)
        others.append(await started())

    async def run() -> None:
        first = await started()
        await first.commit({(site.out, 0): one_record(b"0")}, {})
        await first.stop()
        monkeypatch.setattr(Coordinator, "end", end_and_be_overtaken)
        async with asyncio.timeout(30):
            with pytest.raises(ProducerFenced):
                await started()
        await others[0].commit({(site.out, 0): one_record(b"1")}, {})
        await others[0].stop()
        await site.source.close()

    asyncio.run(run())
    assert site.outputs() == [b"0", b"1"]


@pytest.mark.usefixtures("unverified")
def test_a_lane_without_uploads_ends_what_is_left(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was committed is to be seen though nothing more is sent; and again when a connection has broken, and before
    Kafka forgets an id that nobody uses."""
    site = Site(stack)

    async def run() -> None:
        await leave(site, "commit", ("output",))
        following = site.lane()
        await opened(following)
        await site.seen(2)
        assert not following.make_sure()
        held = following._tenure._producer
        assert held is not None
        held.disturbed = True
        await opened(following)
        assert not following.make_sure()
        monkeypatch.setattr(tenure, "KNOWN_S", 0.0)
        await opened(following)
        await following.close()
        await site.source.close()

    asyncio.run(run())
    assert site.outputs() == [b"0", b"1"]
    assert site.failures == []


async def opened(lane: Lane) -> None:
    """Let a lane make sure, once; it gets another producer."""
    held = lane._tenure._producer
    assert lane.make_sure()
    assert not lane.make_sure()  # it is at it
    assert lane._task is not None
    await asyncio.wait_for(lane._task, 30)
    assert lane._tenure._producer not in (held, None)


@pytest.mark.usefixtures("unverified")
def test_a_lane_opens_anew_after_a_broken_connection(stack: Stack) -> None:
    """The last commit was acknowledged; whether Kafka has ended it, only its coordinator knows."""
    site, started = Site(stack), list[OnceProducer]()

    async def run() -> None:
        only = site.lane()
        for number in range(2):
            await site.upload(only, number)
            await site.seen(number + 1)
            assert only._tenure._producer is not None
            started.append(only._tenure._producer)
            for connection in list(started[-1].client._conns.values()):
                connection.close(reason=CloseReason.CONNECTION_BROKEN)
        await only.close()
        await site.source.close()

    asyncio.run(run())
    assert site.outputs() == [b"0", b"1"]
    assert site.failures == []
    assert len({id(producer) for producer in started}) == 2
