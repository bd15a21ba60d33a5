"""Which topics there are (主题发现), asked from the broker."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from functools import lru_cache
from typing import TYPE_CHECKING

from confluent_kafka.admin import AdminClient

from pipelines.names import RawTopic, parse_raw_topic

if TYPE_CHECKING:
    from pipelines.catalog import Catalog

METADATA_TIMEOUT_S = 30


@lru_cache(maxsize=4)
def admin(bootstrap_servers: str) -> AdminClient:
    """One admin client a broker for the life of the process: to free one whose answers have just come can crash."""
    # Its answers carry the errors; librdkafka need not print that a broker has gone away.
    return AdminClient({"bootstrap.servers": bootstrap_servers, "log_level": 2})


def topic_partitions(bootstrap_servers: str) -> dict[str, int]:
    """Topic → number of partitions. KafkaException when the broker does not answer for half a minute."""
    topics = admin(bootstrap_servers).list_topics(timeout=METADATA_TIMEOUT_S).topics
    return {name: len(topic.partitions) for name, topic in topics.items()}


def raw_topics(names: Collection[str], province: str, catalog: Catalog) -> tuple[RawTopic, ...]:
    """The raw topics of a province whose kind the catalog knows, vendor topics included, in order of name."""
    found = []
    for name in sorted(names):
        if not name.startswith("raw."):
            continue
        try:
            topic = parse_raw_topic(name)
        except ValueError:
            continue  # somebody else's topic
        if topic.province == province and (province, topic.kind) in catalog.raw:
            found.append(topic)
    return tuple(found)


def missing(wanted: Collection[str], partitions: Mapping[str, int]) -> list[str]:
    """Those of `wanted` that do not exist."""
    return sorted(name for name in wanted if not partitions.get(name))
