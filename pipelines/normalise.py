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
from pipelines.decoders import DECODERS
from pipelines.faults import Fault
from pipelines.json_upload import JsonField, read_json
from pipelines.link import Link
from pipelines.screening import screen
from pipelines.wire import RawBatch, Unframed, WriterId, WriterSchema
from pipelines.wire import unframed as refused

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
NONE_REJECTED: Final = REJECTED.to_frame()
PROVENANCE: Final = ["row", "schema_id", "_form_note"]


@dataclass(frozen=True)
class Normalised:
    """Every input row, once: `accepted` has the canonical columns in order, `rejected` those of REJECTED."""

    kind: CanonicalKind
    accepted: pl.DataFrame
    rejected: pl.DataFrame


@dataclass
class Decoded:
    """Uploads in the province's words (raw columns, `row`, `schema_id`, `_form_note`), and the other rows' faults."""

    parts: list[pl.DataFrame] = field(default_factory=list)
    faults: dict[int, Fault] = field(default_factory=dict)

    def add(
        self, frame: pl.DataFrame, rows: list[int], writer: WriterId | None, notes: pl.Series | None = None
    ) -> None:
        """Take a group of readable rows in."""
        schema_id = writer if isinstance(writer, int) else None
        known = [
            pl.Series("row", rows, pl.Int64),
            pl.Series("schema_id", [schema_id], pl.Int64).new_from_index(0, len(rows)),
            pl.Series("_form_note", [None], pl.String).new_from_index(0, len(rows)) if notes is None else notes,
        ]
        self.parts.append(frame.hstack(known))

    def frame(self) -> pl.DataFrame:
        """All readable rows in the order of the batch."""
        return pl.concat(self.parts).sort("row") if len(self.parts) > 1 else self.parts[0]


def normalise(batch: RawBatch, catalog: Catalog, writers: Mapping[WriterId, WriterSchema | None]) -> Normalised:
    """Decode, map, identify and screen a batch; every row ends in exactly one of the two frames, order kept.

    writers: what the registry says of `writer_ids(batch)`, None for an id that it does not know. KeyError where one
    was not looked up, or where the catalog has no such kind of the province.
    """
    link = catalog.link(batch.topic)
    decoded = _decode(batch.unframed, link, writers)
    uploads = decoded.frame()
    receipts = _receipts(batch)
    if uploads.height < len(batch):
        receipts = receipts[uploads["row"]]
    read = uploads.hstack([receipts["received_at"].alias("_received")])
    mapped = link.mapping.apply(read).hstack(receipts).hstack(uploads[PROVENANCE])
    is_sound = pl.col("_reason").is_null()
    all_sound = mapped["_reason"].null_count() == mapped.height
    accepted = mapped if all_sound else mapped.filter(is_sound)
    late = mapped[:0] if all_sound else mapped.filter(~is_sound)
    return Normalised(
        kind=link.kind,
        accepted=_canonical(accepted, link),
        rejected=_rejected(late, decoded.faults, batch, link.mapping.name),
    )


def _receipts(batch: RawBatch) -> pl.DataFrame:
    """Place and time of receipt of each row of the batch."""
    return pl.DataFrame(
        [
            pl.Series("source_partition", batch.partitions, pl.Int32),
            pl.Series("source_offset", batch.offsets, pl.Int64),
            pl.Series("received_at", batch.timestamps, pl.Int64).cast(TIMESTAMP),
        ]
    )


def _decode(unframed: Unframed, link: Link, writers: Mapping[WriterId, WriterSchema | None]) -> Decoded:
    raw = link.raw
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
            _decode_avro(writer_id, writer, unframed, raw, decoded)
            continue
        decoded.faults |= dict.fromkeys(rows, refusal)
    _decode_other(unframed, raw, decoded)
    _decode_json(unframed, link.json_fields, decoded)
    return decoded


def _decode_avro(writer_id: WriterId, writer: WriterSchema, unframed: Unframed, raw: RawKind, decoded: Decoded) -> None:
    rows = unframed.avro[writer_id]
    remedy = "Encode the value with the very schema whose id it carries."
    try:
        frame, damaged = resolution(writer.schema, raw.schema).read([unframed.bodies[row] for row in rows])
    except UnreadableSchemaError as error:
        fault = Fault("undecodable", None, str(error), f"Register a schema that {raw.subject} can be read from.")
        decoded.faults |= dict.fromkeys(rows, fault)
        return
    for position, damage in damaged.items():
        decoded.faults[rows[position]] = Fault("undecodable", None, damage, remedy)
    sound = [row for position, row in enumerate(rows) if position not in damaged] if damaged else rows
    decoded.add(frame, sound, writer_id)


def _decode_json(unframed: Unframed, fields: Sequence[JsonField], decoded: Decoded) -> None:
    rows = unframed.json
    if not rows and decoded.parts:
        return
    frame, notes, faults = read_json([unframed.bodies[row] for row in rows], fields)
    decoded.faults |= {rows[position]: fault for position, fault in faults.items()}
    sound = [row for position, row in enumerate(rows) if position not in faults]
    decoded.add(frame, sound, None, pl.Series("_form_note", notes, pl.String))


def _decode_other(unframed: Unframed, raw: RawKind, decoded: Decoded) -> None:
    rows = unframed.other
    decoder = DECODERS.get(raw.mapping.decoder or "")
    if decoder is None or not rows:
        decoded.faults |= {row: refused(unframed.bodies[row]) for row in rows}
        return
    frame, notes, faults = decoder([unframed.bodies[row] for row in rows], raw.fields)
    decoded.faults |= {rows[position]: fault for position, fault in faults.items()}
    sound = [row for position, row in enumerate(rows) if position not in faults]
    decoded.add(frame, sound, None, pl.Series("_form_note", notes, pl.String))


def _canonical(mapped: pl.DataFrame, link: Link) -> pl.DataFrame:
    """Accepted rows with envelope and flags: the canonical columns in their order, null where nothing maps."""
    enveloped = mapped.with_columns_seq(*link.envelope)
    return screen(enveloped, link.kind, link.rules)[link.kind.polars_schema.names()]


def _rejected(late: pl.DataFrame, faults: Mapping[int, Fault], batch: RawBatch, mapping: str) -> pl.DataFrame:
    """Refused rows, those of the mapping (`late`) and those before it, in the order of the batch."""
    why = ("reason", "field", "detail", "remedy")
    if not faults and not late.height:
        return NONE_REJECTED
    named = late.rename({f"_{name}": name for name in why}).with_columns(mapping=pl.lit(mapping))
    if not faults:
        return named[REJECTED.names()]
    writers = {row: writer for writer, rows in batch.unframed.avro.items() for row in rows if row in faults}
    ids = [writer if isinstance(writer := writers.get(row), int) else None for row in faults]
    early = pl.DataFrame(
        {
            "row": list(faults),
            **{name: [getattr(fault, name) for fault in faults.values()] for name in why},
            "source_offset": [batch.offsets[row] for row in faults],
            "received_at": [batch.timestamps[row] for row in faults],
            "schema_id": ids,
            "mapping": [mapping] * len(faults),
        },
        schema={**REJECTED, "received_at": pl.Int64()},
    )
    return pl.concat([early.cast({"received_at": TIMESTAMP}), named[REJECTED.names()]]).sort("row")
