"""How far a province's normalisers have come (进度), asked from the broker: the group's committed offsets."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from contextlib import closing
from typing import Final

import stamina
from confluent_kafka import KafkaError, KafkaException, TopicPartition

from pipelines.catalog import Catalog
from streams.reading import Place, reader
from streams.topics import raw_topics, topic_partitions
from streams.watch import Positions

ANSWERS_WITHIN_S: Final = 20.0
# The group's coordinator is being found or is starting: it passes.
COORDINATOR_MOVES: Final = {
    KafkaError.NOT_COORDINATOR,
    KafkaError.COORDINATOR_NOT_AVAILABLE,
    KafkaError.COORDINATOR_LOAD_IN_PROGRESS,
}


def of_normaliser(bootstrap_servers: str, province: str, catalog: Catalog) -> Positions:
    """What the transactions of a province's normalisers, all workers of the group, have completed."""

    def positions() -> Mapping[Place, int]:
        counts = topic_partitions(bootstrap_servers)
        topics = [topic.topic for topic in raw_topics(counts, province, catalog)]
        places = [(topic, number) for topic in topics for number in range(counts[topic])]
        return committed(bootstrap_servers, f"sitehub-{province}", places)

    return positions


def committed(bootstrap_servers: str, group: str, places: Collection[Place]) -> dict[Place, int]:
    """The group's committed offset of each place, negative where it has none. KafkaException when Kafka does not tell.

    Asked by a consumer that never joins: librdkafka's admin client ends the process where the group's coordinator has
    moved, or is new (seen with 2.16; `tests/streams/test_positions.py`). Offsets of transactions that are under way are
    not waited for: a busy group always has some.
    """
    if not places:
        return {}
    with closing(reader(bootstrap_servers, **{"group.id": group, "isolation.level": "read_uncommitted"})) as member:
        for attempt in stamina.retry_context(on=_finds_no_coordinator, attempts=None, timeout=ANSWERS_WITHIN_S):
            with attempt:
                answer = member.committed([TopicPartition(*place) for place in places], timeout=ANSWERS_WITHIN_S)
    return {(at.topic, at.partition): at.offset for at in answer}


def _finds_no_coordinator(error: Exception) -> bool:
    return isinstance(error, KafkaException) and error.args[0].code() in COORDINATOR_MOVES
