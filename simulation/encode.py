"""Uploads as bytes 编码: Confluent-framed Avro (id as prefix, or GUID in a header) and bare JSON."""

import io
import struct
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import fastavro
import orjson

GUID_HEADER = "__value_schema_id"  # the header that Confluent's serializers put a schema's GUID into


@dataclass(frozen=True)
class Registry:
    """What an uploader asks the schema registry for; `guid_of` gives None where the registry has no GUIDs."""

    id_of: Callable[[str], int]
    guid_of: Callable[[str], uuid.UUID | None] = field(default=lambda _subject: None)


@dataclass(frozen=True)
class Encoder:
    """Encodes the records of one raw subject."""

    subject: str
    schema: dict[str, Any]
    schema_id: int
    registry: Registry

    @classmethod
    def of(cls, subject: str, schema: Mapping[str, Any], registry: Registry) -> "Encoder":
        """An encoder with the registry's id of the subject."""
        parsed: dict[str, Any] = fastavro.parse_schema(dict(schema))  # type: ignore[assignment]  # a record's is a dict
        return cls(subject, parsed, registry.id_of(subject), registry)

    def body(self, record: Mapping[str, Any]) -> bytes:
        """Plain Avro binary."""
        out = io.BytesIO()
        fastavro.schemaless_writer(out, self.schema, record)
        return out.getvalue()

    def framed(self, record: Mapping[str, Any]) -> bytes:
        """Confluent wire format: a zero byte, the schema id in four bytes, Avro binary."""
        return frame(self.schema_id, self.body(record))

    def json(self, record: Mapping[str, Any]) -> bytes:
        """Bare JSON with the province's own keys; what is null is left out."""
        names = self.json_names
        return orjson.dumps({names[key]: value for key, value in record.items() if value is not None})

    def encode(self, record: Mapping[str, Any], encoding: str) -> tuple[bytes, bytes | None]:
        """Value, and content of GUID_HEADER if any: as avro, guid (avro where the registry has none) or json."""
        if encoding == "json":
            return self.json(record), None
        if encoding == "guid" and self.guid is not None:
            return self.body(record), b"\x01" + self.guid.bytes
        return self.framed(record), None

    @cached_property
    def guid(self) -> uuid.UUID | None:
        """The schema's GUID; asked for by those alone who need it, a request each."""
        return self.registry.guid_of(self.subject)

    @cached_property
    def json_names(self) -> dict[str, str]:
        """Avro field name → JSON key."""
        return {each["name"]: each.get("json", each["name"]) for each in self.schema["fields"]}


def frame(schema_id: int, body: bytes) -> bytes:
    """Confluent wire format."""
    return struct.pack(">bI", 0, schema_id) + body
