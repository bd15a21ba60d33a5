"""Flat Avro records to and from frames, a whole batch in one call of polars.

polars reads an object-container block of records laid end to end. It is lenient (any union index, overlong numbers,
overflowing ints), and one record's damage reaches into the next; so only records go in that are the exact encoding of
their values (exact.py). What is left out is read record by record (records.py).
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from io import BytesIO
from itertools import compress
from typing import Any, Final

import numpy as np
import orjson
import polars as pl

from pipelines.codec.exact import are_exact
from pipelines.codec.varints import Flags, read_number

DTYPES: Final[Mapping[str, pl.DataType]] = {
    "int": pl.Int32(),
    "long": pl.Int64(),
    "float": pl.Float32(),
    "double": pl.Float64(),
    "boolean": pl.Boolean(),
    "string": pl.String(),
}

# Twelve bytes of 0xFF stand in no record that polars writes: UTF-8 has no 0xFF, a double has eight bytes, a varint's
# last byte is below 0x80, and a tag stands before every field; so the guard can be searched for without doubt.
GUARD: Final = b"\xff" * 12
SYNC: Final = bytes(16)


@dataclass(frozen=True, slots=True)
class FlatField:
    """A field that polars can read: one primitive type, or the union of null (first) and one."""

    name: str
    type: str
    nullable: bool

    @property
    def dtype(self) -> pl.DataType:
        """Column type of the field."""
        return DTYPES[self.type]


def flat_fields(schema: Mapping[str, Any]) -> tuple[FlatField, ...] | None:
    """Fields of a record schema (without logical types), or None where one is not flat."""
    fields = []
    for field in schema["fields"]:
        kind = field["type"]
        nullable = isinstance(kind, list) and len(kind) == 2 and kind[0] == "null"
        if nullable:
            kind = kind[1]
        if not isinstance(kind, str) or kind not in DTYPES:
            return None
        fields.append(FlatField(field["name"], kind, nullable))
    return tuple(fields)


def column_types(schema: Mapping[str, Any]) -> dict[str, pl.DataType] | None:
    """Column types of a record schema (without logical types), arrays included; None where one is of another kind."""
    types = {field["name"]: _column_type(field["type"]) for field in schema["fields"]}
    known = {name: dtype for name, dtype in types.items() if dtype is not None}
    return known if len(known) == len(types) else None


def _column_type(kind: Any) -> pl.DataType | None:
    if isinstance(kind, list):
        return _column_type(kind[1]) if len(kind) == 2 and kind[0] == "null" else None
    if isinstance(kind, str):
        return DTYPES.get(kind)
    if kind["type"] == "array":
        items = _column_type(kind["items"])
        return None if items is None else pl.List(items)
    inner = column_types(kind) if kind["type"] == "record" else None
    return None if inner is None else pl.Struct(inner)


def read_written(bodies: Sequence[bytes], schema: Mapping[str, Any]) -> pl.DataFrame | None:
    """Frame of bodies of a record schema with arrays, or None where one is not what write_rows would write of it.

    For trusted bytes only: polars believes any number of items that a body claims to hold.
    """
    try:
        frame = pl.read_avro(BytesIO(_container(schema["fields"], bodies)))
    except pl.exceptions.ComputeError:
        return None
    return frame if write_rows(frame, b"") == list(bodies) else None


def write_rows(frame: pl.DataFrame, head: bytes) -> list[bytes]:
    """One Avro body per row, every column as ["null", T], each behind `head` (the Confluent header)."""
    if frame.height == 0:
        return []
    guard = GUARD + head
    bodies: list[bytes] = []
    for data in _blocks(_written(frame, guard)):
        bodies += data.split(b"\x02" + _varint(len(guard)) + GUARD)[1:]
    if len(bodies) != frame.height:
        raise RuntimeError(f"wrote {len(bodies)} Avro records of {frame.height} rows")
    return bodies


def read_rows(bodies: Sequence[bytes], fields: tuple[FlatField, ...]) -> tuple[pl.DataFrame, list[int]]:
    """Frame of the records that are exact encodings, and the positions of the others.

    Columns are the fields in order; rows the bodies in order.
    """
    exact = are_exact(bodies, fields)
    try:
        return _read_block(bodies, exact, fields), _positions(~exact)
    except pl.exceptions.ComputeError:  # a text is no UTF-8
        exact &= _are_text(bodies, exact, fields)
        return _read_block(bodies, exact, fields), _positions(~exact)


def _read_block(bodies: Sequence[bytes], wanted: Flags, fields: tuple[FlatField, ...]) -> pl.DataFrame:
    chosen = bodies if wanted.all() else list(compress(bodies, wanted))
    if not chosen:
        return pl.DataFrame(schema={field.name: field.dtype for field in fields})
    columns = [{"name": f.name, "type": ["null", f.type] if f.nullable else f.type} for f in fields]
    return pl.read_avro(BytesIO(_container(columns, chosen)))


def _are_text(bodies: Sequence[bytes], wanted: Flags, fields: tuple[FlatField, ...]) -> Flags:
    """Whether all texts of each wanted body are UTF-8."""
    as_bytes = tuple(replace(field, type="bytes") if field.type == "string" else field for field in fields)
    found = np.zeros(len(bodies), dtype=np.bool_)
    texts = _read_block(bodies, wanted, as_bytes).select(pl.col(pl.Binary))
    found[wanted] = [all(map(_is_text, row)) for row in texts.iter_rows()]
    return found


def _is_text(value: bytes | None) -> bool:
    try:
        (value or b"").decode()
    except UnicodeDecodeError:
        return False
    return True


def _positions(flags: Flags) -> list[int]:
    return [int(at) for at in np.flatnonzero(flags)]


def _written(frame: pl.DataFrame, guard: bytes) -> bytes:
    out = BytesIO()
    guards = pl.Series("\0guard", [guard]).new_from_index(0, frame.height)
    guards.to_frame().hstack(frame).write_avro(out)
    return out.getvalue()


def _varint(number: int) -> bytes:
    """Avro long: zigzag, seven bits a byte, least first."""
    rest = (number << 1) ^ (number >> 63)
    out = bytearray()
    while rest > 0x7F:
        out.append(rest & 0x7F | 0x80)
        rest >>= 7
    out.append(rest)
    return bytes(out)


def _container(fields: Sequence[Mapping[str, Any]], bodies: Sequence[bytes]) -> bytes:
    """An object container with one block of these bodies."""
    data = b"".join(bodies)
    header = _header(orjson.dumps({"type": "record", "name": "upload", "fields": fields}))
    return b"".join((header, _varint(len(bodies)), _varint(len(data)), data, SYNC))


@cache
def _header(schema: bytes) -> bytes:
    key = b"avro.schema"
    return b"".join((b"Obj\x01", _varint(1), _varint(len(key)), key, _varint(len(schema)), schema, b"\0", SYNC))


def _blocks(container: bytes) -> Iterator[bytes]:
    """Data of each block of an object container as polars writes it (no compression)."""
    at = 4
    while (entries := read_number(container, at))[0]:
        at = entries[1]
        for _ in range(2 * abs(entries[0])):
            length, at = read_number(container, at)
            at += length
    at = entries[1] + len(SYNC)
    while at < len(container):
        _, at = read_number(container, at)
        length, at = read_number(container, at)
        yield container[at : at + length]
        at += length + len(SYNC)
