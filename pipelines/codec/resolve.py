"""Writer schema to reader schema (模式演进): what Avro's resolution asks, for frames.

Columns that the writer lacks take the reader's default, numbers are promoted, and everything that a frame cannot
do (nested writer types, aliases, a null for a field that allows none) goes record by record.
"""

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any, Final

import orjson
import polars as pl

from pipelines.codec.block import FlatField, column_types, flat_fields, read_rows
from pipelines.codec.records import RecordReader, UndecodableError, UnreadableSchemaError

PROMOTIONS: Final = frozenset({("int", "long"), ("int", "double"), ("long", "double"), ("float", "double")})
ANNOTATIONS: Final = frozenset({"logicalType", "precision", "scale"})


class Resolution:
    """Reads bodies of one writer schema into the columns of a reader schema: whole columns where both are flat."""

    def __init__(self, writer: Mapping[str, Any], reader: Mapping[str, Any]) -> None:
        """Both are record schemas as JSON. ValueError where the reader's holds more than primitives and arrays."""
        plain_reader = physical(reader)
        types = column_types(plain_reader)
        if types is None:
            raise ValueError(
                f"reader schema {reader.get('name')}: only null unions of primitive types or arrays of them"
            )
        self._types = types
        self.fields = flat_fields(plain_reader)
        self._defaults = {f["name"]: f.get("default") for f in plain_reader["fields"]}
        plain_writer = physical(writer)
        self._written = None
        if isinstance(plain_writer, Mapping) and plain_writer["type"] == "record":
            # The registry has vetted the schema under this subject: its record may bear another name.
            plain_writer = {**plain_writer, **{key: plain_reader.get(key, "") for key in ("name", "namespace")}}
            self._written = flat_fields(plain_writer)
        self._by_column = bool(self._written) and bool(self.fields) and self._resolves_by_column(plain_reader)
        self._records = RecordReader(plain_writer, plain_reader)

    def read(self, bodies: Sequence[bytes]) -> tuple[pl.DataFrame, dict[int, str]]:
        """The frame of the readable bodies in their order, and what is wrong with each other one by its position."""
        if not self._by_column or self._written is None or self.fields is None:
            return self._one_by_one(bodies)
        frame, others = read_rows(bodies, self._written)
        if self._written != self.fields:
            frame = frame.select(map(self._column, self.fields))
        if not others:
            return frame, {}
        # These are refused already; they are read again only to say what is wrong with each.
        _, faults = self._one_by_one([bodies[at] for at in others])
        unnamed = "the bytes are not the exact encoding of a record"
        return frame, {at: faults.get(number, unnamed) for number, at in enumerate(others)}

    def _one_by_one(self, bodies: Sequence[bytes]) -> tuple[pl.DataFrame, dict[int, str]]:
        records: list[dict[str, Any]] = []
        # Texts: an exception that is kept holds this frame and all the callers', with everything in them.
        faults: dict[int, str] = {}
        for position, body in enumerate(bodies):
            try:
                records.append(self._records.read(body))
            except UndecodableError as fault:
                faults[position] = str(fault)
        return pl.DataFrame(records, schema=self._types, orient="row"), faults

    def _column(self, field: FlatField) -> pl.Expr:
        if self._written is not None and any(written.name == field.name for written in self._written):
            return pl.col(field.name).cast(field.dtype)
        return pl.lit(self._defaults[field.name], dtype=field.dtype).alias(field.name)

    def _resolves_by_column(self, reader: Mapping[str, Any]) -> bool:
        written = {field.name: field for field in self._written or ()}
        return all(
            _castable(written[field.name], field) if field.name in written else "default" in spec
            for field, spec in zip(self.fields or (), reader["fields"], strict=True)
        ) and not any("aliases" in spec for spec in reader["fields"])


def _castable(written: FlatField, field: FlatField) -> bool:
    """A written column becomes the reader's by a cast that fits every value."""
    fits = written.type == field.type or (written.type, field.type) in PROMOTIONS
    return fits and (field.nullable or not written.nullable)


def resolution(writer: Mapping[str, Any], reader: Mapping[str, Any]) -> Resolution:
    """The resolution of the two schemas, made once. Raises UnreadableSchemaError."""
    try:
        return _resolution(orjson.dumps(writer), orjson.dumps(reader))
    except orjson.JSONEncodeError as error:
        raise UnreadableSchemaError("the writer's schema cannot be read: it nests too deep") from error


@lru_cache(maxsize=512)
def _resolution(writer: bytes, reader: bytes) -> Resolution:
    return Resolution(orjson.loads(writer), orjson.loads(reader))


def physical(schema: Any) -> Any:
    """The schema without logical types and private keys: times and decimals stay the numbers and bytes written."""
    if isinstance(schema, list):
        return [physical(branch) for branch in schema]
    if not isinstance(schema, Mapping):
        return schema
    # fastavro would believe a vendor's `__fastavro_parsed`.
    schema = {key: value for key, value in schema.items() if key not in ANNOTATIONS and not key.startswith("__")}
    kind = schema["type"]
    if not isinstance(kind, str):
        return physical(kind)
    if kind == "record":
        return {**schema, "fields": [{**field, "type": physical(field["type"])} for field in schema["fields"]]}
    if kind in {"array", "map"}:
        inner = "items" if kind == "array" else "values"
        return {**schema, inner: physical(schema[inner])}
    return schema if kind in {"enum", "fixed"} else kind
