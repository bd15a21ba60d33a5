"""Transactions as the lanes make them, on a real Kafka."""

import asyncio
import socket
import time
import uuid
from typing import Any

import pytest
from aiokafka import TopicPartition
from aiokafka.client import ConnectionGroup
from aiokafka.conn import AIOKafkaConnection, create_conn
from aiokafka.errors import KafkaConnectionError, ProducerFenced, UnsupportedVersionError

from infra.topics import TopicSpec, create_topics
from streams import once_producer
from streams.answers import BrokenOffError, is_done
from streams.fencing import fencing_producer
from streams.once_producer import OnceProducer
from streams.outputs import NO_HEADERS, Outgoing, Outputs
from streams.protocol import FeaturesResponse, ProduceRequest
from streams.reading import read, settled_spans
from tests.conftest import Stack

PARTITIONS = 3


class Site:
    """An output topic and a transactional id."""

    def __init__(self, stack: Stack) -> None:
        self.servers, self.topic = stack.bootstrap_servers, f"once.{uuid.uuid4().hex[:8]}"
        create_topics(self.servers, [TopicSpec(self.topic, PARTITIONS, {})])
        self.reach = [TopicPartition(self.topic, number) for number in range(PARTITIONS)]

    async def producer(self) -> OnceProducer:
        """A new holder of the id."""
        return await fencing_producer(self.servers, self.topic, self.reach, self.topic)

    def outputs(self, *values: bytes) -> Outputs:
        """The same values for every partition."""
        count = len(values)
        return {
            (self.topic, number): Outgoing([b"%d" % number] * count, [*values], [NO_HEADERS] * count)
            for number in range(PARTITIONS)
        }

    def values(self) -> list[list[bytes | None]]:
        """What a reader of committed records finds in each partition."""
        found: list[list[bytes | None]] = [[] for _ in range(PARTITIONS)]
        for records in read(self.servers, settled_spans(self.servers, {self.topic: PARTITIONS})):
            for record in records:
                found[record.partition].append(record.value)
        return found


def test_every_transaction_has_an_epoch_of_its_own(stack: Stack) -> None:
    """So that what the network delivers late is refused; and records are numbered anew in each."""
    site = Site(stack)

    async def run() -> list[int]:
        producer = await site.producer()
        epochs = []
        for number in range(3):
            await producer.commit(site.outputs(b"%d" % number), {site.reach[0]: number})
            epochs.append(producer._holder.epoch)
        await producer.commit({}, {site.reach[0]: 3})  # nothing but an offset is a transaction too
        epochs.append(producer._holder.epoch)
        await producer.stop()
        return epochs

    first, *following = asyncio.run(run())
    assert following == [first + 1, first + 2, first + 3]
    assert site.values() == [[b"0", b"1", b"2"]] * PARTITIONS


def test_what_one_request_cannot_take_goes_in_several(stack: Stack) -> None:
    """Batches of a partition in their order, one partition with more of them than the others."""
    site = Site(stack)
    many = [b"%04d" % number * 10_000 for number in range(100)]  # eight batches
    made = site.outputs(b"few") | {(site.topic, 1): Outgoing([None] * 100, [*many], [NO_HEADERS] * 100)}

    async def run() -> None:
        producer = await site.producer()
        await producer.commit(made, {site.reach[0]: 1})
        await producer.commit(site.outputs(b"next"), {site.reach[0]: 2})
        await producer.stop()

    asyncio.run(run())
    assert site.values() == [[b"few", b"next"], [*many, b"next"], [b"few", b"next"]]


def test_who_has_been_overtaken_commits_nothing(stack: Stack) -> None:
    """It is told so, and what it sent is never seen."""
    site = Site(stack)

    async def run() -> None:
        former, present = await site.producer(), await site.producer()
        with pytest.raises(ProducerFenced):
            await former.commit(site.outputs(b"former"), {site.reach[0]: 1})
        await present.commit(site.outputs(b"present"), {site.reach[0]: 1})
        await former.stop()
        await present.stop()

    asyncio.run(run())
    assert site.values() == [[b"present"]] * PARTITIONS


