"""What a batch of uploads becomes on Kafka: canonical and quarantine records with their topics and partitions.

Pure, and the only way from raw records to output bytes: the normaliser, replay and the ledger's tests all use it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from pipelines.catalog import Catalog
from pipelines.codec import encode
from pipelines.identity import canonical_keys
from pipelines.murmur2 import partition as partition_of
from pipelines.names import canonical_topic, parse_raw_topic, quarantine_topic, subject_of
from pipelines.normalise import normalise
from pipelines.quarantine import quarantine_headers
from pipelines.wire import RawBatch, WriterId, WriterSchema

if TYPE_CHECKING:
    from aiokafka import ConsumerRecord

    from streams.records import Record

Headers = Sequence[tuple[str, bytes]]


class Outgoing(NamedTuple):
    """A record to be produced."""

    key: bytes | None
    value: bytes | None
    headers: Headers = ()


Outputs = dict[tuple[str, int], list[Outgoing]]


@dataclass(frozen=True)
class Target:
    """Where outputs go: subject → schema id, topic → number of partitions, and a prefix of the topics' names."""

    schema_ids: Mapping[str, int]
    partitions: Mapping[str, int]
    prefix: str = ""


def raw_batch(records: Sequence[ConsumerRecord | Record]) -> RawBatch:
    """Records of one partition, in offset order."""
    return RawBatch(
        topic=records[0].topic,
        partition=records[0].partition,
        offsets=[record.offset for record in records],
        timestamps=[record.timestamp for record in records],
        keys=[record.key for record in records],
        values=[record.value for record in records],
        headers=[record.headers for record in records],  # type: ignore[misc] # a header of no value passes as it is
    )


def outputs(
    batch: RawBatch, catalog: Catalog, writers: Mapping[WriterId, WriterSchema | None], target: Target
) -> Outputs:
    """Every upload of the batch as exactly one record, by (topic, partition), in the batch's order.

    A canonical record goes to its key's partition; a rejected one to the quarantine partition of the same number as its
    own (modulo their count), its key and value untouched.
    """
    province = parse_raw_topic(batch.topic).province
    done = normalise(batch, catalog, writers)
    if done.accepted.height + done.rejected.height != len(batch):
        raise RuntimeError(f"{len(batch)} uploads became {done.accepted.height} + {done.rejected.height} records")
    made: Outputs = {}

    topic = canonical_topic(done.kind.name)
    values = encode(done.accepted, done.kind, target.schema_ids[subject_of(topic)])
    topic = target.prefix + topic
    count = target.partitions[topic]
    for key, value in zip(canonical_keys(done.accepted, done.kind), values, strict=True):
        made.setdefault((topic, partition_of(key, count)), []).append(Outgoing(key, value))

    topic = target.prefix + quarantine_topic(province)
    place = topic, batch.partition % target.partitions[topic]
    for row, headers in zip(done.rejected["row"], quarantine_headers(batch, done), strict=True):
        made.setdefault(place, []).append(Outgoing(batch.keys[row], batch.values[row], headers))
    return made
