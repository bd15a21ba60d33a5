"""Header names that are not UTF-8, on a real Kafka."""

import asyncio
from typing import Any

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.record.default_records import _DefaultRecordBatchBuilderPy

from infra.topics import TopicSpec, create_topics
from streams.header_names import accept_any_header_name
from streams.reading import read, spans

COUNT = 40  # Python calls a method in another way once it has been called some times


class NoText(str):
    """A header name whose bytes are no text."""

    def encode(self, *_: Any) -> bytes:
        """Bytes that are no UTF-8."""
        return b"trace\xff"


async def send_in_one_batch(servers: str, topic: str, headers: Any, compression: int = 0) -> None:
    """Send COUNT records in one batch, the last but one with these headers."""
    producer = AIOKafkaProducer(bootstrap_servers=servers)
    await producer.start()
    batch = producer.create_batch()
    batch._builder = _DefaultRecordBatchBuilderPy(2, compression, 0, -1, -1, 0, 1 << 20)
    for number in range(COUNT):
        batch.append(key=b"k", value=b"%d" % number, timestamp=1, headers=headers if number == COUNT - 2 else [])
    batch.close()
    await (await producer.send_batch(batch, topic, partition=0))
    await producer.stop()


async def fetched(servers: str, topic: str, count: int) -> list[Any]:
    """The first records of a topic."""
    consumer = AIOKafkaConsumer(
        bootstrap_servers=servers, auto_offset_reset="earliest", isolation_level="read_committed"
    )
    await consumer.start()
    consumer.assign([TopicPartition(topic, 0)])
    found = [await asyncio.wait_for(consumer.getone(), 10) for _ in range(count)]
    await consumer.stop()
    return found


def test_a_name_that_is_no_text_stops_nobody(stack: Any) -> None:
    """It is read with the byte written as a number, by the normaliser's consumer and by the readers beside it."""
    accept_any_header_name()
    topic = "names"
    create_topics(stack.bootstrap_servers, [TopicSpec(topic, 1, {})])
    for compression in (0, 1):
        asyncio.run(
            send_in_one_batch(stack.bootstrap_servers, topic, [(NoText("x"), b"v"), ("plain", None)], compression)
        )
    wanted = [*([[]] * (COUNT - 2)), [("trace\\xff", b"v"), ("plain", None)], []] * 2
    values = [b"%d" % number for number in range(COUNT)] * 2
    found = asyncio.run(fetched(stack.bootstrap_servers, topic, 2 * COUNT))
    assert [list(record.headers) for record in found] == wanted
    assert [record.value for record in found] == values
    beside = [
        r for records in read(stack.bootstrap_servers, spans(stack.bootstrap_servers, {topic: 1})) for r in records
    ]
    assert [record.value for record in beside] == values
    assert [record.headers for record in beside] == wanted
