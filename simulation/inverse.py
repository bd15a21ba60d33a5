"""Mappings read backwards 映射的逆: canonical values become the raw fields that the mapping makes these values of.

For kinds whose dialect nobody has written by hand. What a province has no word for is not said.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cached_property
from operator import eq
from typing import Any, Final
from zoneinfo import ZoneInfo

from pipelines.catalog import Catalog, Field, RawKind
from pipelines.mapping.grammar import Rule, part_field
from pipelines.mapping.units import Linear, conversion
from simulation.spec import world

TOKENS: Final = {"yyyy": "%Y", "yy": "%y", "MM": "%m", "dd": "%d", "HH": "%H", "H": "%-H", "mm": "%M", "ss": "%S"}
TOKEN: Final = re.compile("yyyy|SSS|yy|MM|dd|HH|H|mm|ss")
DECIMALS: Final = 6
DAY: Final = timedelta(days=1)


@dataclass(frozen=True)
class _Scope:
    """One record, an upload's or an item's: what is meant, the rules, canonical and raw fields by name."""

    values: Mapping[str, Any]
    rules: Mapping[str, Rule]
    fields: Mapping[str, Field]
    types: Mapping[str, Field]


class Inverse:
    """Speaks the dialect of one raw kind, of one vendor's own topic where `vendor` names it."""

    def __init__(self, catalog: Catalog, raw: RawKind, vendor: str | None = None) -> None:
        self.catalog, self.raw = catalog, raw
        self.rules = raw.mapping.for_vendor(vendor)
        self.kind = catalog.canonical[raw.mapping.kind]
        self.zone = ZoneInfo(raw.mapping.zone)
        self._codes = catalog.codes
        self._orders: dict[int, Sequence[str]] = {}  # by the rule's id: rules cannot be hashed
        self._read: dict[tuple[int, str], Sequence[Rule]] = {}  # by the rules' id and the raw field
        self._conversions: dict[tuple[str, str], Linear] = {}

    def record(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """The raw record of canonical values, every field present, in the raw schema's names and types.

        Pseudonyms and masks are taken as what they are made of; null values, and those without a rule, say nothing.
        """
        return self._record(values, self.rules, self.kind.fields, self.raw.fields)

    def sayable(self, rule: Rule) -> frozenset[Any] | None:
        """What the rule can make of an upload, symbol by symbol; None where that is no closed list."""
        if rule.const is not None:
            return frozenset([rule.const])
        if rule.when:
            return frozenset(rule.when.values())
        table = rule.codes or rule.bits
        if table is None:
            return None
        meanings = self._codes[table].meanings
        return meanings if rule.absent is None else meanings | {rule.absent}

    @cached_property
    def needed(self) -> frozenset[str]:
        """Canonical fields without which nothing can be said to have happened."""
        fields = self.kind.by_name
        return frozenset(name for name, rule in self.rules.items() if rule.required or fields[name].never_null)

    @cached_property
    def people(self) -> Mapping[str, str]:
        """Raw texts that no rule reads and that say who somebody is: raw field → what of a person it holds."""
        read = {name for rule in self.rules.values() for name in rule.raw_fields}
        said: dict[str, str] = world()["unread"]
        return {each.name: said[each.zh] for each in self.raw.fields if each.name not in read and each.zh in said}

    def rounded(self, rule: Rule, at: datetime) -> datetime:
        """The moment as far as the rule's form tells it: its day, where the form has no hours."""
        form = rule.time[0] if rule.time else "ss"
        if form.startswith("epoch") or "ss" in form:
            return at
        local = (at - rule.shift).astimezone(self.zone)
        hour, minute = local.hour if "H" in form else 0, local.minute if "mm" in form else 0
        return local.replace(hour=hour, minute=minute, second=0, microsecond=0).astimezone(UTC) + rule.shift

    def sources(self, name: str) -> tuple[str, ...]:
        """The raw fields that a canonical field is made of."""
        return self.rules[name].raw_fields

    def _record(
        self, values: Mapping[str, Any], rules: Mapping[str, Rule], made: Sequence[Field], raw: Sequence[Field]
    ) -> dict[str, Any]:
        meant = {name: value for name, value in values.items() if value is not None and name in rules}
        scope = _Scope(meant, rules, {field.name: field for field in made}, {field.name: field for field in raw})
        record: dict[str, Any] = dict.fromkeys(scope.types)
        # Where two fields are made of one raw field, what is required says what it holds.
        for rule in sorted((rules[name] for name in meant), key=lambda rule: not rule.required):
            if rule.const is None and not rule.citizen:
                record |= {name: said for name, said in self._said(rule, scope).items() if record[name] is None}
        return record

    def _said(self, rule: Rule, scope: _Scope) -> dict[str, Any]:
        """What a value puts into which raw fields."""
        value, field, types = scope.values[rule.name], scope.fields[rule.name], scope.types
        if rule.each:
            inner = types[rule.each].items
            return {rule.each: [self._record(item, rule.fields, field.items, inner) for item in value]}
        if rule.when:
            return {name: typed(self._code(name, scope), types[name]) for name in rule.when}
        if rule.compose:
            named = ((part_field(part), part) for part in rule.compose)
            pattern = "".join(f"(?P<{name}>.+?)" if name else re.escape(part) for name, part in named)
            parts = re.fullmatch(pattern, self._time(rule, value) if rule.time else value)
            return {name: typed(said, types[name]) for name, said in parts.groupdict().items()} if parts else {}
        if rule.codes and not isinstance(value, list):
            return self._coded(rule, scope)
        source = self._sources(rule, scope)[0]
        return {source: self._one(rule, value, field, types[source])}

    def _coded(self, rule: Rule, scope: _Scope) -> dict[str, Any]:
        """A code in the first raw field that has one for the value; nothing if there is none."""
        codes = ((name, self._code(name, scope)) for name in self._sources(rule, scope))
        return next(({name: typed(code, scope.types[name])} for name, code in codes if code is not None), {})

    def _code(self, name: str, scope: _Scope) -> str | None:
        """The first code that says all that is read off a raw field, values and flags."""
        values = scope.values
        readers = [rule for rule in self._readers(name, scope.rules) if rule.name in values]
        said = [rule.when[name] in values[rule.name] if rule.when else values[rule.name] for rule in readers]
        tables = [self._meanings(rule.codes or "yes_no") for rule in readers]
        for code in tables[0]:
            if fits(code, scope.types[name]) and all(map(eq, (table.get(code) for table in tables), said)):
                return code
        return None

    def _readers(self, name: str, rules: Mapping[str, Rule]) -> Sequence[Rule]:
        """The rules that read codes off a raw field."""
        at = (id(rules), name)
        if at not in self._read:
            found = (rule for rule in rules.values() if name in rule.when or (name in rule.sources and rule.codes))
            self._read[at] = tuple(found)
        return self._read[at]

    def _sources(self, rule: Rule, scope: _Scope) -> Sequence[str]:
        """Raw fields that may hold a value: those that no other rule reads before those that one does."""
        if id(rule) not in self._orders:
            others = (other for other in scope.rules.values() if other is not rule and not other.citizen)
            shared = {name for other in others for name in other.raw_fields}
            self._orders[id(rule)] = sorted(rule.sources, key=shared.__contains__)
        return self._orders[id(rule)]

    def _meanings(self, table: str) -> Mapping[str, Any]:
        return self.catalog.codes[table].values

    def _one(self, rule: Rule, value: Any, field: Field, raw: Field) -> Any:
        """A value as one raw field holds it."""
        if rule.bits:
            bits = self.catalog.codes[rule.bits].values
            word = sum({meant: int(bit) for bit, meant in bits.items() if meant in value}.values())
            return f"{word:08b}" if rule.base == 2 else typed(word, raw)
        if not isinstance(value, list):
            return typed(self._word(rule, value, field, raw), raw)
        if raw.type == "texts":
            return [self._word(rule, each, field, raw) for each in value]
        if rule.split:
            return rule.split.join(str(self._word(rule, each, field, raw)) for each in value)
        return typed(self._word(rule, value[0], field, raw), raw) if value else None

    def _word(self, rule: Rule, value: Any, field: Field, raw: Field) -> Any:
        """A single value as text or number, not yet of the raw field's type; None where the province has no word."""
        if rule.codes:
            meanings = self._meanings(rule.codes).items()
            return next((code for code, meant in meanings if meant in (value, [value]) and fits(code, raw)), None)
        if rule.time:
            return self._time(rule, value)
        if rule.unit and field.unit:
            linear = self._conversion(rule.unit, field.unit)
            return round((value - linear.offset) / linear.factor, DECIMALS)
        return value

    def _conversion(self, said: str, made: str) -> Linear:
        if (said, made) not in self._conversions:
            self._conversions[said, made] = conversion(self.catalog.root / "units.txt", said, made)
        return self._conversions[said, made]

    def _time(self, rule: Rule, at: datetime) -> str:
        form = rule.time[0]
        said = at - rule.shift
        if form.startswith("epoch"):
            return str(round(said.timestamp() * (1000 if form == "epoch_ms" else 1)))
        if rule.day == "end" and "H" not in form:
            said -= DAY
        local = said.astimezone(self.zone)
        milliseconds = f"{local.microsecond // 1000:03d}"
        return TOKEN.sub(lambda token: local.strftime(TOKENS[token[0]]) if token[0] != "SSS" else milliseconds, form)


def fits(code: str, raw: Field) -> bool:
    """Whether a field of this type can hold the code."""
    if raw.type == "boolean":
        return code in ("true", "false")
    return raw.type not in ("int", "long") or (code.isdecimal() and str(int(code)) == code)


def typed(value: Any, raw: Field) -> Any:
    """A value in the raw field's type; numbers as text without trailing zeros."""
    if value is None:
        return None
    if raw.type == "string" and isinstance(value, float):
        return f"{value:.{DECIMALS}f}".rstrip("0").rstrip(".")
    match raw.type:
        case "int" | "long":
            return round(float(value))
        case "double":
            return float(value)
        case "boolean":
            return value in (True, "true")
    return str(value)
