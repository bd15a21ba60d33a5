"""Bare JSON uploads (裸 JSON 上传), checked against the same raw schema as Avro ones.

A key is the field's `json` property or its name; a value has the type that the schema says: a text of digits is no
number, a number is no text, a boolean is no number. A missing key takes the field's default.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import compress
from types import NoneType
from typing import TYPE_CHECKING, Any, Final

import orjson
import polars as pl

from pipelines.contract import RECORDS, TEXTS, Field
from pipelines.faults import Fault

if TYPE_CHECKING:
    from pipelines.mapping.grammar import RawKind, Rule

UNKNOWN_KEYS: Final = "json=unknown_keys"
PLAIN: Final[Mapping[str, frozenset[type]]] = {
    "string": frozenset({str}),
    "boolean": frozenset({bool}),
    "double": frozenset({float}),
    "float": frozenset({float}),
}
NUMBERS: Final[frozenset[type]] = frozenset({int, float})
NOTHING: Final[frozenset[type]] = frozenset()
WHOLE: Final = {"int": 1 << 31, "long": 1 << 63}
EXPECTED: Final = {
    "string": "a text",
    "int": "a whole number of 32 bits",
    "long": "a whole number of 64 bits",
    "float": "a number",
    "double": "a number",
    "boolean": "true or false",
    TEXTS: "an array of texts",
    RECORDS: "an array of objects",
}
JSON_TYPES: Final = {
    str: "a text",
    int: "a whole number",
    float: "a number",
    bool: "a boolean",
    list: "an array",
    dict: "an object",
}


@dataclass(frozen=True, slots=True)
class JsonField:
    """How one raw field is read from a JSON object; `canonical` is the first canonical field made of it, if any."""

    name: str
    key: str
    canonical: str | None
    type: str
    nullable: bool
    default: Any
    dtype: pl.DataType
    items: tuple["JsonField", ...] = ()


def json_fields(raw: "RawKind", rules: Mapping[str, "Rule"]) -> tuple[JsonField, ...]:
    """The raw schema's fields as JSON spells them; `rules` of the mapping by canonical field."""
    makes: dict[str, str] = {}
    for name, rule in rules.items():
        for source in rule.raw_fields:
            makes.setdefault(source, name)
    return tuple(_json_field(field, makes.get(field.name)) for field in raw.fields)


def _json_field(field: Field, canonical: str | None) -> JsonField:
    items = tuple(_json_field(item, canonical) for item in field.items)
    return JsonField(field.name, field.json, canonical, field.type, field.nullable, field.default, field.dtype, items)


def read_json(
    bodies: Sequence[bytes], fields: Sequence[JsonField]
) -> tuple[pl.DataFrame, list[str | None], dict[int, Fault]]:
    """Frame of the readable objects in their order, a note for each, and the fault of each other one by position."""
    objects: list[Any] = []
    rows: list[int] = []
    faults: dict[int, Fault] = {}
    for position, body in enumerate(bodies):
        try:
            objects.append(orjson.loads(body))
        except orjson.JSONDecodeError as error:
            place = f"no valid JSON at character {error.pos} of {len(body)} bytes"
            faults[position] = Fault("undecodable", None, place, "Send one JSON object in UTF-8.")
        else:
            rows.append(position)
    columns = {field.name: _read_column(objects, field) for field in fields}
    refused = {
        row: value for column in reversed(columns.values()) for row, value in enumerate(column) if type(value) is Fault
    }
    if refused:
        faults |= {rows[row]: fault for row, fault in refused.items()}
        kept = [row not in refused for row in range(len(rows))]
        objects = list(compress(objects, kept))
        columns = {name: list(compress(column, kept)) for name, column in columns.items()}
    keys = {field.key for field in fields}
    notes = [None if content.keys() <= keys else UNKNOWN_KEYS for content in objects]
    return pl.DataFrame(columns, schema={field.name: field.dtype for field in fields}), notes, faults


def _read_column(objects: Sequence[Mapping[str, Any]], field: JsonField) -> list[Any]:
    """The field's value of each object as a frame takes it, or the fault; at once where nothing needs a second look."""
    values = [content.get(field.key, field.default) for content in objects]
    types = set(map(type, values))
    if field.nullable:
        types.discard(NoneType)
    if types <= PLAIN.get(field.type, NOTHING):
        return values
    if types <= NUMBERS and field.type in {"double", "float"}:
        return [None if value is None else float(value) for value in values]
    return [_read_value(content, field) for content in objects]


def _read_value(content: Mapping[str, Any], field: JsonField) -> Any:
    """The field's value as a frame takes it, or the fault."""
    value = content.get(field.key, field.default)
    if value is None:
        return None if field.nullable else _absent(field, field.key in content)
    if not _is_of(value, field.type):
        return _mistyped(field, value)
    if field.type == RECORDS:
        return _read_items(value, field)
    return float(value) if field.type in {"double", "float"} else value


def _read_items(values: Sequence[Any], field: JsonField) -> list[dict[str, Any]] | Fault:
    """An array's objects with exactly the item's fields; keys that the schema does not name are left out."""
    items = []
    for value in values:
        if type(value) is not dict:
            return _mistyped(field, values)
        item = {inner.name: _read_value(value, inner) for inner in field.items}
        fault = next((found for found in item.values() if isinstance(found, Fault)), None)
        if fault is not None:
            return fault
        items.append(item)
    return items


def _is_of(value: Any, kind: str) -> bool:
    if kind == "string":
        return type(value) is str
    if kind in WHOLE:
        return type(value) is int and -WHOLE[kind] <= value < WHOLE[kind]
    if kind == "boolean":
        return type(value) is bool
    if kind in (TEXTS, RECORDS):
        return type(value) is list and (kind == RECORDS or all(type(text) is str for text in value))
    return type(value) in {int, float}


def _absent(field: JsonField, is_null: bool) -> Fault:
    seen = "is null" if is_null else "is absent"
    return Fault(
        "missing_field",
        field.canonical or field.key,
        f"{field.key} {seen}",
        f"Send {field.key} as {EXPECTED[field.type]}.",
    )


def _mistyped(field: JsonField, value: Any) -> Fault:
    reason = "undecodable" if field.type in {"string", "boolean", TEXTS, RECORDS} else "bad_number"
    detail = f"{field.key} is {JSON_TYPES[type(value)]} where {EXPECTED[field.type]} is expected"
    return Fault(reason, field.canonical or field.key, detail, f"Send {field.key} as {EXPECTED[field.type]}.")
