"""Retry (重试): quarantined uploads that the present mappings would accept are sent to their raw topic once more.

Which are sent: those that the normaliser accepts today, and with one and the same record whether it is asked with the
original time of receipt or with the present one. The repetition is judged by its own receipt, and waiting must not make
a wrong clock look right: uploads from the future, of a twelve-hour clock or without a time of their own stay where they
are. After MAX_RETRIES an upload stays too.

Sent once, also when the command is run twice or killed: the upload sent carries `sitehub.retry.of`, the place of the
upload it repeats, and an upload whose repetition stands in the raw topic is not sent again. Anybody may write such a
header; it is believed only where partition, key and value are those of the upload, and so it has been sent again
whoever did it. `sitehub.retries` cannot be proved: who forges it keeps his own upload from being retried.

The producer's transactional id belongs to the province. Starting it fences every other retry and ends what that left
open; only then the raw topics are searched; all repetitions go out in one transaction. So two commands at once cannot
both send one.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass, replace
from itertools import groupby
from typing import Final

from aiokafka import TopicPartition

from pipelines.catalog import Catalog
from pipelines.names import quarantine_topic, subject_of
from pipelines.normalise import normalise
from pipelines.quarantine import MAX_RETRIES, RETRIES
from pipelines.wire import RawBatch, WriterId, WriterSchema, writer_ids
from streams.quarantined import original_headers, told
from streams.reading import Place, read, spans
from streams.records import Headers, Record
from streams.sending import Sender
from streams.succession import TIMEOUT_S, succeeding_producer
from streams.topics import topic_partitions
from streams.writers import Registry, Writers

RETRY_OF: Final = "sitehub.retry.of"
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

    Keys: sent, sent before, retries used up, from the future, judged otherwise by now, rejected still. KafkaException
    or TimeoutError when Kafka refuses or does not answer.
    """
    reach = [
        TopicPartition(topic, number)
        for topic, count in topic_partitions(bootstrap_servers).items()
        if topic.startswith(f"raw.{province}.")
        for number in range(count)
    ]
    producer = succeeding_producer(
        bootstrap_servers, f"sitehub.retry.{province}", reach, **{"message.max.bytes": 2 << 20}
    )
    became: Counter[str] = Counter()
    candidates = []
    sent_before = _sent_before(bootstrap_servers, chosen)
    for upload in chosen:
        verdict = _verdict(upload, sent_before)
        became[verdict] += 1
        if verdict == "sent":
            candidates.append(upload)
    del became["sent"]
    judged = list(_judged(candidates, catalog, registry_url))
    became.update(verdict for _, verdict in judged)
    if became["sent"]:
        producer.begin_transaction()
        sender = Sender(producer)
        for upload in (upload for upload, verdict in judged if verdict == "sent"):
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


def _sent_before(bootstrap_servers: str, chosen: Sequence[Quarantined]) -> set[str]:
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
    found = (record for records in read(bootstrap_servers, searched) for record in records)
    return repeated({_name(upload): upload for upload in chosen}, found)


def repeated(chosen: Mapping[str, Quarantined], records: Iterable[Record]) -> set[str]:
    """Names of those of `chosen` (by name) that one of the records repeats: header, partition, key and value."""
    names = set()
    for record in records:
        for header, value in record.headers:
            upload = chosen.get((value or b"").decode(errors="replace")) if header == RETRY_OF else None
            if upload is not None and _is_same(upload, record):
                names.add(_name(upload))
    return names


def _is_same(upload: Quarantined, record: Record) -> bool:
    content = upload.record.key, upload.record.value
    return upload.source[:2] == record[:2] and content == (record.key, record.value)


def _judged(uploads: Sequence[Quarantined], catalog: Catalog, registry_url: str) -> Iterator[tuple[Quarantined, str]]:
    """Each upload and what becomes of it."""
    for (topic, partition), same in groupby(sorted(uploads, key=lambda u: u.source), key=lambda u: u.source[:2]):
        group = list(same)
        for start in range(0, len(group), BATCH):
            part = group[start : start + BATCH]
            batch = RawBatch(
                topic=topic,
                partitions=[partition] * len(part),
                offsets=[upload.source[2] for upload in part],
                timestamps=[int(upload.said["received_at"]) for upload in part],
                keys=[upload.record.key for upload in part],
                values=[upload.record.value for upload in part],
                headers=[original_headers(upload.record) for upload in part],  # type: ignore[misc] # null headers pass
            )
            writers = asyncio.run(known_writers(registry_url, batch))
            yield from zip(part, verdicts(batch, catalog, writers, int(time.time() * 1000)), strict=True)


def verdicts(batch: RawBatch, catalog: Catalog, writers: Mapping[WriterId, WriterSchema | None], now: int) -> list[str]:
    """What becomes of each upload of a batch, received at its `timestamps`, when sent again `now` (epoch ms)."""
    first = normalise(batch, catalog, writers).accepted.drop("received_at")
    second = normalise(replace(batch, timestamps=[now] * len(batch)), catalog, writers).accepted.drop("received_at")
    accepted = set(first["source_offset"])
    alike = set(first.join(second, on=first.columns, how="semi", nulls_equal=True)["source_offset"])
    became = dict.fromkeys(accepted, "judged otherwise by now") | dict.fromkeys(alike, "sent")
    return [became.get(offset, "rejected still") for offset in batch.offsets]


async def known_writers(registry_url: str, batch: RawBatch) -> dict[WriterId, WriterSchema | None]:
    """What the registry says of the batch's writer schemas; waits for a registry that does not answer."""
    async with aclosing(Registry(registry_url)) as registry:
        return await Writers(registry).look_up(writer_ids(batch), subject_of(batch.topic))


def _headers(upload: Quarantined) -> Headers:
    kept = [header for header in original_headers(upload.record) if header[0] not in (RETRIES, RETRY_OF)]
    return [*kept, (RETRIES, str(upload.retries + 1).encode()), (RETRY_OF, _name(upload).encode())]


def _name(upload: Quarantined) -> str:
    return "/".join(map(str, upload.source))
