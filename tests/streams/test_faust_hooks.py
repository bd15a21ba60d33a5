"""The places where Faust and aiokafka are bent still fit the installed versions."""

import asyncio
import inspect
import uuid
from typing import Any

import aiokafka
import faust
import pytest
from aiokafka import AIOKafkaConsumer, ConsumerRecord
from aiokafka.client import AIOKafkaClient
from aiokafka.consumer import consumer
from aiokafka.protocol.fetch import FetchRequest
from aiokafka.record.default_records import DefaultRecordBatch
from aiokafka.structs import TopicPartition
from confluent_kafka import Producer
from faust.transport.drivers.aiokafka import AIOKafkaConsumerThread, Consumer
from faust.transport.utils import DefaultSchedulingStrategy

from infra.topics import TopicSpec, create_topics
from streams.batching import batched
from streams.chunks import CHUNK_LIMIT, Chunk, ChunkScheduler, ChunkSchema
from streams.fetching import (
    GATHERING,
    WAITING,
    Patience,
    PatientConsumer,
    PatientTransport,
    fetch_patiently,
)
from streams.normaliser import FAUST_SETTINGS
from streams.outputs import Outgoing
from streams.protocol import Holder
from tests.conftest import Stack


def record(offset: int) -> ConsumerRecord:
    """An upload as aiokafka gives it."""
    return ConsumerRecord("raw.x.y", 0, offset, 1000 + offset, 1, b"k", b"v", None, 1, 1, ())


def test_faust_makes_its_consumer_where_we_do() -> None:
    """What is set before the start is what aiokafka reads when it starts."""

    async def made() -> AIOKafkaConsumer:
        return AIOKafkaConsumer(bootstrap_servers="127.0.0.1:1")

    assert hasattr(asyncio.run(made()), "_isolation_level"), f"aiokafka {aiokafka.__version__}"
    assert "self._isolation_level" in inspect.getsource(AIOKafkaConsumer.start)
    assert "_create_worker_consumer" in vars(AIOKafkaConsumerThread)
    assert "_new_consumer_thread" in vars(Consumer)
    assert PatientTransport.Consumer is PatientConsumer


def test_uploads_are_gathered_and_silence_is_waited_out(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    """After records the broker gathers the next ones; after none it waits for the first, however small."""
    topic, asked = f"raw.yunnan.{uuid.uuid4().hex[:8]}", []
    create_topics(stack.bootstrap_servers, [TopicSpec(topic, 1, {})])
    send = AIOKafkaClient.send
    monkeypatch.setattr(consumer, "Fetcher", consumer.Fetcher)
    fetch_patiently()

    async def noting(client: AIOKafkaClient, node: int, request: Any, **how: Any) -> Any:
        if isinstance(request, FetchRequest):
            asked.append(Patience(request._min_bytes, request._max_wait_ms))
        return await send(client, node, request, **how)

    monkeypatch.setattr(AIOKafkaClient, "send", noting)

    async def run() -> None:
        reading = AIOKafkaConsumer(topic, bootstrap_servers=stack.bootstrap_servers, auto_offset_reset="earliest")
        await reading.start()
        async with asyncio.timeout(60):
            while WAITING not in asked:
                await asyncio.sleep(0.01)
            silent = len(asked)
            producer = Producer({"bootstrap.servers": stack.bootstrap_servers})
            producer.produce(topic, b"x")
            await asyncio.to_thread(producer.flush, 20)
            assert (await reading.getone()).value == b"x"
            while GATHERING not in asked[silent:]:
                await reading.getmany(timeout_ms=10)
        await reading.stop()

    asyncio.run(run())
    assert set(asked) == {GATHERING, WAITING}


def test_the_app_uses_transport_and_chunks() -> None:
    """The settings are taken by Faust, and no topic of the app is ever acknowledged by Faust itself."""
    app = faust.App("test", broker="kafka://127.0.0.1:1", **FAUST_SETTINGS)
    app.transport = PatientTransport(app.conf.broker_consumer, app)
    assert isinstance(app.consumer, PatientConsumer)
    scheduler: object = app.conf.ConsumerScheduler
    assert scheduler is ChunkScheduler
    assert app.conf.consumer_metadata_max_age_ms == 10_000
    assert app.topic("a", "b", schema=ChunkSchema(), acks=False).acks is False


def test_chunks_keep_every_record_in_order() -> None:
    """What was fetched comes out once, in order, in chunks below the limit, each at its last record's offset."""
    assert issubclass(ChunkScheduler, DefaultSchedulingStrategy)
    fetched = [record(offset) for offset in range(2 * CHUNK_LIMIT + 1)]
    place = TopicPartition("raw.x.y", 0)
    scheduler = ChunkScheduler()  # type: ignore[abstract] # Faust's protocol declares an __init__
    chunks: list[Chunk] = [chunk for _, chunk in scheduler.iterate({place: fetched})]
    assert [len(chunk.value) for chunk in chunks] == [CHUNK_LIMIT, CHUNK_LIMIT, 1]
    assert [one for chunk in chunks for one in chunk.value] == fetched
    assert [chunk.offset for chunk in chunks] == [CHUNK_LIMIT - 1, 2 * CHUNK_LIMIT - 1, 2 * CHUNK_LIMIT]


def test_faust_takes_a_chunk_for_a_record() -> None:
    """It makes a message of one, at the last record's offset; the agent gets the records as they are."""
    app = faust.App("test", broker="kafka://127.0.0.1:1", **FAUST_SETTINGS)
    app.transport = PatientTransport(app.conf.broker_consumer, app)
    consumer: Any = app.consumer
    fetched = [record(3), record(4)]

    async def delivered() -> Any:
        message = consumer._to_message(TopicPartition("raw.x.y", 0), Chunk(fetched))
        return await ChunkSchema().decode(app, message)

    event = asyncio.run(delivered())
    assert event.value == fetched
    assert event.message.offset == 4


def test_a_record_larger_than_a_batch_goes_alone() -> None:
    """Order is kept, nothing is lost, and a record of two mebibytes or of nothing at all finds its batch."""
    rows: list[tuple[bytes | None, bytes | None, Any]] = [
        (b"a", b"small", []),
        (b"b", b"x" * (2 << 20), [("h", b"1"), ("none", None)]),
        (None, None, [("h", b"2")]),
        *((b"c", b"y" * 1000, []) for _ in range(1000)),
    ]
    made = batched(Outgoing(*(list(column) for column in zip(*rows, strict=True))), Holder(7, 3))
    batches = [DefaultRecordBatch(each) for each in made]
    assert all(batch.validate_crc() for batch in batches)
    assert {(batch.producer_id, batch.producer_epoch, batch.is_transactional) for batch in batches} == {(7, 3, True)}
    records = [list(batch) for batch in batches]
    assert [len(each) for each in records[:2]] == [1, 1]
    assert len(batches) > 3
    assert [(record.key, record.value, record.headers) for each in records for record in each] == rows
    assert [[record.offset for record in each] for each in records] == [[*range(len(each))] for each in records]
    assert [batch.base_sequence for batch in batches] == [sum(map(len, records[:at])) for at in range(len(batches))]
