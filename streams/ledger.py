"""The ledger (对账): one upload in, exactly one record out, proved from the data alone.

Every canonical and every quarantine record names the place of its upload: (topic, partition, offset). The ledger reads
how far each normaliser has committed, then the offsets of all uploads, then the places of all outputs, and compares.

    missing    an upload below the committed offset without an output
    doubled    an upload with more than one
    invented   an output whose upload does not exist, be it of an offset, a partition or a topic that there never was
    waiting    an upload that no transaction has completed yet: none of the normaliser's business so far

Last the ends of the raw topics are read again: an output of an upload sent meanwhile is not judged, one of an upload
that is still not there is invented. Uploads that raw retention has deleted are out of sight, with their outputs; those
of compacted registers are kept as long, because compaction waits for raw retention.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Final

import polars as pl

from pipelines.catalog import CanonicalKind, Catalog
from pipelines.codec import decode
from pipelines.names import canonical_topic, quarantine_topic
from streams.positions import committed
from streams.quarantined import source_of
from streams.reading import Place, Span, read, settled_spans, spans
from streams.records import Record
from streams.topics import raw_topics, topic_partitions

PLACE: Final = ("topic", "partition", "offset")
UPLOADS: Final = pl.Schema({"topic": pl.String(), "partition": pl.Int32(), "offset": pl.Int64()})
MADE: Final = pl.Schema({**UPLOADS, "canonical": pl.Boolean()})
STANDS: Final = pl.Schema(
    {
        "topic": pl.String(),
        "partition": pl.Int32(),
        "begin": pl.Int64(),
        "done": pl.Int64(),
        "end": pl.Int64(),
        "later": pl.Int64(),  # the end, read again after the outputs
    }
)
FINDINGS: Final = ("missing", "doubled", "invented")


@dataclass(frozen=True)
class Ledger:
    """`accounts`: one row a raw partition with counts and, for each finding, its first offsets."""

    accounts: pl.DataFrame

    @property
    def is_exact(self) -> bool:
        """Whether nothing is missing, doubled or invented."""
        return not any(self.accounts[finding].sum() for finding in FINDINGS)


def ledger(bootstrap_servers: str, catalog: Catalog, provinces: Collection[str]) -> Ledger:
    """Compare uploads and outputs of some provinces. KafkaException or TimeoutError when Kafka does not answer."""
    partitions = topic_partitions(bootstrap_servers)
    raw = {topic.topic: topic for province in provinces for topic in raw_topics(partitions, province, catalog)}
    groups = {province: [t for t, topic in raw.items() if topic.province == province] for province in provinces}
    done: dict[Place, int] = {}
    for province, topics in groups.items():
        wanted = [(topic, number) for topic in topics for number in range(partitions[topic])]
        done |= committed(bootstrap_servers, f"sitehub-{province}", wanted)
    stretch = spans(bootstrap_servers, {topic: partitions[topic] for topic in raw})
    kinds = {canonical_topic(kind.name): kind for kind in map(catalog.made_of, raw.values())}
    outputs = [topic for topic in (*kinds, *map(quarantine_topic, provinces)) if topic in partitions]
    uploads = _uploads(bootstrap_servers, stretch)
    # After the committed offsets, and settled: whatever they promise is within it.
    promised = settled_spans(bootstrap_servers, {topic: partitions[topic] for topic in outputs})
    made = _made(bootstrap_servers, promised, kinds)
    now = topic_partitions(bootstrap_servers)
    judged = {topic.topic for province in provinces for topic in raw_topics(now, province, catalog)} | raw.keys()
    later = spans(bootstrap_servers, {topic: count for topic, count in now.items() if topic in judged})
    elsewhere = _of_provinces(set(catalog.provinces) - set(provinces)) | pl.col("topic").is_in(now.keys() - judged)
    return Ledger(compare(uploads, made.filter(~elsewhere), _stands(stretch, done, later)))


def _of_provinces(others: Collection[str]) -> pl.Expr:
    """Whether a canonical record is of another province's upload: canonical topics hold those of all."""
    province = pl.col("topic").str.extract(r"^raw\.([^.]+)\.").fill_null("")
    return pl.col("canonical") & province.is_in(list(others))


