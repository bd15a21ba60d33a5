"""The contract as objects: fields, canonical kinds, code tables, read from Avro schemas and YAML."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import fastavro
import fastavro.schema
import polars as pl
import yaml

TIMESTAMP = pl.Datetime("ms", "UTC")
POLARS_TYPES: dict[str, pl.DataType] = {
    "string": pl.String(),
    "int": pl.Int32(),
    "long": pl.Int64(),
    "double": pl.Float64(),
    "boolean": pl.Boolean(),
    "timestamp-millis": TIMESTAMP,
}


class CatalogError(ValueError):
    """A file of the contract is wrong; the message names file, field and remedy."""

    def __init__(self, file: Path, field: str, problem: str, remedy: str) -> None:
        super().__init__(f"{file}: {field}: {problem}. {remedy}.")


@dataclass(frozen=True)
class Field:
    """One field of a raw or canonical schema. `json` is its key in a JSON upload; `unit` is None where it has none."""

    name: str
    type: str
    nullable: bool
    zh: str
    doc: str
    json: str
    unit: str | None = None
    never_null: bool = False

    @property
    def dtype(self) -> pl.DataType:
        """Column type of the field in a frame."""
        return POLARS_TYPES[self.type]


@dataclass(frozen=True)
class CanonicalKind:
    """A kind of the canonical model (标准数据类别): dust-reading, project, …"""

    name: str
    schema: dict[str, Any]
    fields: tuple[Field, ...]
    subject: str
    register: bool
    discriminator: tuple[str, ...]

    @cached_property
    def by_name(self) -> dict[str, Field]:
        """The fields by name."""
        return {field.name: field for field in self.fields}

    @cached_property
    def polars_schema(self) -> pl.Schema:
        """Column names and types of a frame of this kind, in order."""
        return pl.Schema({field.name: field.dtype for field in self.fields})

    @cached_property
    def times(self) -> list[int]:
        """Places of the fields that are times."""
        return [place for place, field in enumerate(self.fields) if field.dtype == TIMESTAMP]


@dataclass(frozen=True)
class CodeTable:
    """A code table (代码表): what a province's code stands for. Codes are compared as text."""

    name: str
    title: str
    zh: str
    provenance: str
    source: str
    values: Mapping[str, str | float | bool]


PROVENANCES = ("verified", "second-hand", "assumed")


def read_json(file: Path) -> dict[str, Any]:
    """Read one JSON object; CatalogError when the file holds none."""
    try:
        content = json.loads(file.read_text("utf-8"))
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise CatalogError(
            file, "file", f"not JSON ({error})", "Write one Avro record schema as a JSON object"
        ) from error
    if not isinstance(content, dict):
        raise CatalogError(file, "file", "not a JSON object", "Write one Avro record schema as a JSON object")
    return content


def read_yaml(file: Path) -> dict[str, Any]:
    """Read one YAML mapping; CatalogError when the file holds none."""
    try:
        content = yaml.load(file.read_text("utf-8"), yaml.CSafeLoader)
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise CatalogError(file, "file", f"not YAML ({error})", "Mend the YAML") from error
    if not isinstance(content, dict):
        raise CatalogError(file, "file", "not a YAML mapping", "Write keys and values at the top level")
    return content


def read_fields(file: Path, schema: dict[str, Any]) -> tuple[Field, ...]:
    """The fields of an Avro record schema that the hub can read; CatalogError for anything else."""
    try:
        fastavro.parse_schema(schema)
    except (fastavro.schema.SchemaParseException, fastavro.schema.UnknownType, KeyError, TypeError) as error:
        raise CatalogError(file, "schema", f"not valid Avro ({error})", "Mend the schema") from error
    if schema.get("type") != "record":
        raise CatalogError(file, "schema", "not a record", "Use a record at the top level")
    fields = tuple(_read_field(file, entry) for entry in schema["fields"])
    for what in ("name", "json"):
        seen = [getattr(field, what) for field in fields]
        doubled = sorted({value for value in seen if seen.count(value) > 1})
        if doubled:
            raise CatalogError(file, doubled[0], f"the {what} is used twice", "Give every field its own")
    return fields


def _read_field(file: Path, entry: dict[str, Any]) -> Field:
    name = entry["name"]
    avro = entry["type"]
    nullable = isinstance(avro, list)
    if nullable and (len(avro) != 2 or avro[0] != "null" or entry.get("default", ...) is not None):
        raise CatalogError(file, name, "a union other than null and one type", 'Write ["null", T] with default null')
    plain = avro[1] if nullable else avro
    kind = plain.get("logicalType", plain["type"]) if isinstance(plain, dict) else plain
    if kind not in POLARS_TYPES:
        raise CatalogError(file, name, f"type {kind} is not supported", f"Use one of {', '.join(POLARS_TYPES)}")
    for key, language in (("zh", "Chinese name"), ("doc", "English doc")):
        if not entry.get(key):
            raise CatalogError(file, name, f"has no {language}", f"Add {key!r} to the field")
    return Field(
        name=name,
        type=kind,
        nullable=nullable,
        zh=entry["zh"],
        doc=entry["doc"],
        json=entry.get("json", name),
        unit=entry.get("unit"),
        never_null=entry.get("never_null", False),
    )


def read_canonical(file: Path) -> CanonicalKind:
    """Read canonical/<kind>.avsc."""
    schema = read_json(file)
    fields = read_fields(file, schema)
    kind = CanonicalKind(
        name=schema.get("kind", ""),
        schema=schema,
        fields=fields,
        subject=schema.get("subject", ""),
        register=schema.get("register", False),
        discriminator=tuple(schema.get("discriminator", ())),
    )
    if kind.name != file.stem:
        raise CatalogError(file, "kind", f"{kind.name!r} differs from the file's name", f"Write {file.stem!r}")
    for name in (kind.subject, *kind.discriminator):
        if name not in kind.by_name or not kind.by_name[name].never_null:
            remedy = "Name a field of the schema and mark it never_null"
            raise CatalogError(file, "subject, discriminator", f"{name!r} is no field that is never null", remedy)
    plain = [field.name for field in fields if not field.nullable]
    if plain:
        raise CatalogError(file, plain[0], "a canonical field must be nullable", 'Write ["null", T] with default null')
    return kind


def read_codes(file: Path) -> CodeTable:
    """Read codes/<table>.yaml."""
    content = read_yaml(file)
    for key in ("title", "zh", "provenance", "source", "values"):
        if not content.get(key):
            raise CatalogError(file, key, "is missing", f"Add {key!r}")
    if content["provenance"] not in PROVENANCES:
        raise CatalogError(file, "provenance", "unknown", f"Use one of {', '.join(PROVENANCES)}")
    values = {str(code): value for code, value in content["values"].items()}
    if (
        len({type(value) for value in values.values()} - {int, float})
        + any(type(value) in (int, float) for value in values.values())
        != 1
    ):
        raise CatalogError(file, "values", "of different types", "Let all codes stand for texts, numbers or booleans")
    meta = {key: content[key] for key in ("title", "zh", "provenance", "source")}
    return CodeTable(name=file.stem, values=values, **meta)
