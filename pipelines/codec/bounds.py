"""Writer schemas under which a record costs no more than its bytes (有界模式).

A vendor registers its own schema, so that a few bytes could ask for unbounded depth, or for items without number.
"""

from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from typing import Any, Final

# A reading is a flat record; what vendors wrap around it is a few levels and dozens of fields.
DEPTH: Final = 32
PARTS: Final = 10_000


def unbounded(schema: Any, named: Mapping[str, Any]) -> str | None:
    """Why records of a parsed schema could cost more than their bytes; None when they cannot.

    `named`: definitions of the named types by full name.
    """
    parts = list(islice(_expanded(schema, 0, named), PARTS + 1))
    if any(depth > DEPTH for _, depth in parts):
        return f"the schema contains itself or nests deeper than {DEPTH} levels"
    if len(parts) > PARTS:
        return f"the schema expands to more than {PARTS} parts"
    arrays = (part for part, _ in parts if isinstance(part, Mapping) and part["type"] == "array")
    if any(_weightless(array["items"], named) for array in arrays):
        return "the schema has an array whose items take no bytes"
    return None


def _expanded(schema: Any, depth: int, named: Mapping[str, Any]) -> Iterator[tuple[Any, int]]:
    """Every part of the schema with its depth, named types as often as they are used; ends below DEPTH."""
    part = named.get(schema, schema) if isinstance(schema, str) else schema
    yield part, depth
    if depth <= DEPTH:
        for inner in _inner(part):
            yield from _expanded(inner, depth + 1, named)


def _inner(part: Any) -> Sequence[Any]:
    if isinstance(part, str):
        return ()
    if isinstance(part, list):
        return part
    return [field["type"] for field in part.get("fields", ())] + [
        part[key] for key in ("items", "values") if key in part
    ]


def _weightless(schema: Any, named: Mapping[str, Any]) -> bool:
    part = named.get(schema, schema) if isinstance(schema, str) else schema
    if isinstance(part, str):
        return part == "null"
    if isinstance(part, list):
        return False
    if part["type"] == "fixed":
        return bool(part["size"] == 0)
    return part["type"] in {"record", "error"} and all(_weightless(field["type"], named) for field in part["fields"])
