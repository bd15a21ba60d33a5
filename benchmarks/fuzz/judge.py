"""Whether an upload was rightly treated (判定), by readers that share no code with the hub's own.

Avro is judged by fastavro: accepted must be what it reads to the last byte and writes again as the same bytes, but for
the blocks of arrays; refused as undecodable must not be. JSON is judged by the standard library. Whatever is refused
keeps key, value and headers.
"""

import json
import struct
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from io import BytesIO
from typing import Any

import fastavro

from pipelines.catalog import Catalog
from pipelines.codec import decode
from pipelines.names import canonical_topic
from pipelines.wire import RawBatch, WriterId, WriterSchema
from streams.outputs import Headers, Outputs, Target, outputs
from streams.quarantined import original_headers, source_of, told
from streams.records import Record

Writers = Mapping[WriterId, WriterSchema | None]
WHOLE = {"int": 1 << 31, "long": 1 << 63}


class MistreatedError(Exception):
    """An upload that was lost, doubled, changed or wrongly judged; the text says which and why."""


@dataclass(frozen=True)
class Treated:
    """Output topic and record of each upload, by offset."""

    records: Mapping[int, tuple[str, Record]]

    @property
    def refused(self) -> Counter[str]:
        """How many were quarantined, by reason."""
        return Counter(told(record)["reason"] for topic, record in self.records.values() if _is_refused(topic))


def treated(batch: RawBatch, catalog: Catalog, writers: Writers, target: Target) -> Treated:
    """What became of each upload of a batch; MistreatedError where one was mistreated."""
    found = _by_offset(outputs(batch, catalog, writers, target), catalog)
    if sorted(found) != sorted(batch.offsets):
        raise MistreatedError(f"{len(batch)} uploads became {len(found)} records")
    unframed = batch.unframed
    writer_of = {row: writer for writer, rows in unframed.avro.items() for row in rows}
    for row, offset in enumerate(batch.offsets):
        topic, record = found[offset]
        writer = writers.get(writer_of[row]) if row in writer_of else None
        if _is_refused(topic):
            _check_kept(batch, row, record)
            if writer is not None and told(record)["reason"] == "undecodable":
                body = unframed.bodies[row]
                nul = told(record)["detail"].endswith("U+0000") and b"\0" in body  # no database takes it in a text
                _check(nul or is_right(body, writer.schema, refused=True), offset, "refused, but fastavro reads it")
        elif writer is not None:
            right = is_right(unframed.bodies[row], writer.schema, refused=False)
            _check(right, offset, "accepted, but fastavro reads it otherwise")
        else:
            _check(is_json_object(unframed.bodies[row]), offset, "accepted, but it is no JSON object")
    return Treated(found)


def is_right(body: bytes, schema: Mapping[str, Any], *, refused: bool) -> bool:
    """Whether a body of Avro was rightly refused, or rightly accepted."""
    return not is_exact(body, schema) if refused else is_sound(body, schema)


def is_exact(body: bytes, schema: Mapping[str, Any]) -> bool:
    """Whether fastavro reads the body to its last byte, within the types' bounds, and writes it again as it was."""
    return _written_again(body, schema) == body


def is_sound(body: bytes, schema: Mapping[str, Any]) -> bool:
    """The same, but that what has arrays may be written otherwise: Avro lets a writer cut them into blocks."""
    again = _written_again(body, schema)
    return again == body or (again is not None and _has_arrays(schema))


def _written_again(body: bytes, schema: Mapping[str, Any]) -> bytes | None:
    """The body as fastavro writes what it has read of it; None where it does not read all of it as a record."""
    parsed = fastavro.parse_schema(dict(schema))
    source, again = BytesIO(body), BytesIO()
    try:
        record = fastavro.schemaless_reader(source, parsed, None)
        fastavro.schemaless_writer(again, parsed, record)
    except (
        AttributeError,
        EOFError,
        IndexError,
        KeyError,
        MemoryError,
        OverflowError,
        TypeError,
        ValueError,
        struct.error,
    ):
        return None
    whole = source.tell() == len(body) and isinstance(record, dict) and _in_bounds(record, schema)
    return again.getvalue() if whole else None


def _has_arrays(schema: Any) -> bool:
    if isinstance(schema, list):
        return any(map(_has_arrays, schema))
    if isinstance(schema, str):
        return False
    return schema["type"] == "array" or any(_has_arrays(field["type"]) for field in schema.get("fields", ()))


def _in_bounds(value: Any, schema: Any) -> bool:
    """Whether every whole number fits its type, also within arrays and records."""
    if isinstance(schema, list):
        return all(_in_bounds(value, branch) for branch in schema)
    if isinstance(schema, str):
        return not isinstance(value, int) or schema not in WHOLE or -WHOLE[schema] <= value < WHOLE[schema]
    if schema["type"] == "record" and isinstance(value, dict):
        return all(_in_bounds(value[field["name"]], field["type"]) for field in schema["fields"])
    if schema["type"] == "array" and isinstance(value, list):
        return all(_in_bounds(item, schema["items"]) for item in value)
    return _in_bounds(value, schema["type"]) if schema["type"] in WHOLE else True


def _by_offset(made: Outputs, catalog: Catalog) -> dict[int, tuple[str, Record]]:
    found: dict[int, tuple[str, Record]] = {}
    kinds = {canonical_topic(name): kind for name, kind in catalog.canonical.items()}
    for (topic, partition), records in made.items():
        read = [_as_read(topic, partition, *record) for record in records]
        if topic in kinds:
            offsets = decode([value or b"" for value in records.values], kinds[topic])["source_offset"].to_list()
        else:
            offsets = [source_of(record)[2] for record in read]
        for offset, record in zip(offsets, read, strict=True):
            _check(offset not in found, offset, "two records of one upload")
            found[offset] = topic, record
    return found


def _check_kept(batch: RawBatch, row: int, record: Record) -> None:
    offset, original = batch.offsets[row], list(batch.headers[row])
    kept = original_headers(record)
    _check(
        (record.key, record.value, kept) == (batch.keys[row], batch.values[row], original), offset, "not kept as it was"
    )


def _check(holds: bool, offset: int, otherwise: str) -> None:
    if not holds:
        raise MistreatedError(f"offset {offset}: {otherwise}")


def _is_refused(topic: str) -> bool:
    return topic.startswith("quarantine.")


def _as_read(topic: str, partition: int, key: bytes | None, value: bytes | None, headers: Headers) -> Record:
    return Record(topic, partition, 0, 0, key, value, list(headers))


def is_json_object(body: bytes) -> bool:
    """Whether the standard library reads it as one, without NaN and its like."""
    try:
        return isinstance(json.loads(body.decode("utf-8"), parse_constant=_no_number), dict)
    except (ValueError, RecursionError):
        return False


def _no_number(name: str) -> None:
    raise ValueError(name)
