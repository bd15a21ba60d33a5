"""Requests that the network delivers late, when their answers have long been given up (迟到的请求), on a real Kafka.

A connection is cut; what was sent on it may still reach the broker, after the producer has sent it again on another and
has gone on to its next transaction. Kafka knows such a request from a current one only by the producer's epoch.
"""

import asyncio
import gc
import logging
import uuid
from collections.abc import Awaitable, Callable
from types import SimpleNamespace
from typing import Any

import pytest
from aiokafka import TopicPartition
from aiokafka.client import AIOKafkaClient
from aiokafka.consumer import fetcher
from aiokafka.errors import KafkaConnectionError
from confluent_kafka import Producer

from infra.topics import TopicSpec, create_topics
from pipelines.wire import RawBatch
from streams import tenure
from streams.lane import Lane
from streams.outputs import NO_HEADERS, Outgoing, Outputs
from streams.protocol import EndTxnRequest, ProduceRequest, TxnOffsetCommitRequest
from streams.reading import read, spans
from streams.record_batches import WholeBatches
from streams.source import Source
from streams.together import Beat
from tests.conftest import Stack
from tests.streams.test_lane import Alone

Send = Callable[..., Awaitable[Any]]


class WorkerDiedError(Exception):
    """The worker's process ends here."""


class Network:
    """Cuts off the first request of a kind, and delivers it later: when a request of another kind is about to be sent.

    reaches: the broker gets it at once too, and only the answer is lost; dies: the worker's process ends right after
    the late delivery.
    """

    def __init__(self, send: Send, lost: type, *, reaches: bool = False, dies: bool = False) -> None:
        self._send, self._lost, self._reaches, self._dies = send, lost, reaches, dies
        self._cut: tuple[Any, ...] | None = None
        self.deliver_before: type | None = None
        self.delivered = asyncio.Event()

    async def send(self, client: AIOKafkaClient, node: int, request: Any, *, group: Any = 0) -> Any:
        """In the place of AIOKafkaClient.send."""
        if self._cut is None and isinstance(request, self._lost):
            self._cut = client, node, request
            if self._reaches:
                await self._send(*self._cut, group=group)
            raise KafkaConnectionError("cut off")
        if self.deliver_before is not None and isinstance(request, self.deliver_before):
            assert self._cut is not None
            self.deliver_before = None
            await self._send(*self._cut, group="late")  # a connection of its own
            self.delivered.set()
            if self._dies:
                raise WorkerDiedError
        return await self._send(client, node, request, group=group)


class Site:
    """A raw partition and an output topic."""

    def __init__(self, stack: Stack) -> None:
        name = uuid.uuid4().hex[:8]
        self.servers, self.group = stack.bootstrap_servers, f"late-{name}"
        self.raw, self.out = TopicPartition(f"raw.yunnan.late-{name}", 0), f"late.out.{name}"
        create_topics(self.servers, [TopicSpec(self.raw.topic, 1, {}), TopicSpec(self.out, 1, {})])
        self.producer = Producer({"bootstrap.servers": self.servers})
        self.source = Source(self.servers, self.group)
        self.failures: list[BaseException] = []

    async def process(self, uploads: RawBatch) -> Outputs:
        """Each upload becomes a record of its own value."""
        count = len(uploads)
        return {(self.out, 0): Outgoing([None] * count, list(uploads.values), [NO_HEADERS] * count)}

    def lane(self) -> Lane:
        """A new owner of the partition."""
        held = tenure.Tenure(
            self.raw,
            bootstrap_servers=self.servers,
            group=self.group,
            source=self.source,
            reach=[TopicPartition(self.out, 0)],
        )
        return Lane(
            held,
            source=self.source,
            process=Alone(self.process),
            fail=self.failures.append,
            beat=Beat(),
            allowed_latency=0.01,
        )

    def send(self, number: int) -> None:
        """Send the upload of that number, which is its offset too."""
        self.producer.produce(self.raw.topic, b"%d" % number)
        assert self.producer.flush(20) == 0

    async def upload(self, to: Lane, number: int) -> None:
        """Send the upload of that number, and give the lane what stands in the raw partition."""
        self.send(number)
        batches = await self.source.stretch(self.raw, 0, number + 1)
        await to.put([SimpleNamespace(value=batch) for batch in batches])

    async def seen(self, count: int) -> None:
        """Wait until so many outputs are committed."""
        async with asyncio.timeout(30):
            while len(await asyncio.to_thread(self.outputs)) < count:
                await asyncio.sleep(0.05)

    def outputs(self) -> list[bytes | None]:
        """What a reader of committed records finds."""
        found = read(self.servers, spans(self.servers, {self.out: 1}))
        return [record.value for records in found for record in records]