def test_a_broker_that_never_does_it_is_not_asked_for_ever(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    """The transaction breaks off long before Kafka ends it by itself, so that the next holder can make it again."""
    site = Site(stack)
    monkeypatch.setattr(once_producer, "is_done", lambda *_: False)

    async def run() -> None:
        producer = await site.producer()
        with pytest.raises(BrokenOffError):
            await producer.commit(site.outputs(b"never"), {site.reach[0]: 1})
        await producer.stop()
        monkeypatch.undo()
        following = await site.producer()
        await following.stop()

    asyncio.run(run())
    assert site.values() == [[]] * PARTITIONS


def test_a_broker_that_is_slow_for_a_second_is_asked_again(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    """Breaking off costs every lane three seconds and more requests, of brokers that have enough of them."""
    site = Site(stack)

    async def run() -> tuple[int, float]:
        producer = await site.producer()
        first, begun = producer._holder.epoch, time.monotonic()
        monkeypatch.setattr(
            once_producer, "is_done", lambda code, name: time.monotonic() > begun + 1 and is_done(code, name)
        )
        await producer.commit({}, {site.reach[0]: 1})
        await producer.stop()
        return producer._holder.epoch - first, time.monotonic() - begun

    ended, took_s = asyncio.run(run())
    assert ended == 1
    assert took_s > 1


def test_nobody_waits_for_a_network_that_takes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Not even who was interrupted waiting: the lane opens anew elsewhere. TCP itself gives up after a quarter of an
    hour."""

    async def no_versions(connection: AIOKafkaConnection) -> None:
        connection._versions = {}

    async def run(server: socket.socket) -> None:
        host, port = server.getsockname()
        producer = OnceProducer(f"{host}:{port}", "id", [TopicPartition("never", 0)], None)
        connection = await create_conn(host, port, on_close=producer.client._on_connection_closed)
        producer.client._conns[0, ConnectionGroup.DEFAULT] = connection
        assert connection._writer is not None
        connection._writer.write(bytes(16 << 20))
        stopping = asyncio.create_task(producer.stop())
        await asyncio.sleep(0.1)
        stopping.cancel()
        async with asyncio.timeout(5):
            with pytest.raises(asyncio.CancelledError):
                await stopping
            await producer.stop()

    monkeypatch.setattr(AIOKafkaConnection, "_do_version_lookup", no_versions)
    with socket.create_server(("127.0.0.1", 0)) as server:  # connections are taken by the system, and never read
        asyncio.run(run(server))


def test_a_cluster_without_epochs_is_refused_with_the_remedy(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    """An upgraded Kafka has them only once its feature is raised."""
    site, asked = Site(stack), list[dict[str, int]]()
    levels: Any = vars(FeaturesResponse)["levels"]

    def older(answer: FeaturesResponse) -> dict[str, int]:
        asked.append(levels.fget(answer))
        return asked[-1] | {"transaction.version": 1}

    monkeypatch.setattr(FeaturesResponse, "levels", property(older))
    with pytest.raises(UnsupportedVersionError, match=r"transaction.version is at level 1.*kafka-features.sh upgrade"):
        asyncio.run(site.producer())
    assert asked[0]["transaction.version"] >= 2


def test_nothing_is_held_by_a_cluster_that_is_refused(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    """The check comes before anybody is fenced."""
    site = Site(stack)

    async def run() -> None:
        former = await site.producer()
        monkeypatch.setattr(FeaturesResponse, "levels", property(lambda _: {}))
        with pytest.raises(UnsupportedVersionError):
            await site.producer()
        await former.commit(site.outputs(b"goes on"), {site.reach[0]: 1})
        await former.stop()

    asyncio.run(run())
    assert site.values() == [[b"goes on"]] * PARTITIONS


def test_nobody_waits_for_a_broker_when_another_has_failed(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two leaders: one connection breaks, the other one is silent; the transaction breaks off at once."""
    site, silent = Site(stack), list[asyncio.Task[Any] | None]()

    async def run() -> None:
        producer = await site.producer()
        by_leader, send = producer._by_leader, producer.client.send

        async def one_fails(node: int, request: Any, **how: Any) -> Any:
            if node == 0:
                await asyncio.sleep(0.1)
                raise KafkaConnectionError("broken")
            if isinstance(request, ProduceRequest):
                silent.append(asyncio.current_task())
                await asyncio.Event().wait()
            return await send(node, request, **how)

        def two_leaders(outputs: Outputs) -> dict[int, dict[TopicPartition, list[bytes]]]:
            ((leader, batches),) = by_leader(outputs).items()
            first, *others = batches.items()
            return {0: dict([first]), leader: dict(others)}

        monkeypatch.setattr(producer, "_by_leader", two_leaders)
        monkeypatch.setattr(producer.client, "send", one_fails)
        async with asyncio.timeout(10):
            with pytest.raises(BrokenOffError):
                await producer.commit(site.outputs(b"never"), {site.reach[0]: 1})
        await producer.stop()

    asyncio.run(run())
    assert [task is not None and task.cancelled() for task in silent] == [True]
    assert site.values() == [[]] * PARTITIONS
