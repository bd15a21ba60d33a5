"""The contract as objects: fields, canonical kinds, code tables, read from Avro schemas and YAML."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import chain
from pathlib import Path
from typing import Any, cast

import fastavro
import fastavro.schema
import polars as pl
import yaml

TIMESTAMP = pl.Datetime("ms", "UTC")
TEXTS, RECORDS = "texts", "records"  # types of fields that hold an array
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
    """One field of a raw or canonical schema. `json` is its key in a JSON upload; `unit` is None where it has none.

    `type`: a key of POLARS_TYPES, or `texts` for an array of texts, or `records` for one of records with `items`.
    `symbols`: the only values of an enumerated field (枚举), each with its Chinese name; empty where any will do.
    `free_text`: people write into it what they like. `personal`: how a mapping must make it so that it names nobody:
    pseudonym, masked, or citizen (a part of the citizen number). `source`: where the demand for the field stands.
    """

    name: str
    type: str
    nullable: bool
    zh: str
    doc: str
    json: str
    unit: str | None = None
    never_null: bool = False
    items: tuple["Field", ...] = ()
    symbols: Mapping[str, str] = field(default_factory=dict)
    free_text: bool = False
    personal: str | None = None
    source: str = ""
    default: Any = None

    @property
    def dtype(self) -> pl.DataType:
        """Column type of the field in a frame."""
        if self.type == TEXTS:
            return pl.List(pl.String())
        if self.type == RECORDS:
            return pl.List(pl.Struct({item.name: item.dtype for item in self.items}))
        return POLARS_TYPES[self.type]


@dataclass(frozen=True)
class CanonicalKind:
    """A kind of the canonical model (标准数据类别): dust-reading, project, …

    `subject`: the fields that together name the thing whose event it is, and whose key it bears.
    """

    name: str
    schema: dict[str, Any]
    fields: tuple[Field, ...]
    subject: tuple[str, ...]
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
    def timed(self) -> dict[int, pl.DataType]:
        """Places of the fields that hold times, with the types that they are written in."""
        types = {place: (field.dtype, _as_written(field.dtype)) for place, field in enumerate(self.fields)}
        return {place: written for place, (held, written) in types.items() if held != written}


def _as_written(dtype: pl.DataType) -> pl.DataType:
    """The type with each time in it as the number that Avro holds."""
    if isinstance(dtype, pl.List):
        return pl.List(_as_written(cast(pl.DataType, dtype.inner)))
    if isinstance(dtype, pl.Struct):
        return pl.Struct({part.name: _as_written(cast(pl.DataType, part.dtype)) for part in dtype.fields})
    return pl.Int64() if dtype == TIMESTAMP else dtype


@dataclass(frozen=True)
class CodeTable:
    """A code table (代码表): what a province's code stands for. Codes are compared as text.

    Values are all texts, all numbers, all booleans, or all lists of texts (for arrays: a code that means two alarms).
    """

    name: str
    title: str
    zh: str
    provenance: str
    source: str
    values: Mapping[str, str | float | bool | list[str]]

    @cached_property
    def meanings(self) -> frozenset[str | float | bool]:
        """All that its codes can stand for, symbol by symbol."""
        meant = (value if isinstance(value, list) else [value] for value in self.values.values())
        return frozenset(chain.from_iterable(meant))


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
    return _read_entries(file, schema["fields"])


def _read_entries(file: Path, entries: Sequence[dict[str, Any]], within: str = "") -> tuple[Field, ...]:
    fields = tuple(_read_field(file, entry, within) for entry in entries)
    for what in ("name", "json"):
        seen = [getattr(field, what) for field in fields]
        doubled = sorted({value for value in seen if seen.count(value) > 1})
        if doubled:
            raise CatalogError(file, within + doubled[0], f"the {what} is used twice", "Give every field its own")
    return fields


def _read_field(file: Path, entry: dict[str, Any], within: str) -> Field:
    name = within + entry["name"]
    avro = entry["type"]
    nullable = isinstance(avro, list)
    if nullable and (len(avro) != 2 or avro[0] != "null" or entry.get("default", ...) is not None):
        raise CatalogError(file, name, "a union other than null and one type", 'Write ["null", T] with default null')
    plain = avro[1] if nullable else avro
    kind, inner = _read_type(plain)
    if kind not in (*POLARS_TYPES, TEXTS, RECORDS):
        known = f"one of {', '.join(POLARS_TYPES)}, or an array of texts or records"
        raise CatalogError(file, name, f"type {kind} is not supported", f"Use {known}")
    for key, language in (("zh", "Chinese name"), ("doc", "English doc")):
        if not entry.get(key):
            raise CatalogError(file, name, f"has no {language}", f"Add {key!r} to the field")
    return Field(
        name=entry["name"],
        type=kind,
        nullable=nullable,
        zh=entry["zh"],
        doc=entry["doc"],
        json=entry.get("json", entry["name"]),
        unit=entry.get("unit"),
        never_null=entry.get("never_null", False),
        items=_read_entries(file, inner, f"{name}."),
        symbols=_read_symbols(file, name, entry.get("symbols", {})),
        free_text=entry.get("free_text", False),
        personal=entry.get("personal"),
        source=entry.get("source", ""),
        default=entry.get("default"),
    )


def _read_type(avro: Any) -> tuple[str, Sequence[dict[str, Any]]]:
    """Type of a field, and the fields of an array's records. Items may be nullable: polars writes them so."""
    if not isinstance(avro, dict):
        return str(avro), ()
    if avro["type"] != "array":
        return str(avro.get("logicalType", avro["type"])), ()
    items = avro["items"][-1] if isinstance(avro["items"], list) else avro["items"]
    if isinstance(items, dict) and items["type"] == "record":
        return RECORDS, items["fields"]
    return (TEXTS if items == "string" else f"array of {items}"), ()