def compare(uploads: pl.DataFrame, made: pl.DataFrame, stands: pl.DataFrame) -> pl.DataFrame:
    """Accounts of each partition (columns of UPLOADS, MADE and STANDS), ordered by place.

    A partition that is not in `stands` has an account where outputs name it: all of them are invented.
    """
    counted = made.group_by(PLACE).agg(
        pl.col("canonical").sum(), quarantined=(~pl.col("canonical")).sum(), outputs=pl.len()
    )
    seen = uploads.with_columns(upload=pl.lit(value=True)).join(counted, on=PLACE, how="full", coalesce=True)
    is_judged = pl.col("offset").is_between("begin", "end", closed="left") | (pl.col("offset") >= pl.col("later"))
    seen = seen.join(stands, on=PLACE[:2], how="left").filter(is_judged | pl.col("begin").is_null())
    is_upload, has_output = pl.col("upload").fill_null(value=False), pl.col("outputs").is_not_null()
    findings = {
        "missing": is_upload & ~has_output & (pl.col("offset") < pl.col("done")),
        "doubled": is_upload & (pl.col("outputs") > 1),
        "invented": ~is_upload,
    }
    accounts = seen.group_by(PLACE[:2]).agg(
        is_upload.sum().alias("uploads"),
        (is_upload & ~has_output & (pl.col("offset") >= pl.col("done"))).sum().alias("waiting"),
        pl.col("canonical").filter(is_upload).sum(),
        pl.col("quarantined").filter(is_upload).sum(),
        *(found.sum().alias(name) for name, found in findings.items()),
        *(pl.col("offset").filter(found).sort().head(5).alias(f"{name}_at") for name, found in findings.items()),
    )
    return (
        stands.select(PLACE[:2])
        .join(accounts, on=PLACE[:2], how="full", coalesce=True)
        .sort(PLACE[:2])
        .with_columns(pl.selectors.integer().fill_null(0))
    )


def _uploads(bootstrap_servers: str, stretch: Mapping[Place, Span]) -> pl.DataFrame:
    parts = [
        pl.DataFrame([record[:3] for record in records], schema=UPLOADS, orient="row")
        for records in read(bootstrap_servers, stretch)
    ]
    return pl.concat([pl.DataFrame(schema=UPLOADS), *parts])


def _made(bootstrap_servers: str, stretch: Mapping[Place, Span], kinds: Mapping[str, CanonicalKind]) -> pl.DataFrame:
    parts = [pl.DataFrame(schema=MADE)]
    for records in read(bootstrap_servers, stretch):
        for topic in {record.topic for record in records}:
            parts.append(_sources([record for record in records if record.topic == topic], kinds.get(topic)))
    return pl.concat(parts)


def _sources(records: list[Record], kind: CanonicalKind | None) -> pl.DataFrame:
    """Places of the uploads that canonical (or, without a kind, quarantine) records were made of."""
    if kind is not None:
        found = decode([record.value or b"" for record in records], kind)
        return found.select(
            topic="source_topic", partition="source_partition", offset="source_offset", canonical=pl.lit(value=True)
        )
    return pl.DataFrame([(*source_of(record), False) for record in records], schema=MADE, orient="row")


def _stands(stretch: Mapping[Place, Span], done: Mapping[Place, int], later: Mapping[Place, Span]) -> pl.DataFrame:
    """Where each partition stands; of one that came meanwhile nothing is judged but what lies behind its end."""
    rows = []
    for place in stretch.keys() | later.keys():
        begin, end = stretch[place] if place in stretch else (later[place][0],) * 2
        rows.append((*place, begin, max(done.get(place, 0), begin), end, max(end, later.get(place, (0, end))[1])))
    return pl.DataFrame(rows, schema=STANDS, orient="row")
