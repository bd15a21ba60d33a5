"""Replay (重放): a raw topic normalised again into fresh topics, and compared with what was made of it live.

The normaliser has no clock, no random number and no memory, so the same log gives the same records, byte for byte. A
difference shows what a change of a mapping, a schema or the code changes in the past.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import groupby
from typing import Final

from confluent_kafka import Producer

from pipelines.catalog import CanonicalKind, Catalog
from pipelines.codec import decode
from pipelines.names import canonical_topic, parse_raw_topic, quarantine_topic
from streams.normaliser import find_target
from streams.outputs import outputs, raw_batch
from streams.quarantined import source_of
from streams.reading import Place, Span, read, spans
from streams.records import Record
from streams.retry import known_writers
from streams.sending import Sender
from streams.topics import topic_partitions

Upload = tuple[str, int, int]
Parts = tuple[str, int, bytes, bytes, bytes]
PART_NAMES: Final = ("topic", "partition", "key", "value", "headers")


@dataclass
class Comparison:
    """Uploads by their two records: equal in topic, partition, key, value and headers, different, or one missing."""

    equal: int = 0
    different: list[tuple[Upload, str]] = field(default_factory=list)
    missing_live: list[Upload] = field(default_factory=list)
    missing_fresh: list[Upload] = field(default_factory=list)

    @property
    def is_equal(self) -> bool:
        """Whether both sides hold the same records."""
        return not (self.different or self.missing_live or self.missing_fresh)


def fresh_topics(raw: str, prefix: str) -> dict[str, str]:
    """Live topic → fresh topic of what a raw topic becomes. ValueError where the prefix looks like a live topic."""
    topic = parse_raw_topic(raw)
    if prefix.split(".")[0] in {"raw", "canonical", "quarantine"}:
        raise ValueError(f"prefix {prefix!r} begins like a live topic; choose another, for example replay-1")
    return {live: f"{prefix}.{live}" for live in (canonical_topic(topic.kind), quarantine_topic(topic.province))}


def replay(bootstrap_servers: str, registry_url: str, catalog: Catalog, raw: str, prefix: str) -> dict[Place, Span]:
    """Normalise the whole of a raw topic into `<prefix>.canonical.<kind>` and `<prefix>.quarantine.<province>`.

    The fresh topics must exist. Returns the stretches of the raw topic that were read.
    """
    partitions = topic_partitions(bootstrap_servers)
    stretch = spans(bootstrap_servers, {raw: partitions[raw]})
    target = asyncio.run(find_target(catalog, [parse_raw_topic(raw).kind], partitions, registry_url))
    target = replace(target, prefix=f"{prefix}.")
    producer = Producer(
        {"bootstrap.servers": bootstrap_servers, "enable.idempotence": True, "message.max.bytes": 4 << 20}
    )
    sender = Sender(producer)
    for records in read(bootstrap_servers, stretch):
        by_partition = groupby(sorted(records, key=lambda r: r[:3]), key=lambda r: r.partition)
        for batch in (raw_batch(list(same)) for _, same in by_partition):
            made = outputs(batch, catalog, asyncio.run(known_writers(registry_url, batch)), target)
            for (topic, partition), outgoing in made.items():
                for key, value, headers in outgoing:
                    sender.send(topic, value, key, list(headers), partition)
    sender.finish()
    return stretch


def compare(
    bootstrap_servers: str, catalog: Catalog, raw: str, prefix: str, stretch: Mapping[Place, Span]
) -> Comparison:
    """Compare live and fresh records of the uploads in `stretch`, by the place of the upload."""
    names = fresh_topics(raw, prefix)
    live = _side(bootstrap_servers, catalog, raw, {name: name for name in names}, stretch)
    fresh = _side(bootstrap_servers, catalog, raw, {new: old for old, new in names.items()}, stretch)
    found = Comparison(
        missing_live=sorted(fresh.keys() - live.keys()), missing_fresh=sorted(live.keys() - fresh.keys())
    )
    for upload in sorted(live.keys() & fresh.keys()):
        pairs = zip(PART_NAMES, live[upload], fresh[upload], strict=True)
        differing = [name for name, one, other in pairs if one != other]
        if differing:
            found.different.append((upload, ", ".join(differing)))
        else:
            found.equal += 1
    return found


def _side(
    bootstrap_servers: str, catalog: Catalog, raw: str, topics: Mapping[str, str], stretch: Mapping[Place, Span]
) -> dict[Upload, Parts]:
    """Output of each upload in `stretch`, read from `topics` (name → name of the live one)."""
    counts = topic_partitions(bootstrap_servers)
    kind = catalog.canonical[parse_raw_topic(raw).kind]
    found = {}
    for records in read(bootstrap_servers, spans(bootstrap_servers, {topic: counts[topic] for topic in topics})):
        canonical = [record for record in records if topics[record.topic] == canonical_topic(kind.name)]
        rejected = [record for record in records if topics[record.topic] != canonical_topic(kind.name)]
        uploads = [*_canonical_sources(canonical, kind), *map(source_of, rejected)]
        for record, upload in zip([*canonical, *rejected], uploads, strict=True):
            begin, end = stretch.get(upload[:2], (0, 0))
            if begin <= upload[2] < end:
                found[upload] = _parts(record, topics[record.topic])
    return found


def _canonical_sources(records: Sequence[Record], kind: CanonicalKind) -> list[Upload]:
    values = [record.value or b"" for record in records]
    return decode(values, kind).select("source_topic", "source_partition", "source_offset").rows()


def _parts(record: Record, live: str) -> Parts:
    key, value, headers = (hashlib.blake2b(repr(part).encode()).digest() for part in record[4:])
    return live, record.partition, key, value, headers
