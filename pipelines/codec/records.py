"""Avro records read one by one with fastavro: damaged batches, and writer schemas that are not flat."""

from collections.abc import Mapping
from io import BytesIO
from typing import Any, Final

import fastavro
from fastavro.read import SchemaResolutionError
from fastavro.schema import SchemaParseException, UnknownType

from pipelines.codec.bounds import unbounded
from pipelines.codec.strict import InexactError, require_exact

# What fastavro raises where the reader's schema cannot resolve the writer's, or a value of it.
UNRESOLVED: Final = (
    AttributeError,
    IndexError,
    KeyError,
    OverflowError,
    SchemaResolutionError,
    TypeError,
    ValueError,
)


class UndecodableError(ValueError):
    """The bytes do not follow their schema; the text says how, without any value."""


class UnreadableSchemaError(ValueError):
    """The writer's schema cannot be read by itself."""


class RecordReader:
    """Reads records of one writer schema as the reader schema names them; bytes that are not exact are refused."""

    def __init__(self, writer: Any, reader: Mapping[str, Any]) -> None:
        self._named: dict[str, Any] = {}
        try:
            self._writer = fastavro.parse_schema(writer, named_schemas=self._named)
        except (SchemaParseException, UnknownType, KeyError, TypeError) as error:
            raise UnreadableSchemaError(f"the writer's schema cannot be read: {type(error).__name__}") from error
        why = unbounded(self._writer, self._named)
        if why:
            raise UnreadableSchemaError(why)
        self._reader = fastavro.parse_schema(dict(reader))
        self._arrays = [field["name"] for field in reader["fields"] if _is_array(field)]

    def read(self, body: bytes) -> dict[str, Any]:
        """The record in the reader's fields; raises UndecodableError."""
        try:
            require_exact(body, self._writer, self._named)
            record = fastavro.schemaless_reader(BytesIO(body), self._writer, self._reader)
        except InexactError as fault:
            raise UndecodableError(f"{len(body)} bytes: {fault}") from fault
        except UNRESOLVED as fault:
            raise UndecodableError(f"{len(body)} bytes: {type(fault).__name__} while reading") from fault
        if not isinstance(record, dict):
            raise UndecodableError("the schema is not a record's")
        for name in self._arrays:
            if None in (record[name] or ()):
                raise UndecodableError(f"{name} holds an item that is null")
        return record


def _is_array(field: Mapping[str, Any]) -> bool:
    kind = field["type"][-1] if isinstance(field["type"], list) else field["type"]
    return isinstance(kind, Mapping) and kind["type"] == "array"
