"""What a batch of uploads becomes on Kafka: canonical and quarantine records with their topics and partitions.

Pure, and the only way from raw records to output bytes: the normaliser, replay and the ledger's tests all use it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

import numpy as np

from pipelines.catalog import Catalog
from pipelines.codec import encode
from pipelines.identity import canonical_keys
from pipelines.murmur2 import partitions
from pipelines.names import canonical_topic, parse_raw_topic, quarantine_topic, subject_of
from pipelines.normalise import normalise
from pipelines.quarantine import quarantine_headers
from pipelines.wire import RawBatch, WriterId, WriterSchema

if TYPE_CHECKING:
    from streams.records import Record

Headers = list[tuple[str, bytes]]
NO_HEADERS: Final[Headers] = []


@dataclass(frozen=True)
class Outgoing:
    """Records to be produced to one partition, in order: columns of one length."""

    keys: list[bytes | None] = field(default_factory=list)
    values: list[bytes | None] = field(default_factory=list)
    headers: list[Headers] = field(default_factory=list)

    def __len__(self) -> int:
        """Number of records."""
        return len(self.keys)

    def __iter__(self) -> Iterator[tuple[bytes | None, bytes | None, Headers]]:
        """Key, value and headers of each record."""
        return zip(self.keys, self.values, self.headers, strict=True)


Outputs = dict[tuple[str, int], Outgoing]


@dataclass(frozen=True)
class Target:
    """Where outputs go: subject → schema id, topic → number of partitions, and a prefix of the topics' names."""

    schema_ids: Mapping[str, int]
    partitions: Mapping[str, int]
    prefix: str = ""


def raw_batch(records: Sequence[Record]) -> RawBatch:
    """Records of one raw topic, those of a partition in offset order."""
    return RawBatch(
        topic=records[0].topic,
        partitions=[record.partition for record in records],
        offsets=[record.offset for record in records],
        timestamps=[record.timestamp for record in records],
        keys=[record.key for record in records],
        values=[record.value for record in records],
        headers=[record.headers for record in records],  # type: ignore[misc] # a header of no value passes as it is
    )


def outputs(
    batch: RawBatch, catalog: Catalog, writers: Mapping[WriterId, WriterSchema | None], target: Target
) -> Outputs:
    """Outputs of uploads of one raw partition, at least one."""
    (made,) = outputs_of_each(batch, catalog, writers, target).values()
    return made


def outputs_of_each(
    batch: RawBatch, catalog: Catalog, writers: Mapping[WriterId, WriterSchema | None], target: Target
) -> dict[int, Outputs]:
    """Every upload of the batch as exactly one record, by raw partition, in the batch's order.

    A canonical record goes to its key's partition; a rejected one to the quarantine partition of the same number as its
    own (modulo their count), its key and value untouched.
    """
    province = parse_raw_topic(batch.topic).province
    done = normalise(batch, catalog, writers)
    if done.accepted.height + done.rejected.height != len(batch):
        raise RuntimeError(f"{len(batch)} uploads became {done.accepted.height} + {done.rejected.height} records")
    made: dict[int, Outputs] = {partition: {} for partition in sorted(set(batch.partitions))}

    topic = canonical_topic(done.kind.name)
    values = encode(done.accepted, done.kind, target.schema_ids[subject_of(topic)])
    keys = canonical_keys(done.accepted, done.kind)
    topic = target.prefix + topic
    numbers = partitions(keys, target.partitions[topic])
    sources = done.accepted["source_partition"].to_numpy()
    for partition, its in made.items():
        for number in np.unique(numbers[sources == partition]).tolist():
            rows = np.flatnonzero((sources == partition) & (numbers == number)).tolist()
            its[topic, number] = Outgoing(
                [keys[row] for row in rows], [values[row] for row in rows], [NO_HEADERS] * len(rows)
            )

    topic = target.prefix + quarantine_topic(province)
    for row, headers in zip(done.rejected["row"], quarantine_headers(batch, done), strict=True):
        partition = batch.partitions[row]
        refused = made[partition].setdefault((topic, partition % target.partitions[topic]), Outgoing())
        refused.keys.append(batch.keys[row])
        refused.values.append(batch.values[row])
        refused.headers.append(headers)
    return made


def places_of(topic: str, partition: int, catalog: Catalog, target: Target) -> list[tuple[str, int]]:
    """Every (topic, partition) where an output of this raw partition can be."""
    raw = parse_raw_topic(topic)
    canonical = target.prefix + canonical_topic(catalog.made_of(raw).name)
    quarantine = target.prefix + quarantine_topic(raw.province)
    numbers = range(target.partitions[canonical])
    return [*((canonical, number) for number in numbers), (quarantine, partition % target.partitions[quarantine])]
