"""Schema compatibility (模式兼容性): can records of one Avro schema be read with another?

The rules are those of "Schema Resolution" in the Avro 1.11 specification. Types are compared; on top of them, a unit, a
logical type or what names an event may never change, since old records would then mean something else.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

Schema = Any  # a JSON schema: a name, an object, or a list for a union

PROMOTIONS: dict[str, frozenset[str]] = {
    "int": frozenset({"long", "float", "double"}),
    "long": frozenset({"float", "double"}),
    "float": frozenset({"double"}),
    "string": frozenset({"bytes"}),
    "bytes": frozenset({"string"}),
}
# What decides a canonical event's id and key, and whether its topic is compacted.
IDENTITY = ("subject", "discriminator", "register")
NAMED = ("record", "error", "enum", "fixed")


@dataclass
class _Names:
    """Named types of one schema by full name, and the pairs already compared (schemas may be recursive)."""

    reader: dict[str, Schema] = field(default_factory=dict)
    writer: dict[str, Schema] = field(default_factory=dict)
    compared: set[tuple[str, str]] = field(default_factory=set)


def unreadable(reader: Schema, writer: Schema) -> list[str]:
    """Why records written with `writer` cannot be read with `reader`; empty when they can. One sentence a fault."""
    names = _Names()
    _collect(reader, "", names.reader)
    _collect(writer, "", names.writer)
    return list(_compare(reader, writer, "", names))


def backward_faults(schema: Schema, earlier: Schema) -> list[str]:
    """Why `schema` cannot follow `earlier` on a raw subject: consumers must read what was written before."""
    return unreadable(schema, earlier) + changed_meanings(schema, earlier)


def full_faults(schema: Schema, earlier: Schema) -> list[str]:
    """Why `schema` cannot follow `earlier` on a canonical subject: both must read each other's records."""
    reverse = [f"{fault} (read by a consumer of the earlier version)" for fault in unreadable(earlier, schema)]
    return backward_faults(schema, earlier) + reverse


def changed_meanings(schema: Schema, earlier: Schema) -> list[str]:
    """What of a record's identity, units or logical types differs from an earlier version's."""
    before = {entry["name"]: entry for entry in earlier.get("fields", ())}
    faults = [
        f"{key} changed from {earlier.get(key)!r} to {schema.get(key)!r}"
        for key in IDENTITY
        if schema.get(key) != earlier.get(key)
    ]
    for entry in schema.get("fields", ()):
        old = before.get(entry["name"])
        for what, meaning in (("unit", _unit), ("logical type", _logical)):
            if old is not None and meaning(old) != meaning(entry):
                faults.append(f"field {entry['name']}: {what} changed from {meaning(old)} to {meaning(entry)}")
    return faults


def _unit(entry: Mapping[str, Any]) -> str | None:
    return entry.get("unit")


def _logical(entry: Mapping[str, Any]) -> str | None:
    branches = entry["type"] if isinstance(entry["type"], list) else [entry["type"]]
    return next(
        (branch["logicalType"] for branch in branches if isinstance(branch, dict) and "logicalType" in branch), None
    )


def _compare(reader: Schema, writer: Schema, path: str, names: _Names) -> Iterator[str]:
    reader, writer = _resolved(reader, names.reader), _resolved(writer, names.writer)
    if isinstance(writer, list):
        for branch in writer:
            yield from _compare(reader, branch, path, names)
    elif isinstance(reader, list):
        if all(list(_compare(branch, writer, path, _fork(names))) for branch in reader):
            yield f"{_place(path)}: no branch of the reader's union takes {_type(writer)}"
    elif _type(reader) != _type(writer):
        if _type(reader) not in PROMOTIONS.get(_type(writer), ()):
            yield f"{_place(path)}: {_type(writer)} cannot be read as {_type(reader)}"
    else:
        yield from _compare_same(reader, writer, path, names)


def _compare_same(reader: Schema, writer: Schema, path: str, names: _Names) -> Iterator[str]:
    """Compare two schemas of one type that are no unions."""
    kind = _type(reader)
    if kind in NAMED and not _same_name(reader, writer):
        yield f"{_place(path)}: {writer['name']} cannot be read as {reader['name']}"
    elif kind in ("record", "error"):
        pair = (reader["name"], writer["name"])
        if pair not in names.compared:
            names.compared.add(pair)
            yield from _compare_fields(reader, writer, path, names)
    elif kind == "array":
        yield from _compare(reader["items"], writer["items"], f"{path}[]", names)
    elif kind == "map":
        yield from _compare(reader["values"], writer["values"], f"{path}{{}}", names)
    elif kind == "fixed" and reader["size"] != writer["size"]:
        yield f"{_place(path)}: fixed of {writer['size']} bytes cannot be read as fixed of {reader['size']}"
    elif kind == "enum" and "default" not in reader:
        for symbol in set(writer["symbols"]) - set(reader["symbols"]):
            yield f"{_place(path)}: symbol {symbol} is unknown to the reader"


def _compare_fields(reader: Schema, writer: Schema, path: str, names: _Names) -> Iterator[str]:
    written = {entry["name"]: entry for entry in writer["fields"]}
    for entry in reader["fields"]:
        inner = f"{path}.{entry['name']}" if path else entry["name"]
        found = next((written[name] for name in (entry["name"], *entry.get("aliases", ())) if name in written), None)
        if found is not None:
            yield from _compare(entry["type"], found["type"], inner, names)
        elif "default" not in entry:
            yield f"field {inner}: is not in the writer's records and has no default"


def _same_name(reader: Schema, writer: Schema) -> bool:
    """The specification compares names without namespace; a reader's aliases count."""
    names = [reader["name"], *reader.get("aliases", ())]
    return writer["name"].rpartition(".")[2] in [name.rpartition(".")[2] for name in names]


def _type(schema: Schema) -> str:
    return schema if isinstance(schema, str) else str(schema["type"])


def _place(path: str) -> str:
    return f"field {path}" if path else "the record"


def _fork(names: _Names) -> _Names:
    return _Names(names.reader, names.writer, set(names.compared))


def _resolved(schema: Schema, named: Mapping[str, Schema]) -> Schema:
    """A named type's definition for its name; `{"type": "string"}` unwrapped to "string"."""
    if isinstance(schema, dict) and not isinstance(schema["type"], str):
        return _resolved(schema["type"], named)
    return named.get(schema, schema) if isinstance(schema, str) else schema


def _collect(schema: Schema, namespace: str, named: dict[str, Schema]) -> None:
    """Gather the named types, by full name and by plain name within their namespace."""
    if isinstance(schema, list):
        for branch in schema:
            _collect(branch, namespace, named)
    elif isinstance(schema, dict):
        namespace = schema.get("namespace", namespace)
        if schema.get("type") in NAMED:
            plain = schema["name"].rpartition(".")[2]
            named[f"{namespace}.{plain}" if namespace else plain] = named[plain] = schema
        for part in _parts(schema):
            _collect(part, namespace, named)


def _parts(schema: Mapping[str, Any]) -> Sequence[Schema]:
    inner = [entry["type"] for entry in schema.get("fields", ())]
    inner += [schema[key] for key in ("items", "values") if key in schema]
    return inner if isinstance(schema["type"], str) else [*inner, schema["type"]]
