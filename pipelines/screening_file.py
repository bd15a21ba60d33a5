"""Reads quality/screening/<kind>.yaml (审核规则文件): each fault with file, place and remedy."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from pipelines.contract import RECORDS, CanonicalKind, CatalogError, Field, read_yaml
from pipelines.screening_rules import Bounds, Order, Screening, Sum

HEAD: Final = ("kind", "title", "zh", "source")
TESTS: Final = ("measured", "range", "finest", "usual", "order", "sum", "items")
NUMBERS: Final = ("double", "int", "long")
TIME: Final = "timestamp-millis"
ORDERED: Final = ("greater", "lesser")
SUMMED: Final = ("total", "parts")


def read_screening(file: Path, kinds: Mapping[str, CanonicalKind]) -> Screening:
    """Read the rules of one kind; CatalogError names file, place and remedy."""
    content = read_yaml(file)
    if content.get("kind") != file.stem or file.stem not in kinds:
        raise CatalogError(file, "kind", "is no kind, or not the file's name", f"Use one of {', '.join(kinds)}")
    tests = {key: value for key, value in content.items() if key not in HEAD}
    return _read_tests(file, "file", tests, kinds[file.stem].fields)


def _read_tests(file: Path, place: str, content: Mapping[str, Any], fields: Sequence[Field]) -> Screening:
    if not content or set(content) - set(TESTS):
        raise CatalogError(file, place, "keys are missing or unknown", f"Use some of {', '.join(TESTS)}")
    arrays = {field.name: field.items for field in fields if field.type == RECORDS}
    inner = content.get("items", {})
    if unknown := set(inner) - set(arrays):
        raise CatalogError(file, min(unknown), "is no array of records", f"Use one of {', '.join(arrays)}")
    rules = Screening(
        measured=tuple(content.get("measured", ())),
        ranges={name: _bounds(file, name, bounds) for name, bounds in content.get("range", {}).items()},
        orders=tuple(_order(file, entry) for entry in content.get("order", ())),
        usual={name: _bounds(file, name, bounds) for name, bounds in content.get("usual", {}).items()},
        finest={name: _step(file, name, step) for name, step in content.get("finest", {}).items()},
        sums=tuple(_sum(file, entry) for entry in content.get("sum", ())),
        items={name: _read_tests(file, name, tests, arrays[name]) for name, tests in inner.items()},
    )
    _check(file, rules, {field.name: field for field in fields})
    return rules


def _check(file: Path, rules: Screening, fields: Mapping[str, Field]) -> None:
    """Every field that a rule names is there, and of a type that the rule can judge."""
    for name in rules.judged:
        if name not in fields:
            raise CatalogError(file, name, "is no canonical field", f"Use a field of canonical/{file.stem}.avsc")
    timed = {name for order in rules.orders for name in (order.greater, order.lesser) if fields[name].type == TIME}
    for order in rules.orders:
        if (order.greater in timed) != (order.lesser in timed):
            raise CatalogError(file, order.greater, f"is not comparable to {order.lesser}", "Compare alike with alike")
    for name in rules.judged:
        if fields[name].type not in NUMBERS and name not in timed:
            raise CatalogError(file, name, f"is {fields[name].type}", "Use a number, or times in an order")
    for rule in rules.sums:
        items = fields[rule.array].items if rule.array in fields else ()
        if rule.part not in [item.name for item in items if item.type in NUMBERS]:
            raise CatalogError(file, f"{rule.array}.{rule.part}", "is no number of an array's items", "Name one")


def _bounds(file: Path, name: str, bounds: object) -> Bounds:
    match bounds:
        case [int() | float() as least, int() | float() as greatest] if least <= greatest:
            return float(least), float(greatest)
    raise CatalogError(file, name, f"range is {bounds!r}", "Write [least, greatest]")


def _step(file: Path, name: str, step: object) -> float:
    match step:
        case int() | float() if step > 0:
            return float(step)
    raise CatalogError(file, name, f"finest step is {step!r}", "Write a number above 0")


def _order(file: Path, entry: Any) -> Order:
    match entry:
        case {"greater": str(greater), "lesser": str(lesser)} if set(entry) <= {*ORDERED, "absolute", "relative"}:
            return Order(greater, lesser, float(entry.get("absolute", 0)), float(entry.get("relative", 0)))
    raise CatalogError(
        file, "order", f"{entry!r} is no rule", "Write {greater: …, lesser: …, absolute: …, relative: …}"
    )


def _sum(file: Path, entry: Any) -> Sum:
    match entry:
        case {"total": str(total), "parts": str(parts)} if "." in parts and set(entry) <= {*SUMMED, "absolute"}:
            array, _, part = parts.partition(".")
            return Sum(total, array, part, float(entry.get("absolute", 0)))
    raise CatalogError(file, "sum", f"{entry!r} is no rule", "Write {total: …, parts: array.field, absolute: …}")
