"""Retry (重试): quarantined uploads that the present mappings would accept are sent to their raw topic once more.

Which are sent: those that the normaliser, asked with the original time of receipt, accepts today. Uploads from the
future are never sent again: waiting makes a wrong clock look right. After MAX_RETRIES an upload stays where it is.

Sent once, also when the command is run twice or killed: the upload sent carries `sitehub.retry.of`, the place of the
upload it repeats, and an upload whose repetition stands in the raw topic is not sent again. The producer's
transactional id belongs to the province. Starting it fences every other retry and ends what that left open; only then
the raw topics are searched; all repetitions go out in one transaction. So two commands at once cannot both send one.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Final

from confluent_kafka import Producer

from pipelines.catalog import Catalog
from pipelines.names import quarantine_topic, subject_of
from pipelines.normalise import normalise
from pipelines.quarantine import MAX_RETRIES, RETRIES
from pipelines.wire import RawBatch, WriterId, WriterSchema, writer_ids
from streams.quarantined import original_headers, told
from streams.reading import Place, read, spans
from streams.records import Headers, Record
from streams.sending import Sender
from streams.topics import topic_partitions
from streams.writers import Registry, Writers

RETRY_OF: Final = "sitehub.retry.of"
TIMEOUT_S: Final = 60
BATCH: Final = 5000


@dataclass(frozen=True)
class Quarantined:
    """A quarantine record and what its headers say."""

    record: Record
    said: Mapping[str, str]

    @property
    def source(self) -> tuple[str, int, int]:
        """Place of the upload: topic, partition, offset."""
        return self.said["source.topic"], int(self.said["source.partition"]), int(self.said["source.offset"])

    @property
    def retries(self) -> int:
        """How often it has been sent again."""
        return int(self.said.get("retries", "0"))


def quarantined(bootstrap_servers: str, provinces: Iterable[str]) -> Iterator[Quarantined]:
    """Every quarantine record of some provinces, partition by partition in order."""
    partitions = topic_partitions(bootstrap_servers)
    topics = {name: partitions[name] for name in map(quarantine_topic, provinces) if name in partitions}
    for records in read(bootstrap_servers, spans(bootstrap_servers, topics)):
        yield from (Quarantined(record, told(record)) for record in records)


def retry(
    bootstrap_servers: str, registry_url: str, catalog: Catalog, province: str, chosen: Sequence[Quarantined]
) -> Counter[str]:
    """Send those of `chosen` (of one province) again that are accepted today; counts by what became of them.

    Keys: sent, sent before, retries used up, from the future, rejected still. KafkaException when Kafka refuses.
    """
    producer = Producer(
        {
            "bootstrap.servers": bootstrap_servers,
            "transactional.id": f"sitehub.retry.{province}",
            "message.max.bytes": 2 << 20,
        }
    )
    producer.init_transactions(TIMEOUT_S)
    became: Counter[str] = Counter()
    candidates = []
    sent_before = _repeated(bootstrap_servers, chosen)
    for upload in chosen:
        verdict = _verdict(upload, sent_before)
        became[verdict] += 1
        if verdict == "sent":
            candidates.append(upload)
    accepted = list(_accepted(candidates, catalog, registry_url))
    became["rejected still"] = len(candidates) - len(accepted)
    became["sent"] = len(accepted)
    if accepted:
        producer.begin_transaction()
        sender = Sender(producer)
        for upload in accepted:
            topic, partition, _ = upload.source
            sender.send(topic, upload.record.value, upload.record.key, _headers(upload), partition)
        sender.finish()
        producer.commit_transaction(TIMEOUT_S)
    return +became


def _verdict(upload: Quarantined, sent_before: set[str]) -> str:
    if _name(upload) in sent_before:
        return "sent before"
    if upload.retries >= MAX_RETRIES:
        return "retries used up"
    return "from the future" if upload.said["reason"] == "future_time" else "sent"


def _repeated(bootstrap_servers: str, chosen: Iterable[Quarantined]) -> set[str]:
    """Names of the uploads whose repetition stands in a raw topic; it stands behind the upload itself."""
    first: dict[Place, int] = {}
    for upload in chosen:
        topic, partition, offset = upload.source
        first[topic, partition] = min(offset, first.get((topic, partition), offset))
    topics = {topic for topic, _ in first}
    counts = {topic: count for topic, count in topic_partitions(bootstrap_servers).items() if topic in topics}
    searched = {
        place: (max(begin, first[place]), end)
        for place, (begin, end) in spans(bootstrap_servers, counts).items()
        if place in first
    }
    found = (header for records in read(bootstrap_servers, searched) for record in records for header in record.headers)
    return {value.decode(errors="replace") for name, value in found if name == RETRY_OF and value is not None}


def _accepted(uploads: Sequence[Quarantined], catalog: Catalog, registry_url: str) -> Iterator[Quarantined]:
    """Those that the normaliser accepts today, asked with their original time of receipt."""
    for (topic, partition), same in groupby(sorted(uploads, key=lambda u: u.source), key=lambda u: u.source[:2]):
        group = list(same)
        for start in range(0, len(group), BATCH):
            part = group[start : start + BATCH]
            batch = RawBatch(
                topic=topic,
                partition=partition,
                offsets=[upload.source[2] for upload in part],
                timestamps=[int(upload.said["received_at"]) for upload in part],
                keys=[upload.record.key for upload in part],
                values=[upload.record.value for upload in part],
                headers=[original_headers(upload.record) for upload in part],  # type: ignore[misc] # null headers pass
            )
            writers = asyncio.run(known_writers(registry_url, batch))
            refused = set(normalise(batch, catalog, writers).rejected["row"])
            yield from (upload for row, upload in enumerate(part) if row not in refused)


async def known_writers(registry_url: str, batch: RawBatch) -> dict[WriterId, WriterSchema | None]:
    """What the registry says of the batch's writer schemas; waits for a registry that does not answer."""
    registry = Registry(registry_url)
    try:
        return await Writers(registry).look_up(writer_ids(batch), subject_of(batch.topic))
    finally:
        await registry.close()


def _headers(upload: Quarantined) -> Headers:
    kept = [header for header in original_headers(upload.record) if header[0] not in (RETRIES, RETRY_OF)]
    return [*kept, (RETRIES, str(upload.retries + 1).encode()), (RETRY_OF, _name(upload).encode())]


def _name(upload: Quarantined) -> str:
    return "/".join(map(str, upload.source))
