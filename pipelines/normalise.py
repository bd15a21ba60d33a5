"""The core: raw uploads of one topic's partition in, canonical rows and rejected rows out (标准化).

Pure: no clock, no random number, no state across rows, so that the same log gives the same bytes in any batch.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

import polars as pl

from pipelines.catalog import CanonicalKind, Catalog, RawKind
from pipelines.codec.records import UnreadableSchemaError
from pipelines.codec.resolve import resolution
from pipelines.contract import TIMESTAMP
from pipelines.faults import Fault
from pipelines.identity import event_id
from pipelines.json_upload import JsonField, json_fields, read_json
from pipelines.names import RawTopic, parse_raw_topic
from pipelines.screening import screen
from pipelines.wire import RawBatch, Unframed, WriterId, WriterSchema, unframe

REJECTED: Final = pl.Schema(
    {
        "row": pl.Int64(),
        "reason": pl.String(),
        "field": pl.String(),
        "detail": pl.String(),
        "remedy": pl.String(),
        "source_offset": pl.Int64(),
        "received_at": TIMESTAMP,
        "schema_id": pl.Int64(),
        "mapping": pl.String(),
    }
)


@dataclass(frozen=True)
class Normalised:
    """Every input row, once: `accepted` has the canonical columns in order, `rejected` those of REJECTED."""

    kind: CanonicalKind
    accepted: pl.DataFrame
    rejected: pl.DataFrame


@dataclass
class Decoded:
    """Uploads in the province's words (raw columns, `row`, `_form_note`), and the faults of the other rows."""

    parts: list[pl.DataFrame] = field(default_factory=list)
    faults: dict[int, Fault] = field(default_factory=dict)

    def add(self, frame: pl.DataFrame, rows: list[int], notes: list[str | None] | None = None) -> None:
        """Take a group of readable rows in."""
        note = pl.Series("_form_note", notes or [None] * len(rows), pl.String)
        self.parts.append(frame.with_columns(pl.Series("row", rows, pl.Int64), note))

    def frame(self) -> pl.DataFrame:
        """All readable rows in the order of the batch."""
        return pl.concat(self.parts).sort("row") if len(self.parts) > 1 else self.parts[0]


def normalise(batch: RawBatch, catalog: Catalog, writers: Mapping[WriterId, WriterSchema | None]) -> Normalised:
    """Decode, map, identify and screen a batch; every row ends in exactly one of the two frames, order kept.

    writers: what the registry says of `writer_ids(batch)`, None for an id that it does not know. KeyError where one
    was not looked up, or where the catalog has no such kind of the province.
    """
    topic = parse_raw_topic(batch.topic)
    raw, kind = catalog.raw[topic.province, topic.kind], catalog.canonical[topic.kind]
    mapping = catalog.compiled(topic.province, topic.kind, topic.vendor)
    unframed = unframe(batch)
    sources = _sources(batch, unframed, mapping.name)
    decoded = _decode(unframed, raw, topic.vendor, writers)
    uploads = decoded.frame()
    rows = sources[uploads["row"]]
    read = uploads.drop("row", "_form_note").with_columns(rows["received_at"].alias("_received"))
    mapped = mapping.apply(read).hstack(rows).hstack([uploads["_form_note"]])
    refused = mapped["_reason"].is_not_null()
    return Normalised(
        kind=kind,
        accepted=_canonical(mapped.filter(~refused), topic, kind, catalog),
        rejected=_rejected(mapped.filter(refused), decoded.faults, sources),
    )


def _sources(batch: RawBatch, unframed: Unframed, mapping: str) -> pl.DataFrame:
    """Where each row of the batch comes from."""
    ids: list[int | None] = [None] * len(batch)
    for writer, rows in unframed.avro.items():
        for row in rows:
            ids[row] = writer if isinstance(writer, int) else None
    return pl.DataFrame(
        {
            "row": pl.int_range(len(batch), eager=True),
            "source_offset": pl.Series(batch.offsets, dtype=pl.Int64),
            "received_at": pl.Series(batch.timestamps, dtype=pl.Int64).cast(TIMESTAMP),
            "schema_id": pl.Series(ids, dtype=pl.Int64),
        }
    ).with_columns(
        source_topic=pl.lit(batch.topic), source_partition=pl.lit(batch.partition, pl.Int32), mapping=pl.lit(mapping)
    )


