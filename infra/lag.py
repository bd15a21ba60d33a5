"""How far a reader is behind the log (消费滞后)."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import cast

from confluent_kafka import (
    Consumer,
    ConsumerGroupState,
    IsolationLevel,
    KafkaError,
    KafkaException,
    TopicPartition,
)
from confluent_kafka.admin import OffsetSpec

from infra.stack.broker import admin

TIMEOUT = 10.0
LAST_OFFSETS = 64

Place = tuple[str, int]


@dataclass(frozen=True)
class Lag:
    """Offsets of one topic that a reader has not finished; end (behind the last record) and done are sums over its
    partitions. Marks of transactions between records count as offsets, behind the last record they do not."""

    reader: str
    topic: str
    end: int
    done: int

    @property
    def behind(self) -> int:
        """How many offsets remain."""
        return self.end - self.done


def group_is_stable(bootstrap_servers: str, group: str) -> bool:
    """Whether the group has members and each knows its partitions."""
    client = admin(bootstrap_servers)
    try:
        described = client.describe_consumer_groups([group], request_timeout=TIMEOUT)[group].result()
    except KafkaException:
        return False
    return bool(described.state == ConsumerGroupState.STABLE and described.members)


def end_offsets(bootstrap_servers: str, partitions: Sequence[tuple[str, int]]) -> dict[tuple[str, int], int]:
    """(topic, partition) → offset after the last record that a reader of committed records may see."""
    client = admin(bootstrap_servers)
    wanted = {TopicPartition(topic, partition): OffsetSpec.latest() for topic, partition in partitions}
    answers = client.list_offsets(wanted, isolation_level=IsolationLevel.READ_COMMITTED, request_timeout=TIMEOUT)
    return {(at.topic, at.partition): int(future.result().offset) for at, future in answers.items()}


def record_ends(bootstrap_servers: str, done: Mapping[Place, int]) -> dict[Place, int]:
    """Offset behind the last committed record of each partition; that of `done` where no record lies behind it.

    The log's end will not do: behind the last record of a transaction lies its mark, which no reader ever finishes.
    """
    log_ends = end_offsets(bootstrap_servers, list(done))
    found = {place: max(done[place], 0) for place in log_ends}
    open_ends = {place: end for place, end in log_ends.items() if end > done[place]}
    consumer = _consumer(bootstrap_servers)
    try:
        width = LAST_OFFSETS
        while open_ends:
            starts = {place: max(done[place], end - width) for place, end in open_ends.items()}
            lasts = _last_records(consumer, starts, open_ends)
            found |= {place: last + 1 for place, last in lasts.items()}
            open_ends = {
                place: end for place, end in open_ends.items() if place not in lasts and starts[place] > done[place]
            }
            width *= LAST_OFFSETS
    finally:
        consumer.close()
    return found


def _last_records(consumer: Consumer, starts: Mapping[Place, int], ends: Mapping[Place, int]) -> dict[Place, int]:
    """Offset of the last record with start ≤ offset < end of each partition that has one there."""
    consumer.assign([TopicPartition(*place, start) for place, start in starts.items()])
    waiting, found, until = set(starts), {}, time.monotonic() + TIMEOUT
    while waiting:
        if time.monotonic() > until:
            raise TimeoutError(f"Kafka did not give the ends of {len(waiting)} partitions within {TIMEOUT:.0f} s")
        for message in consumer.consume(1000, timeout=0.2):
            place = cast("Place", (message.topic(), message.partition()))
            error, offset = message.error(), cast("int", message.offset())
            if error is not None and error.code() != KafkaError._PARTITION_EOF:
                raise KafkaException(error)
            if error is None and offset < ends[place]:
                found[place] = offset
            if error is not None or offset >= ends[place] - 1:
                waiting.discard(place)
    return found


def _consumer(bootstrap_servers: str) -> Consumer:
    """It reads committed records, and commits nothing."""
    return Consumer(
        {
            "bootstrap.servers": bootstrap_servers,
            "group.id": "sitehub-lag",
            "enable.auto.commit": False,
            "enable.partition.eof": True,
            "isolation.level": "read_committed",
            "auto.offset.reset": "earliest",
            "fetch.wait.max.ms": 50,
            "log_level": 0,
        }
    )


def lags(reader: str, ends: dict[tuple[str, int], int], done: dict[tuple[str, int], int]) -> list[Lag]:
    """Sum partitions to topics."""
    topics = sorted({topic for topic, _ in ends})
    return [
        Lag(
            reader,
            topic,
            end=sum(end for (name, _), end in ends.items() if name == topic),
            done=sum(done.get(at, 0) for at in ends if at[0] == topic),
        )
        for topic in topics
    ]
