"""Canonical values to and from frames (规范记录编解码): Confluent-framed, vectorised both ways."""

import struct
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

import polars as pl

from pipelines.codec.block import flat_fields, read_written, write_rows
from pipelines.codec.resolve import physical, resolution

if TYPE_CHECKING:
    from pipelines.contract import CanonicalKind

HEADER_LENGTH: Final = 5


def encode(frame: pl.DataFrame, kind: "CanonicalKind", schema_id: int) -> list[bytes]:
    """Confluent-framed Avro value of each row of a canonical frame (`kind`'s columns, any order)."""
    columns = frame[kind.polars_schema.names()]
    for at, dtype in kind.timed.items():  # times are written as numbers
        columns.replace_column(at, columns.to_series(at).cast(dtype))
    return write_rows(columns, struct.pack(">bI", 0, schema_id))


def decode(values: Sequence[bytes], kind: "CanonicalKind") -> pl.DataFrame:
    """Canonical frame of Confluent-framed values, in their order, times as Datetime("ms", UTC).

    Canonical topics are the hub's own: a value that is not the exact encoding of a record raises ValueError.
    """
    bodies = [value[HEADER_LENGTH:] for value in values]
    schema = physical(kind.schema)
    if flat_fields(schema) is None and (written := read_written(bodies, schema)) is not None:
        return written.cast(kind.polars_schema)
    frame, faults = resolution(kind.schema, kind.schema).read(bodies)
    if faults:
        position, fault = next(iter(faults.items()))
        raise ValueError(f"value {position} of {len(values)} is no canonical {kind.name} record: {fault}")
    return frame.cast(kind.polars_schema)
