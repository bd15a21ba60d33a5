"""Flat Avro records to and from frames, a whole batch in one call of polars.

The records are laid into one object-container block with a guard before each, so that one record's damage
cannot reach into the next. polars' reader is lenient (any union index, overlong varints, overflowing ints), so a
batch counts as read only when writing the frame again gives the same bytes: then every record was the exact
encoding of its values. Whatever fails here is read record by record (records.py).
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from io import BytesIO
from typing import Any, Final

import numpy as np
import orjson
import polars as pl
from numpy.typing import NDArray

DTYPES: Final[Mapping[str, pl.DataType]] = {
    "int": pl.Int32(),
    "long": pl.Int64(),
    "float": pl.Float32(),
    "double": pl.Float64(),
    "boolean": pl.Boolean(),
    "string": pl.String(),
}
FIXED_SIZES: Final[Mapping[str, int]] = {"float": 4, "double": 8, "boolean": 1}

# Twelve bytes of 0xFF stand in no record that polars writes: UTF-8 has no 0xFF, a double has eight bytes, a varint's
# last byte is below 0x80, and a tag stands before every field; so the guard can be searched for without doubt.
GUARD: Final = b"\xff" * 12
SEPARATOR: Final = bytes((2, 2 * len(GUARD))) + GUARD  # as ["null", "bytes"]
SYNC: Final = bytes(16)
VARINT_STEPS: Final = [1 << (7 * k - 1) for k in range(1, 10)]


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


def read_rows(bodies: Sequence[bytes], fields: tuple[FlatField, ...]) -> pl.DataFrame | None:
    """Frame of flat records, or None unless every body is the exact Avro encoding of its row.

    Columns are the fields in order; rows the bodies in order.
    """
    if not bodies:
        return pl.DataFrame(schema={field.name: field.dtype for field in fields})
    data = SEPARATOR + SEPARATOR.join(bodies)
    block = b"".join((_header(fields), _varint(len(bodies)), _varint(len(data)), data, SYNC))
    try:
        frame = pl.read_avro(BytesIO(block))
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException, OSError):
        return None  # a panic leaves its line on stderr; an OSError is a cut number, the block lies in memory
    if frame.height != len(bodies):
        return None
    frame = frame.drop("\0guard")
    again = b"".join(_blocks(_written(frame, GUARD)))
    lengths = np.fromiter(map(len, bodies), dtype=np.int64, count=len(bodies))
    return frame if _without_plain_tags(again, frame, fields, lengths) == data else None


def _written(frame: pl.DataFrame, guard: bytes) -> bytes:
    out = BytesIO()
    guards = pl.Series("\0guard", [guard]).new_from_index(0, frame.height)
    pl.DataFrame([guards, *frame.get_columns()]).write_avro(out)
    return out.getvalue()


def _without_plain_tags(
    block: bytes, frame: pl.DataFrame, fields: tuple[FlatField, ...], lengths: NDArray[np.int64]
) -> bytes | None:
    """The block as the fields' own schema writes it: polars puts a union tag before plain fields too.

    `lengths` are those that the bodies should have. None where a row of the block does not begin accordingly.
    """
    plain = [at for at, field in enumerate(fields) if not field.nullable]
    if not plain:
        return block
    content = np.frombuffer(block, dtype=np.uint8)
    row_ends = np.cumsum(lengths + len(SEPARATOR) + len(plain))
    starts = np.concatenate(([0], row_ends[:-1]))
    if row_ends[-1] != len(block) or (content[(starts + 2)[:, None] + np.arange(len(GUARD))] != GUARD[0]).any():
        return None
    kept = np.ones(len(block), dtype=np.bool_)
    place = starts + len(SEPARATOR)
    before_last = fields[: plain[-1]]
    sizes = frame.select(_size_columns(before_last))
    for field in before_last:
        if not field.nullable:
            kept[place] = False
        place = place + sizes[field.name].to_numpy()
    kept[place] = False
    return content[kept].tobytes()


@cache
def _size_columns(fields: tuple[FlatField, ...]) -> list[pl.Expr]:
    return [_size(field) for field in fields]


def _size(field: FlatField) -> pl.Expr:
    """Bytes that each value takes as ["null", T]."""
    value = pl.col(field.name)
    if field.type in FIXED_SIZES:
        size = pl.lit(FIXED_SIZES[field.type], pl.Int64)
    elif field.type == "string":
        size = value.str.len_bytes().cast(pl.Int64) + _varint_size(value.str.len_bytes().cast(pl.Int64))
    else:
        size = _varint_size(value.cast(pl.Int64))
    return pl.when(value.is_null()).then(1).otherwise(1 + size).alias(field.name)


def _varint_size(value: pl.Expr) -> pl.Expr:
    magnitude = pl.max_horizontal(value, -1 - value)  # what zigzag doubles, for either sign
    return pl.sum_horizontal(magnitude >= step for step in VARINT_STEPS).cast(pl.Int64) + 1


def _varint(number: int) -> bytes:
    """Avro long: zigzag, seven bits a byte, least first."""
    rest = (number << 1) ^ (number >> 63)
    out = bytearray()
    while rest > 0x7F:
        out.append(rest & 0x7F | 0x80)
        rest >>= 7
    out.append(rest)
    return bytes(out)


def _read_varint(data: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:
            return (value >> 1) ^ -(value & 1), at


@cache
def _header(fields: tuple[FlatField, ...]) -> bytes:
    columns: list[dict[str, Any]] = [{"name": "\0guard", "type": ["null", "bytes"]}]
    columns += [{"name": f.name, "type": ["null", f.type] if f.nullable else f.type} for f in fields]
    schema = orjson.dumps({"type": "record", "name": "upload", "fields": columns})
    key = b"avro.schema"
    return b"".join((b"Obj\x01", _varint(1), _varint(len(key)), key, _varint(len(schema)), schema, b"\0", SYNC))


def _blocks(container: bytes) -> Iterator[bytes]:
    """Data of each block of an object container as polars writes it (no compression)."""
    at = 4
    while (entries := _read_varint(container, at))[0]:
        at = entries[1]
        for _ in range(2 * abs(entries[0])):
            length, at = _read_varint(container, at)
            at += length
    at = entries[1] + len(SYNC)
    while at < len(container):
        _, at = _read_varint(container, at)
        length, at = _read_varint(container, at)
        yield container[at : at + length]
        at += length + len(SYNC)