@pytest.fixture
def put_between(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Network]:
    """Put a network between aiokafka and the broker."""

    def put(lost: type, **how: bool) -> Network:
        network = Network(AIOKafkaClient.send, lost, **how)

        async def send(client: AIOKafkaClient, node: int, request: Any, *, group: Any = 0) -> Any:
            return await network.send(client, node, request, group=group)

        monkeypatch.setattr(AIOKafkaClient, "send", send)
        monkeypatch.setattr(fetcher, "MemoryRecords", WholeBatches)
        monkeypatch.setattr(tenure, "HEARTBEATS_S", 0.1)
        return network

    return put


@pytest.mark.parametrize(
    ("lost", "deliver_before", "dies"),
    [
        pytest.param(TxnOffsetCommitRequest, EndTxnRequest, False, id="an offset behind the next one"),
        pytest.param(EndTxnRequest, TxnOffsetCommitRequest, True, id="a commit in the midst of the next transaction"),
    ],
)
def test_what_arrives_late_has_no_effect(
    stack: Stack,
    put_between: Callable[..., Network],
    caplog: pytest.LogCaptureFixture,
    lost: type,
    deliver_before: type,
    dies: bool,
) -> None:
    """Each upload comes out once, in order, also for the partition's next owner."""
    network = put_between(lost, dies=dies)

    async def run(site: Site) -> None:
        first = site.lane()
        await site.upload(first, 0)
        await site.seen(1)
        network.deliver_before = deliver_before
        await site.upload(first, 1)
        async with asyncio.timeout(30):
            await network.delivered.wait()
        await first.close()
        following = site.lane()
        await site.upload(following, 2)
        await site.seen(3)
        await following.close()
        await site.source.close()

    site = Site(stack)
    asyncio.run(run(site))
    assert site.outputs() == [b"0", b"1", b"2"]
    assert len(site.failures) == dies
    assert complaints(caplog) == []


@pytest.mark.parametrize("reaches", [True, False])
@pytest.mark.parametrize("lost", [ProduceRequest, TxnOffsetCommitRequest, EndTxnRequest])
def test_a_transaction_without_an_answer_is_found_to_stand_or_made_again(
    stack: Stack,
    put_between: Callable[..., Network],
    caplog: pytest.LogCaptureFixture,
    lost: type,
    reaches: bool,
) -> None:
    """Whichever request is lost, on the way there or back: the lane goes on by itself, each upload comes out once.

    Nor does asyncio complain of errors that nobody heard.
    """
    put_between(lost, reaches=reaches)
    site = Site(stack)
    asyncio.run(two_uploads(site))
    assert site.outputs() == [b"0", b"1"]
    assert site.failures == []
    assert complaints(caplog) == []


async def two_uploads(site: Site) -> None:
    """Two uploads, one after the other."""
    only = site.lane()
    for number in range(2):
        await site.upload(only, number)
        await site.seen(number + 1)
    await only.close()
    await site.source.close()


def complaints(caplog: pytest.LogCaptureFixture) -> list[logging.LogRecord]:
    """What asyncio finds unheard."""
    gc.collect()
    return [record for record in caplog.records if record.name == "asyncio"]
