"""Watching what becomes of uploads just sent (回执)."""

from __future__ import annotations

import time
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass

from confluent_kafka import TopicPartition

from pipelines.catalog import CanonicalKind
from pipelines.codec import decode
from pipelines.names import canonical_topic, quarantine_topic
from streams.quarantined import source_of, told
from streams.reading import reader, spans
from streams.records import Record, record_of
from streams.topics import topic_partitions

Upload = tuple[str, int, int]


@dataclass(frozen=True)
class Verdict:
    """What the hub made of an upload: its event, with notes if any; or reason, field, detail and remedy."""

    upload: Upload
    accepted: bool
    said: Mapping[str, str]


class Watch:
    """Looks for the records made of a province's uploads of one kind, from the moment it is made."""

    def __init__(self, bootstrap_servers: str, province: str, kind: CanonicalKind) -> None:
        self._kind = kind
        self._topics = (canonical_topic(kind.name), quarantine_topic(province))
        counts = topic_partitions(bootstrap_servers)
        ends = spans(bootstrap_servers, {topic: counts[topic] for topic in self._topics})
        self._consumer = reader(bootstrap_servers)
        self._consumer.assign([TopicPartition(*place, end) for place, (_, end) in ends.items()])

    def verdicts(self, uploads: Collection[Upload], timeout_s: float) -> Iterator[Verdict]:
        """The verdict on each upload as it appears, until all are there or the time is over."""
        wanted = set(uploads)
        until = time.monotonic() + timeout_s
        while wanted and time.monotonic() < until:
            records = [record_of(message) for message in self._consumer.consume(5000, timeout=0.2)]
            for verdict in (*self._accepted(records), *self._rejected(records)):
                if verdict.upload in wanted:
                    wanted.discard(verdict.upload)
                    yield verdict
        self._consumer.close()

    def _accepted(self, records: Collection[Record]) -> Iterator[Verdict]:
        values = [record.value or b"" for record in records if record.topic == self._topics[0]]
        columns = ("source_topic", "source_partition", "source_offset", "event_id", "quality_notes")
        for topic, partition, offset, event, notes in decode(values, self._kind).select(columns).iter_rows():
            yield Verdict((topic, partition, offset), accepted=True, said={"event": event, "notes": notes or ""})

    def _rejected(self, records: Collection[Record]) -> Iterator[Verdict]:
        for record in records:
            if record.topic == self._topics[1]:
                said = told(record)
                known = {name: said.get(name, "") for name in ("reason", "field", "detail", "remedy")}
                yield Verdict(source_of(record), accepted=False, said=known)
