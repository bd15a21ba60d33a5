"""The topics of the catalog and how they are kept (主题)."""

import time
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal

from confluent_kafka import KafkaError, KafkaException, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic, OffsetSpec

from infra.errors import StackError
from infra.stack.broker import admin
from pipelines.names import HJ212_PARTS, canonical_topic, hub_topic, parse_raw_topic, quarantine_topic, raw_topic

if TYPE_CHECKING:
    from pipelines.catalog import Catalog

DAY_MS: Final = 86_400_000
ANSWERS_WITHIN_S: Final = 30
LED_WITHIN_S: Final = 120
FOR_EVER: Final = -1
NEVER_MS: Final = (1 << 63) - 1
# A record is deleted with its whole segment, so up to this much after its time.
SEGMENT_DAYS: Final = 7
# An upload above the normaliser's limit must still reach it, to be rejected by name; and what is quarantined is that
# upload with headers around it.
RAW_LARGEST: Final = 2 << 20
QUARANTINE_LARGEST: Final = 4 << 20
# The last content of each event stays; a reader that was away for less than this still hears of what was withdrawn.
WITHDRAWN_DAYS: Final = 30
PUBLISHED: Final = {"cleanup.policy": "compact", "delete.retention.ms": str(WITHDRAWN_DAYS * DAY_MS)}

Timestamps = Literal["LogAppendTime", "CreateTime"]


@dataclass(frozen=True)
class TopicSpec:
    """A topic to be: config holds Kafka's own topic settings."""

    name: str
    partitions: int
    config: Mapping[str, str]


def topic_specs(
    catalog: "Catalog",
    partitions: int,
    raw_retention_days: int,
    raw_timestamps: Timestamps,
    quarantine_retention_days: int,
) -> tuple[TopicSpec, ...]:
    """All topics the catalog asks for: raw ones with the vendor links its mappings name, canonical, quarantine, the
    hub's own, and the gateway's where a feed speaks HJ 212."""
    raw = [
        raw_spec(raw_topic(province, kind, vendor), partitions, raw_retention_days, raw_timestamps)
        for (province, kind), entry in catalog.raw.items()
        for vendor in (None, *entry.mapping.vendors)
    ]
    canonical = [
        TopicSpec(canonical_topic(name), partitions, _canonical(kind.register, raw_retention_days, raw_timestamps))
        for name, kind in catalog.made.items()
    ]
    rejected = _kept(quarantine_retention_days, raw_timestamps, QUARANTINE_LARGEST)
    quarantine = [TopicSpec(quarantine_topic(province), partitions, rejected) for province in catalog.provinces]
    own = [TopicSpec(hub_topic(name), partitions, PUBLISHED) for name in catalog.published]
    parts = [
        TopicSpec(HJ212_PARTS, partitions, {"retention.ms": str(DAY_MS)})
        for decoder in {entry.mapping.decoder for entry in catalog.raw.values()}
        if decoder == "hj212"
    ]
    return (*raw, *canonical, *quarantine, *own, *parts)


def raw_spec(name: str, partitions: int, raw_retention_days: int, raw_timestamps: Timestamps) -> TopicSpec:
    """A raw topic by its name; ValueError when the name is none."""
    topic = parse_raw_topic(name).topic
    kept = _kept(raw_retention_days, raw_timestamps, RAW_LARGEST)
    return TopicSpec(topic, partitions, {**kept, "message.timestamp.type": raw_timestamps})


def create_topics(bootstrap_servers: str, specs: Collection[TopicSpec]) -> list[str]:
    """Create the topics that are not there yet, and wait until they can be used; returns their names.

    Existing ones stay as they are. StackError where Kafka refuses or does not get that far.
    """
    wanted = [NewTopic(spec.name, spec.partitions, replication_factor=-1, config=dict(spec.config)) for spec in specs]
    created = []
    client = admin(bootstrap_servers)  # held: its answers end with it
    for name, future in client.create_topics(wanted, request_timeout=ANSWERS_WITHIN_S).items():
        try:
            future.result()
        except KafkaException as error:
            if error.args[0].code() == KafkaError.TOPIC_ALREADY_EXISTS:
                continue
            raise StackError(
                f"Topic {name} could not be created: {error.args[0].str()}.",
                f"Look whether Kafka at {bootstrap_servers} is in order and lets this user create topics.",
            ) from error
        created.append(name)
    counts = {spec.name: spec.partitions for spec in specs}
    _await_led(client, [TopicPartition(name, number) for name in created for number in range(counts[name])])
    return sorted(created)


def _await_led(client: AdminClient, partitions: Collection[TopicPartition]) -> None:
    """Wait until the brokers lead what they have created, and say so: of a hundred topics that takes seconds."""
    until, waiting = time.monotonic() + LED_WITHIN_S, list(partitions)
    while waiting:
        asked = client.list_offsets(dict.fromkeys(waiting, OffsetSpec.latest()), request_timeout=ANSWERS_WITHIN_S)
        errors = {place: error for place, answer in asked.items() if (error := answer.exception()) is not None}
        for place, error in errors.items():
            if error.args[0].code() == KafkaError.TOPIC_AUTHORIZATION_FAILED or time.monotonic() > until:
                raise StackError(
                    f"Kafka has created {place.topic} but does not serve it: {error.args[0].str()}.",
                    "Look at the broker's log, and whether this user may read what it creates.",
                ) from error
        waiting = list(errors)
        time.sleep(0.05 if waiting else 0)


def list_topics(bootstrap_servers: str) -> dict[str, int]:
    """Name → number of partitions of every topic that is not Kafka's own."""
    try:
        topics = admin(bootstrap_servers).list_topics(timeout=10).topics
    except KafkaException as error:
        raise StackError(
            f"Kafka at {bootstrap_servers} does not answer.", "Start it with `sitehub up`, or set another address."
        ) from error
    return {name: len(topic.partitions) for name, topic in sorted(topics.items()) if not name.startswith("_")}


def _kept(retention_days: int, timestamps: Timestamps, largest: int) -> dict[str, str]:
    # Records with the sender's time may be of any age: retention by time would delete a simulated past at once.
    retention = retention_days * DAY_MS if timestamps == "LogAppendTime" else FOR_EVER
    segment = SEGMENT_DAYS * DAY_MS
    return {"retention.ms": str(retention), "segment.ms": str(segment), "max.message.bytes": str(largest)}


def _canonical(register: bool, raw_retention_days: int, raw_timestamps: Timestamps) -> dict[str, str]:
    if not register:
        return {"retention.ms": str(FOR_EVER)}
    # As long as the ledger sees an upload it must see the record made of it: compaction waits until none is left.
    seen = (raw_retention_days + SEGMENT_DAYS + 1) * DAY_MS if raw_timestamps == "LogAppendTime" else NEVER_MS
    return {"cleanup.policy": "compact", "min.compaction.lag.ms": str(seen)}
