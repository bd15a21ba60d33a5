"""How far a consumer group is behind the log (消费滞后)."""

from collections.abc import Sequence
from dataclasses import dataclass

from confluent_kafka import (
    ConsumerGroupState,
    ConsumerGroupTopicPartitions,
    IsolationLevel,
    KafkaException,
    TopicPartition,
)
from confluent_kafka.admin import OffsetSpec

from infra.stack.broker import admin

TIMEOUT = 10.0


@dataclass(frozen=True)
class Lag:
    """Offsets of one topic that a reader has not finished; end and done are sums over its partitions."""

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


def group_lag(bootstrap_servers: str, group: str, topics: dict[str, int]) -> list[Lag]:
    """Lag of the group at each topic; topics: name → number of partitions."""
    partitions = [(topic, partition) for topic, count in topics.items() for partition in range(count)]
    if not partitions:
        return []
    client = admin(bootstrap_servers)
    request = ConsumerGroupTopicPartitions(group, [TopicPartition(*at) for at in partitions])
    answer = client.list_consumer_group_offsets([request], request_timeout=TIMEOUT)[group].result()
    done = {(at.topic, at.partition): max(at.offset, 0) for at in answer.topic_partitions}
    return lags(group, end_offsets(bootstrap_servers, partitions), done)


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
