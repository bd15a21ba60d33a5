"""Which transactions of a producer a partition holds for open (未结事务): Kafka's DescribeProducers, KIP-664.

aiokafka has no such request (checked with 0.14); Kafka answers it since 2.8.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection
from typing import Any, Final

import stamina
from aiokafka import AIOKafkaProducer, TopicPartition
from aiokafka.errors import KafkaError, LeaderNotAvailableError, for_code
from aiokafka.protocol.api import Request, RequestStruct, Response
from aiokafka.protocol.types import CompactArray, CompactString, Int16, Int32, Int64, Schema, TaggedFields

PATIENCE_S: Final = 60
NOTHING_OPEN: Final = -1
TEXT: Final = CompactString("utf-8")
TAGS: Final = ("tags", TaggedFields)


class DescribeProducersResponse(Response):
    """Version 0."""

    API_KEY = 61
    API_VERSION = 0
    _STATE = (
        ("producer_id", Int64),
        ("producer_epoch", Int32),
        ("last_sequence", Int32),
        ("last_timestamp", Int64),
        ("coordinator_epoch", Int32),
        ("begin", Int64),
        TAGS,
    )
    _PARTITION = (
        ("partition", Int32),
        ("error_code", Int16),
        ("error_message", TEXT),
        ("states", CompactArray(*_STATE)),
        TAGS,
    )
    SCHEMA = Schema(
        ("throttle_time_ms", Int32),
        ("topics", CompactArray(("topic", TEXT), ("partitions", CompactArray(*_PARTITION)), TAGS)),
        TAGS,
    )


class DescribeProducersRequestV0(RequestStruct):
    """Version 0."""

    API_KEY = 61
    API_VERSION = 0
    FLEXIBLE_VERSION = True
    RESPONSE_TYPE = DescribeProducersResponse
    SCHEMA = Schema(("topics", CompactArray(("topic", TEXT), ("partitions", CompactArray(Int32)), TAGS)), TAGS)


class DescribeProducersRequest(Request[DescribeProducersRequestV0]):
    """Asks the leader of partitions for the states of their producers."""

    API_KEY = 61

    def __init__(self, places: Collection[TopicPartition]) -> None:
        """`places`: partitions of one leader."""
        numbers: dict[str, list[int]] = defaultdict(list)
        for place in places:
            numbers[place.topic].append(place.partition)
        self._topics = [(topic, partitions, dict[int, bytes]()) for topic, partitions in numbers.items()]

    def build(self, request_struct_class: type[DescribeProducersRequestV0]) -> DescribeProducersRequestV0:
        """The request as it is sent."""
        return request_struct_class(self._topics, {})


def _passes(error: Exception) -> bool:
    return isinstance(error, KafkaError) and bool(error.retriable)


@stamina.retry(on=_passes, attempts=None, timeout=PATIENCE_S)
async def open_transactions(
    producer: AIOKafkaProducer, places: Collection[TopicPartition]
) -> dict[TopicPartition, int]:
    """Where the producer's own id has a transaction open, and the offset at which that begins.

    Waits for a minute at most while partitions have no leader; KafkaError where Kafka refuses.
    """
    leaders: dict[int, list[TopicPartition]] = defaultdict(list)
    for place in places:
        await producer.partitions_for(place.topic)
        leader = producer.client.cluster.leader_for_partition(place)
        if leader is None or leader < 0:
            await producer.client.force_metadata_update()
            raise LeaderNotAvailableError(f"{place} has no leader")
        leaders[leader].append(place)
    found: dict[TopicPartition, int] = {}
    for leader, led in leaders.items():
        found |= await _of_leader(producer, leader, led)
    return found


async def _of_leader(
    producer: AIOKafkaProducer, leader: int, places: Collection[TopicPartition]
) -> dict[TopicPartition, int]:
    answer: Any = await producer.client.send(leader, DescribeProducersRequest(places))
    found = {}
    for topic, partitions, _ in answer.topics:
        for number, code, message, states, _ in partitions:
            if code:
                await producer.client.force_metadata_update()
                raise for_code(code)(f"{topic}-{number}: {message}")
            for producer_id, _, _, _, _, begin, _ in states:
                if producer_id == producer._txn_manager.producer_id and begin != NOTHING_OPEN:
                    found[TopicPartition(topic, number)] = int(begin)
    return found
