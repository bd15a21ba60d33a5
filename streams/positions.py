"""How far a province's normalisers have come (进度), asked from the broker: the group's committed offsets."""

from __future__ import annotations

from collections.abc import Mapping

from confluent_kafka import ConsumerGroupTopicPartitions, TopicPartition

from pipelines.catalog import Catalog
from streams.reading import Place
from streams.topics import admin, raw_topics, topic_partitions
from streams.watch import Positions


def of_normaliser(bootstrap_servers: str, province: str, catalog: Catalog) -> Positions:
    """What the transactions of a province's normalisers, all workers of the group, have completed."""

    def positions() -> Mapping[Place, int]:
        counts = topic_partitions(bootstrap_servers)
        topics = [topic.topic for topic in raw_topics(counts, province, catalog)]
        places = [TopicPartition(topic, number) for topic in topics for number in range(counts[topic])]
        asked = ConsumerGroupTopicPartitions(f"sitehub-{province}", places)
        [answer] = admin(bootstrap_servers).list_consumer_group_offsets([asked]).values()
        return {(at.topic, at.partition): at.offset for at in answer.result().topic_partitions}

    return positions
