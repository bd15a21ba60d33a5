"""Reading topics from beside (旁读): bounded stretches of committed records, without any consumer group."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Collection, Iterator, Mapping
from typing import Final, cast

from confluent_kafka import Consumer, IsolationLevel, KafkaError, Message, TopicPartition
from confluent_kafka.admin import OffsetSpec

from streams.header_names import record_at
from streams.records import Record, UnreadableHeadersError, record_of
from streams.topics import admin

Place = tuple[str, int]
Span = tuple[int, int]

SILENCE_S: Final = 60
AT_ONCE: Final = 10_000


def reader(bootstrap_servers: str, **settings: object) -> Consumer:
    """A consumer that sees committed records only and commits no offset; assign partitions to it."""
    return Consumer(
        {
            "bootstrap.servers": bootstrap_servers,
            "group.id": "sitehub-reader",  # librdkafka asks for one; it is never joined
            "enable.auto.commit": False,
            "isolation.level": "read_committed",
            "auto.offset.reset": "error",
            "fetch.wait.max.ms": 100,
            "log_level": 0,  # its own lines are no JSON; calls raise what is wrong
            **settings,
        }
    )


def spans(bootstrap_servers: str, partitions: Mapping[str, int]) -> dict[Place, Span]:
    """First offset, and offset behind the last committed record, of every partition of topic → number of partitions."""
    begins = _offsets(bootstrap_servers, partitions, OffsetSpec.earliest())
    ends = _offsets(bootstrap_servers, partitions, OffsetSpec.latest())
    return {place: (begin, ends[place]) for place, begin in begins.items()}


def settled_spans(bootstrap_servers: str, partitions: Mapping[str, int]) -> dict[Place, Span]:
    """Like `spans`, once each transaction under way has ended: what was committed before the call is within them.

    Kafka says that a transaction is committed, and shows the offsets that it moved, before all its partitions have its
    marker. What still has none after a minute no reader can see, and stays outside.
    """
    written = _offsets(bootstrap_servers, partitions, OffsetSpec.latest(), IsolationLevel.READ_UNCOMMITTED)
    until = time.monotonic() + SILENCE_S
    while True:
        found = spans(bootstrap_servers, partitions)
        if all(found[place][1] >= end for place, end in written.items()) or time.monotonic() > until:
            return found
        time.sleep(0.05)


def _offsets(
    bootstrap_servers: str,
    partitions: Mapping[str, int],
    spec: OffsetSpec,
    isolation: IsolationLevel = IsolationLevel.READ_COMMITTED,
) -> dict[Place, int]:
    """What the broker says of each partition."""
    places = [TopicPartition(topic, number) for topic, count in partitions.items() for number in range(count)]
    if not places:
        return {}
    asked = admin(bootstrap_servers).list_offsets(
        dict.fromkeys(places, spec), isolation_level=isolation, request_timeout=SILENCE_S
    )
    return {(place.topic, place.partition): answer.result().offset for place, answer in asked.items()}


def read(bootstrap_servers: str, wanted: Mapping[Place, Span]) -> Iterator[list[Record]]:
    """Every committed record of the stretches (begin ≤ offset < end), in offset order within a partition.

    Lists mix partitions. Ends must not lie behind the last committed record. TimeoutError after a minute of silence.
    """
    ends = {place: end for place, (begin, end) in wanted.items() if begin < end}
    if not ends:
        return
    consumer = reader(bootstrap_servers, **{"enable.partition.eof": True})
    try:
        consumer.assign([TopicPartition(*place, wanted[place][0]) for place in ends])
        heard = time.monotonic()
        while ends:
            messages = consumer.consume(AT_ONCE, timeout=0.2)
            if messages:
                heard = time.monotonic()
            elif time.monotonic() - heard > SILENCE_S:
                raise TimeoutError(f"no answer from Kafka at {bootstrap_servers} for {SILENCE_S} s")
            yield list(_within(bootstrap_servers, messages, ends))
    finally:
        consumer.close()


def _within(bootstrap_servers: str, messages: Collection[Message], ends: dict[Place, int]) -> Iterator[Record]:
    """Records before their partition's end; partitions that are read to their end are struck from `ends`."""
    for message in messages:
        error = message.error()
        if error is not None and error.code() == KafkaError._PARTITION_EOF:
            ends.pop(cast("Place", (message.topic(), message.partition())), None)
            continue
        try:
            record = record_of(message)
        except UnreadableHeadersError:
            at = cast("tuple[str, int, int]", (message.topic(), message.partition(), message.offset()))
            record = asyncio.run(record_at(bootstrap_servers, *at))
        place = record.topic, record.partition
        if place in ends:
            if record.offset < ends[place]:
                yield record
            if record.offset >= ends[place] - 1:
                del ends[place]
