"""Publishing (发布): a compacted topic is made to say what a table says, each content of a key once.

The producer's transactional id belongs to the topic. Starting it fences every other publisher and ends what that left
open; only then table and topic are read, and what differs goes out in one transaction. So what stands there already is
never written again, also where a publisher was killed, and of two at once the later one's look at the table holds.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from aiokafka import TopicPartition

from streams.reading import read, spans
from streams.sending import Sender
from streams.succession import TIMEOUT_S, succeeding_producer
from streams.topics import topic_partitions


@dataclass(frozen=True)
class Said:
    """What a table says: the value of each key, and of which other keys it says that there is nothing."""

    values: Mapping[bytes, bytes]
    denies: Callable[[bytes], bool]


@dataclass(frozen=True)
class Published:
    """What became of the records: written (new or changed), withdrawn, and left as they stood."""

    written: int
    withdrawn: int
    unchanged: int


def publish(bootstrap_servers: str, topic: str, look: Callable[[], Said]) -> Published:
    """Look at the table, write each value that the topic does not hold under its key, and withdraw by a null value each
    key that it holds and the table denies. KafkaException when Kafka refuses, or a later publisher has taken over,
    TimeoutError when it does not answer; KeyError where there is no such topic.
    """
    count = topic_partitions(bootstrap_servers)[topic]
    producer = succeeding_producer(
        bootstrap_servers,
        f"sitehub.publish.{topic}",
        [TopicPartition(topic, number) for number in range(count)],
        **{"partitioner": "murmur2_random", "compression.type": "zstd"},  # partitions as the Java client chooses them
    )
    said = look()
    held = _held(bootstrap_servers, topic, count)
    written = {key: value for key, value in said.values.items() if held.get(key) != value}
    withdrawn = [key for key in held if key not in said.values and said.denies(key)]
    if written or withdrawn:
        producer.begin_transaction()
        sender = Sender(producer)
        for key, value in written.items():
            sender.send(topic, value, key)
        for key in withdrawn:
            sender.send(topic, None, key)
        sender.finish()
        producer.commit_transaction(TIMEOUT_S)
    return Published(len(written), len(withdrawn), len(said.values) - len(written))


def _held(bootstrap_servers: str, topic: str, partitions: int) -> dict[bytes, bytes]:
    """The latest value of each key that is not withdrawn."""
    latest: dict[bytes, bytes | None] = {}
    for records in read(bootstrap_servers, spans(bootstrap_servers, {topic: partitions})):
        latest |= {record.key: record.value for record in records if record.key is not None}
    return {key: value for key, value in latest.items() if value is not None}
