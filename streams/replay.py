"""Replay (重放): a raw topic normalised again into fresh topics, and compared with what was made of it live.

The normaliser has no clock, no random number and no memory, so the same log gives the same records, byte for byte. A
difference shows what a change of a mapping, a schema or the code changes in the past.

Every record names the mapping that made it, by a hash over all that decides its content. Given the contracts as they
were, each upload is normalised by the one that its live record names: what was made under many mappings is remade.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from typing import Final

from confluent_kafka import Producer

from pipelines.catalog import CanonicalKind, Catalog
from pipelines.codec import decode
from pipelines.names import canonical_topic, parse_raw_topic, quarantine_topic
from streams.normaliser import find_target
from streams.outputs import Outputs, Target, outputs, raw_batch
from streams.quarantined import source_of, told
from streams.reading import Place, Span, read, spans
from streams.records import Record
from streams.retry import known_writers
from streams.sending import Sender
from streams.topics import topic_partitions

Upload = tuple[str, int, int]
Parts = tuple[str, int, bytes, bytes, bytes]
SOURCE: Final = ("source_topic", "source_partition", "source_offset")
PART_NAMES: Final = ("topic", "partition", "key", "value", "headers")


class ForgottenMappingError(Exception):
    """Records name mappings that none of the given contracts has; the text names them."""


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


def fresh_topics(catalog: Catalog, raw: str, prefix: str) -> dict[str, str]:
    """Live topic → fresh topic of what a raw topic becomes. ValueError where the prefix looks like a live topic."""
    topic = parse_raw_topic(raw)
    if prefix.split(".")[0] in {"raw", "canonical", "quarantine"}:
        raise ValueError(f"prefix {prefix!r} begins like a live topic; choose another, for example replay-1")
    canonical = canonical_topic(catalog.made_of(topic).name)
    return {live: f"{prefix}.{live}" for live in (canonical, quarantine_topic(topic.province))}


def replay(
    bootstrap_servers: str,
    registry_url: str,
    catalog: Catalog,
    raw: str,
    prefix: str,
    earlier: Sequence[Catalog] | None = None,
) -> dict[Place, Span]:
    """Normalise the whole of a raw topic into `<prefix>.canonical.<kind>` and `<prefix>.quarantine.<province>`.

    `earlier`: contracts as they were; each upload is then normalised by the one that made its live record. The fresh
    topics must exist. Returns the stretches of the raw topic that were read. ForgottenMappingError as in `remade`.
    """
    stretch = spans(bootstrap_servers, {raw: topic_partitions(bootstrap_servers)[raw]})
    recorded = {} if earlier is None else mappings_of(bootstrap_servers, catalog, raw)
    producer = Producer(
        {"bootstrap.servers": bootstrap_servers, "enable.idempotence": True, "message.max.bytes": 4 << 20}
    )
    sender = Sender(producer)
    contracts = (catalog, *(earlier or ()))
    for made in remade(bootstrap_servers, registry_url, contracts, stretch, recorded, f"{prefix}."):
        for (topic, partition), outgoing in made.items():
            for key, value, headers in outgoing:
                sender.send(topic, value, key, list(headers), partition)
    sender.finish()
    return stretch


def remade(
    bootstrap_servers: str,
    registry_url: str,
    contracts: Sequence[Catalog],
    stretch: Mapping[Place, Span],
    recorded: Mapping[Upload, str],
    prefix: str = "",
) -> Iterator[Outputs]:
    """Outputs of stretches of one raw topic, in offset order within a partition.

    Each upload by the contract whose mapping `recorded` names, the first of `contracts` where it names none.
    ForgottenMappingError where no contract has that mapping.
    """
    raw = parse_raw_topic(next(iter(stretch))[0])
    feed = raw.province, raw.kind
    by_mapping = {each.compiled(*feed).name: each for each in reversed(contracts) if feed in each.raw}
    if forgotten := sorted(set(recorded.values()) - by_mapping.keys()):
        raise ForgottenMappingError(", ".join(forgotten))
    present = contracts[0].compiled(*feed).name
    partitions = topic_partitions(bootstrap_servers)
    targets: dict[str, Target] = {}
    for records in read(bootstrap_servers, stretch):
        ordered = sorted(records, key=lambda r: r[:3])
        for (_, mapping), same in groupby(ordered, key=lambda r: (r.partition, recorded.get(r[:3], present))):
            batch, contract = raw_batch(list(same)), by_mapping[mapping]
            if mapping not in targets:
                ids = asyncio.run(
                    find_target(contract, [contract.made_of(raw).name], partitions, registry_url)
                ).schema_ids
                targets[mapping] = Target(ids, partitions, prefix)
            yield outputs(batch, contract, asyncio.run(known_writers(registry_url, batch)), targets[mapping])


def mappings_of(bootstrap_servers: str, catalog: Catalog, raw: str) -> dict[Upload, str]:
    """The mapping that each live record of a raw topic's uploads names."""
    counts = topic_partitions(bootstrap_servers)
    topic = parse_raw_topic(raw)
    kind = catalog.made_of(topic)
    canonical = canonical_topic(kind.name)
    live = {name: counts[name] for name in (canonical, quarantine_topic(topic.province))}
    found: dict[Upload, str] = {}
    for records in read(bootstrap_servers, spans(bootstrap_servers, live)):
        values = [record.value or b"" for record in records if record.topic == canonical]
        made = decode(values, kind).filter(source_topic=raw)
        found |= {row[:3]: row[3] for row in made.select(*SOURCE, "mapping").iter_rows()}
        rejected = [(source_of(record), told(record)["mapping"]) for record in records if record.topic != canonical]
        found |= {upload: mapping for upload, mapping in rejected if upload[0] == raw}
    return found


def compare(
    bootstrap_servers: str, catalog: Catalog, raw: str, prefix: str, stretch: Mapping[Place, Span]
) -> Comparison:
    """Compare live and fresh records of the uploads in `stretch`, by the place of the upload."""
    names = fresh_topics(catalog, raw, prefix)
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
    kind = catalog.made_of(parse_raw_topic(raw))
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
    return decode(values, kind).select(SOURCE).rows()


def _parts(record: Record, live: str) -> Parts:
    key, value, headers = (hashlib.blake2b(repr(part).encode()).digest() for part in record[4:])
    return live, record.partition, key, value, headers
