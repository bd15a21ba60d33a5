"""A mapping as rows that an integrator can read (映射表)."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from pipelines.catalog import CanonicalKind, Field, RawKind
from pipelines.mapping.grammar import Rule

DECIMAL: Final = 10


def field_rows(raw: RawKind, kind: CanonicalKind, vendor: str | None) -> list[dict[str, Any]]:
    """One row per mapped canonical field, in canonical order, then one per raw field that is not used."""
    return _rows(raw.mapping.for_vendor(vendor), kind.fields, raw.fields)


def _rows(
    rules: Mapping[str, Rule], fields: Sequence[Field], raw: Sequence[Field], made: str = "", said: str = ""
) -> list[dict[str, Any]]:
    """The rows of an upload's fields, or of an array's items: `made` and `said` are what the array is called."""
    named = {field.name: field for field in raw}
    rows = []
    for field in fields:
        if field.name not in rules:
            continue
        rule = rules[field.name]
        sources = [named[name] for name in rule.raw_fields]
        rows.append(
            {
                "field": made + field.name,
                "upload": [said + _key(source) for source in sources] or [f"always {rule.const}"],
                "type": sorted({source.type for source in sources}),
                "required": "yes" if rule.required else "",
                "unit": _unit_text(rule, field),
                "rule": _rule_text(rule),
                "zh": "; ".join(source.zh for source in sources) or field.zh,
                "doc": " ".join(source.doc for source in sources) or field.doc,
            }
        )
        if rule.each:
            rows += _rows(rule.fields, field.items, sources[0].items, f"{made}{field.name}.", f"{said}{rule.each}.")
    used = {name for rule in rules.values() for name in (*rule.raw_fields, *rule.flag)}
    return rows + [_unused(said + _key(named[n]), named[n].type, named[n].zh) for n in named if n not in used]


def _key(source: Field) -> str:
    return source.json if source.json == source.name else f"{source.json} (Avro: {source.name})"


def _unit_text(rule: Rule, field: Field) -> str:
    return f"{rule.unit} → {field.unit}" if rule.unit not in (None, field.unit) else field.unit or ""


def _unused(key: str, kind: str, zh: str) -> dict[str, Any]:
    row = {"field": "", "upload": [key], "type": [kind], "required": "", "unit": "", "rule": "not used"}
    return {**row, "zh": zh, "doc": ""}


def _rule_text(rule: Rule) -> str:
    """The keys of a rule beside origin, requirement and unit, in words."""
    parts = [
        f"composed {''.join(rule.compose)}" if rule.compose else "",
        f"codes {rule.codes}, unknown: {rule.unknown}" if rule.codes else "",
        f"bits {rule.bits}, unknown: {rule.unknown}" if rule.bits else "",
        "text of binary digits" if rule.bits and rule.base != DECIMAL else "",
        ", ".join(f"{name} says {symbol}" for name, symbol in rule.when.items()),
        f"parted by {rule.split!r}" if rule.split else "",
        f"pseudonym of {rule.pseudonym}, invalid: {rule.invalid}" if rule.pseudonym else "",
        f"{rule.citizen} of the citizen number" if rule.citizen else "",
        f"masked but for {rule.mask[0]} and {rule.mask[1]} characters" if rule.mask else "",
        f"times {' or '.join(rule.time)}" if rule.time else "",
        "a date alone means the end of that day" if rule.day == "end" else "",
        f"shifted {rule.shift.total_seconds():+.0f} s" if rule.shift else "",
        f"absent: {'time of receipt' if rule.time else rule.absent}" if rule.absent is not None else "",
        "; ".join(f"{form} means {meant}" for form, meant in rule.by_format.items()),
        f"{rule.identifier}, invalid: {rule.invalid}" if rule.identifier else "",
        f"not measured: {', '.join(f'{value:g}' for value in rule.sentinels)}" if rule.sentinels else "",
        f"flag {' or '.join(dict.fromkeys(rule.flag))} by {rule.flags}" if rule.flag else "",
        ", ".join(f"{said:g} means {meant:g}" for said, meant in rule.alias.items()),
    ]
    return "; ".join(part for part in parts if part)
