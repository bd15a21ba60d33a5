"""Avro records read one by one with fastavro: damaged batches, and writer schemas that are not flat."""

import struct
from collections.abc import Iterable, Mapping, Sequence
from io import BytesIO
from typing import Any, Final

import fastavro
from fastavro.read import SchemaResolutionError
from fastavro.schema import SchemaParseException, UnknownType

from pipelines.codec.bounds import unbounded

# What fastavro raises on bytes that do not follow the schema, or on a writer schema that the reader's cannot resolve.
DAMAGE: Final = (
    AttributeError,
    EOFError,
    IndexError,
    KeyError,
    MemoryError,
    OverflowError,
    SchemaResolutionError,
    TypeError,
    ValueError,
    struct.error,
)
RANGES: Final = {"int": 1 << 31, "long": 1 << 63}


class UndecodableError(ValueError):
    """The bytes do not follow their schema; the text says how, without any value."""


class UnreadableSchemaError(ValueError):
    """The writer's schema cannot be read by itself."""


class RecordReader:
    """Reads records of one writer schema as the reader schema names them.

    `exact`: the schema is flat, so that a value has exactly one encoding, and any other bytes are refused
    (fastavro alone would take overlong numbers and negative union indices).
    """

    def __init__(self, writer: Any, reader: Mapping[str, Any], *, exact: bool) -> None:
        named: dict[str, Any] = {}
        try:
            self._writer = fastavro.parse_schema(writer, named_schemas=named)
        except (SchemaParseException, UnknownType, KeyError, TypeError) as error:
            raise UnreadableSchemaError(f"the writer's schema cannot be read: {type(error).__name__}") from error
        why = unbounded(self._writer, named)
        if why:
            raise UnreadableSchemaError(why)
        self._reader = fastavro.parse_schema(dict(reader))
        self._exact = exact
        self._limits = _limits(reader["fields"])
        self._inner = {name: _limits(fields) for name, fields in _arrays(reader["fields"])}
        if exact:
            self._limits |= {name: limit for name, limit in _limits(writer["fields"]).items() if name in self._limits}

    def read(self, body: bytes) -> dict[str, Any]:
        """The record in the reader's fields; raises UndecodableError."""
        source = BytesIO(body)
        try:
            self._check_whole(body)
            record = fastavro.schemaless_reader(source, self._writer, self._reader)
        except DAMAGE as fault:
            raise UndecodableError(f"{len(body)} bytes: {type(fault).__name__} while reading") from fault
        if source.tell() != len(body):
            raise UndecodableError(f"the record ends at byte {source.tell()} of {len(body)}")
        if not isinstance(record, dict):
            raise UndecodableError("the schema is not a record's")
        _check_limits(record, self._limits)
        for name, inner in self._inner.items():
            for item in record[name] or ():
                if item is None:
                    raise UndecodableError(f"{name} holds an item that is null")
                _check_limits(item, inner)
        return record

    def _check_whole(self, body: bytes) -> None:
        """Read every field: fastavro skips fields that the reader lacks without looking for the end of the bytes."""
        record = fastavro.schemaless_reader(BytesIO(body), self._writer, None)
        if not self._exact:
            return
        again = BytesIO()
        fastavro.schemaless_writer(again, self._writer, record)
        if again.getvalue() != body:
            raise UndecodableError(f"{len(body)} bytes are not the exact encoding of the {len(again.getvalue())} read")


def _check_limits(record: Any, limits: Mapping[str, int]) -> None:
    for name, limit in limits.items():
        value = record[name]
        if value is not None and not -limit <= value < limit:
            raise UndecodableError(f"{name} overflows its type")


def _arrays(fields: Iterable[Mapping[str, Any]]) -> Iterable[tuple[str, Sequence[Mapping[str, Any]]]]:
    """Each array field with the fields of its records; none for one of texts."""
    for field in fields:
        kind = field["type"][-1] if isinstance(field["type"], list) else field["type"]
        if isinstance(kind, Mapping) and kind["type"] == "array":
            items = kind["items"][-1] if isinstance(kind["items"], list) else kind["items"]
            yield field["name"], items["fields"] if isinstance(items, Mapping) else ()


def _limits(fields: Iterable[Mapping[str, Any]]) -> dict[str, int]:
    """Bound of each whole-number field, nullable or not: fastavro reads any length of number."""
    limits = {}
    for field in fields:
        kinds = field["type"] if isinstance(field["type"], list) else [field["type"]]
        whole = [kind for kind in kinds if isinstance(kind, str) and kind in RANGES]
        if whole:
            limits[field["name"]] = RANGES[whole[0]]
    return limits