def _read_symbols(file: Path, name: str, symbols: Any) -> Mapping[str, str]:
    """Symbol → Chinese name, as written in the field or in the vocabulary that the field names."""
    if isinstance(symbols, str):
        vocabulary = file.parent.parent / "vocabularies" / f"{symbols}.yaml"
        if not vocabulary.exists():
            raise CatalogError(file, name, f"no vocabulary {symbols!r}", f"Write vocabularies/{symbols}.yaml")
        return read_vocabulary(vocabulary)
    if not all(isinstance(zh, str) and zh for zh in symbols.values()):
        raise CatalogError(file, name, "a symbol has no Chinese name", "Write {symbol: 中文, …}")
    return dict(symbols)


def require_sourced(file: Path, content: dict[str, Any], keys: Iterable[str]) -> dict[str, Any]:
    """The content, if it has these keys and says where it comes from: `source`, and how sure that is: `provenance`."""
    for key in (*keys, "provenance", "source"):
        if not content.get(key):
            raise CatalogError(file, key, "is missing", f"Add {key!r}")
    if content["provenance"] not in PROVENANCES:
        raise CatalogError(file, "provenance", "unknown", f"Use one of {', '.join(PROVENANCES)}")
    return content


def read_vocabulary(file: Path) -> Mapping[str, str]:
    """Read vocabularies/<name>.yaml (词表): the symbols of an enumerated field that several kinds have."""
    content = require_sourced(file, read_yaml(file), ("title", "zh", "symbols"))
    if not all(isinstance(text, str) and text for pair in content["symbols"].items() for text in pair):
        raise CatalogError(
            file, "symbols", "a symbol or its name is no text", "Write symbol: 中文, in quotes if need be"
        )
    return dict(content["symbols"])


def read_canonical(file: Path) -> CanonicalKind:
    """Read canonical/<kind>.avsc."""
    schema = read_json(file)
    fields = read_fields(file, schema)
    subject = schema.get("subject", "")
    kind = CanonicalKind(
        name=schema.get("kind", ""),
        schema=schema,
        fields=fields,
        subject=(subject,) if isinstance(subject, str) else tuple(subject),
        register=schema.get("register", False),
        discriminator=tuple(schema.get("discriminator", ())),
    )
    if kind.name != file.stem:
        raise CatalogError(file, "kind", f"{kind.name!r} differs from the file's name", f"Write {file.stem!r}")
    for name in kind.subject:
        if name not in kind.by_name or not kind.by_name[name].never_null:
            remedy = "Name a field of the schema and mark it never_null"
            raise CatalogError(file, "subject", f"{name!r} is no field that is never null", remedy)
    for name in kind.discriminator:
        if name not in kind.by_name or kind.by_name[name].type != "string":
            raise CatalogError(file, "discriminator", f"{name!r} is no text field", "Name a text field of the schema")
    plain = [inner.name for field in fields for inner in (field, *field.items) if not inner.nullable]
    if plain:
        raise CatalogError(file, plain[0], "a canonical field must be nullable", 'Write ["null", T] with default null')
    return kind


def read_codes(file: Path) -> CodeTable:
    """Read codes/<table>.yaml."""
    content = require_sourced(file, read_yaml(file), ("title", "zh", "values"))
    values = {str(code): value for code, value in content["values"].items()}
    if (
        len({type(value) for value in values.values()} - {int, float})
        + any(type(value) in (int, float) for value in values.values())
        != 1
    ):
        raise CatalogError(file, "values", "of different types", "Let all stand for texts, numbers, booleans or lists")
    meta = {key: content[key] for key in ("title", "zh", "provenance", "source")}
    return CodeTable(name=file.stem, values=values, **meta)