def _decode(
    unframed: Unframed, raw: RawKind, vendor: str | None, writers: Mapping[WriterId, WriterSchema | None]
) -> Decoded:
    decoded = Decoded(faults=dict(unframed.faults))
    for writer_id, rows in unframed.avro.items():
        writer = writers[writer_id]
        if writer is None:
            refusal = Fault(
                "unknown_schema",
                None,
                f"the registry has no schema {writer_id}",
                f"Register the schema under {raw.subject} and frame the value with the id that the registry gives.",
            )
        elif raw.subject not in writer.subjects:
            refusal = Fault(
                "wrong_subject",
                None,
                f"schema {writer_id} is registered under {', '.join(sorted(writer.subjects)) or 'no subject'}",
                f"Send it to the topic of its subject, or register the schema under {raw.subject}.",
            )
        else:
            _decode_avro(writer, [(row, unframed.bodies[row]) for row in rows], raw, decoded)
            continue
        decoded.faults |= dict.fromkeys(rows, refusal)
    _decode_json(unframed, json_fields(raw, raw.mapping.for_vendor(vendor)), decoded)
    return decoded


def _decode_avro(writer: WriterSchema, bodies: list[tuple[int, bytes]], raw: RawKind, decoded: Decoded) -> None:
    remedy = "Encode the value with the very schema whose id it carries."
    try:
        frame, damaged = resolution(writer.schema, raw.schema).read([body for _, body in bodies])
    except UnreadableSchemaError as error:
        fault = Fault("undecodable", None, str(error), f"Register a schema that {raw.subject} can be read from.")
        decoded.faults |= {row: fault for row, _ in bodies}
        return
    for position, damage in damaged.items():
        decoded.faults[bodies[position][0]] = Fault("undecodable", None, str(damage), remedy)
    decoded.add(frame, [row for position, (row, _) in enumerate(bodies) if position not in damaged])


def _decode_json(unframed: Unframed, fields: Sequence[JsonField], decoded: Decoded) -> None:
    rows = unframed.json
    if not rows and decoded.parts:
        return
    frame, notes, faults = read_json([unframed.bodies[row] for row in rows], fields)
    decoded.faults |= {rows[position]: fault for position, fault in faults.items()}
    decoded.add(frame, [row for position, row in enumerate(rows) if position not in faults], notes)


def _canonical(mapped: pl.DataFrame, topic: RawTopic, kind: CanonicalKind, catalog: Catalog) -> pl.DataFrame:
    """Accepted rows with envelope and flags: the canonical columns in their order, null where nothing maps."""
    judged = screen(_enveloped(mapped, topic, kind), kind, catalog.screening.get(kind.name))
    return judged.select(kind.polars_schema.names())


def _enveloped(mapped: pl.DataFrame, topic: RawTopic, kind: CanonicalKind) -> pl.DataFrame:
    made = mapped.with_columns(
        event_id(topic.province, kind),
        pl.col("schema_id").cast(pl.Int32),
        province=pl.lit(topic.province),
        vendor=pl.lit(topic.vendor, pl.String),
    )
    unmapped = {name: dtype for name, dtype in kind.polars_schema.items() if name not in made.columns}
    return made.hstack(pl.DataFrame(schema=unmapped).clear(made.height))


def _rejected(mapped: pl.DataFrame, faults: Mapping[int, Fault], sources: pl.DataFrame) -> pl.DataFrame:
    """Refused rows, of whichever step, in the order of the batch."""
    why = ("reason", "field", "detail", "remedy")
    late = mapped.rename({f"_{name}": name for name in why}).select(REJECTED.names())
    if not faults:
        return late
    causes = {name: pl.Series([getattr(fault, name) for fault in faults.values()], dtype=pl.String) for name in why}
    early = sources[list(faults)].with_columns(**causes).select(REJECTED.names())
    return pl.concat([early, late]).sort("row")
