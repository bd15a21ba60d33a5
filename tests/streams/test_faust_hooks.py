"""The places where Faust and aiokafka are bent still fit the installed versions."""

import asyncio
import inspect
from typing import Any

import aiokafka
import faust
from aiokafka import AIOKafkaConsumer, ConsumerRecord
from aiokafka.producer.message_accumulator import BatchBuilder
from aiokafka.record.default_records import DefaultRecordBatch
from aiokafka.structs import TopicPartition
from faust.transport.drivers.aiokafka import AIOKafkaConsumerThread, Consumer
from faust.transport.utils import DefaultSchedulingStrategy

from streams.chunks import CHUNK_LIMIT, Chunk, ChunkScheduler, ChunkSchema
from streams.fetching import FETCH_SETTINGS, PatientConsumer, PatientTransport
from streams.normaliser import FAUST_SETTINGS
from streams.outputs import Outgoing
from streams.transaction import BATCH_BYTES, _batches


def record(offset: int) -> ConsumerRecord:
    """An upload as aiokafka gives it."""
    return ConsumerRecord("raw.x.y", 0, offset, 1000 + offset, 1, b"k", b"v", None, 1, 1, ())


def test_the_consumer_gets_the_fetch_settings() -> None:
    """What is set before the start is what aiokafka reads when it starts, and Faust makes its consumer where we do."""

    async def made() -> AIOKafkaConsumer:
        return AIOKafkaConsumer(bootstrap_servers="127.0.0.1:1")

    consumer = asyncio.run(made())
    starting = inspect.getsource(AIOKafkaConsumer.start) + inspect.getsource(AIOKafkaConsumer)
    for name in FETCH_SETTINGS:
        assert hasattr(consumer, name), f"aiokafka {aiokafka.__version__}"
        assert f"self.{name}" in starting
    assert "_create_worker_consumer" in vars(AIOKafkaConsumerThread)
    assert "_new_consumer_thread" in vars(Consumer)
    assert PatientTransport.Consumer is PatientConsumer


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


class Builders:
    """Makes batches as a producer does."""

    def create_batch(self) -> BatchBuilder:
        """An empty batch."""
        return BatchBuilder(BATCH_BYTES, 0, is_transactional=1)


def test_a_record_larger_than_a_batch_goes_alone() -> None:
    """Order is kept, nothing is lost, and a record of two mebibytes or of nothing at all finds its batch."""
    rows: list[tuple[bytes | None, bytes | None, Any]] = [
        (b"a", b"small", []),
        (b"b", b"x" * (2 << 20), [("h", b"1"), ("none", None)]),
        (None, None, [("h", b"2")]),
        *((b"c", b"y" * 1000, []) for _ in range(1000)),
    ]
    batches: list[Any] = _batches(Builders(), Outgoing(*(list(column) for column in zip(*rows, strict=True))))
    assert [batch.record_count() for batch in batches[:2]] == [1, 1]
    assert len(batches) > 3
    assert all(batch.closed() for batch in batches)
    found = [
        (record.key, record.value, record.headers)
        for batch in batches
        for record in DefaultRecordBatch(bytes(batch._build()))
    ]
    assert found == rows
    counts = [[record.offset for record in DefaultRecordBatch(bytes(batch._build()))] for batch in batches]
    assert counts == [[*range(batch.record_count())] for batch in batches]
