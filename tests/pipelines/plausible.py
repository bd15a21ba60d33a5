"""Uploads as a raw schema and its mapping would have them: sound ones, and what a mapping does with damage to them."""

import random
import re
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final

from stdnum.cn import ric

from pipelines.catalog import Catalog, Field, RawKind
from pipelines.mapping.grammar import Rule, part_field

USCCS: Final = ("91110000600037341L", "91440300708461136T")
PLATES: Final = ("苏A12345", "贵CD12345", "川B9")
WORDS: Final = ("一号楼", "P-1", "东侧基坑", "A-7", "2号门 13812345678", "1", "  三层 ", "-", "")


class Plausible:
    """Draws uploads of one raw kind, in JSON's keys and types."""

    def __init__(self, catalog: Catalog, raw: RawKind, received: datetime) -> None:
        self.catalog, self.raw, self.received = catalog, raw, received
        self.kind = catalog.canonical[raw.kind]

    def upload(self, rng: random.Random) -> dict[str, Any]:
        """A sound upload: every value is one that its rules take; what may be absent sometimes is."""
        return self.record(rng, self.raw.fields, self.raw.mapping.rules, self.kind.fields)

    def record(
        self, rng: random.Random, raw: Sequence[Field], rules: Mapping[str, Rule], made: Sequence[Field]
    ) -> dict[str, Any]:
        """Sound values of these raw fields, an upload's or an item's."""
        by_name = {field.name: field for field in made}
        upload: dict[str, Any] = {}
        for field in raw:
            uses = [(rule, by_name[name]) for name, rule in rules.items() if field.name in rule.raw_fields]
            needed = any(rule.required for rule, _ in uses) or not field.nullable
            if needed or rng.random() < 0.8:
                upload[field.json] = self._value(rng, field, uses, needed=needed)
            elif rng.random() < 0.5:
                upload[field.json] = None
        for rule in rules.values():
            if rule.compose and rule.time:
                upload |= self._parts(rng, rule, raw)
        return upload

    def _parts(self, rng: random.Random, rule: Rule, raw: Sequence[Field]) -> dict[str, str | int]:
        """The raw fields of a time that is put together."""
        named = {field.name: field for field in raw}
        pattern = "".join(
            f"(?P<{name}>.*?)" if (name := part_field(part)) else re.escape(part) for part in rule.compose
        )
        match = re.fullmatch(pattern, self._time(rng, rule))
        said = match.groupdict() if match else {}
        return {named[name].json: text if named[name].type == "string" else int(text) for name, text in said.items()}

    def _value(self, rng: random.Random, field: Field, uses: Sequence[tuple[Rule, Field]], *, needed: bool) -> Any:
        if field.type == "records":
            rule, made = next(((rule, made) for rule, made in uses if rule.each), (Rule(field.name), None))
            count = rng.randint(1 if needed else 0, 3)
            return [self.record(rng, field.items, rule.fields, made.items if made else ()) for _ in range(count)]
        if field.type == "texts":
            return [self._text(rng, uses, needed=True) for _ in range(rng.randint(0, 3))]
        if field.type == "boolean":
            return rng.random() < 0.5
        if field.type == "string":
            return self._text(rng, uses, needed=needed)
        said = self._number(rng, uses)
        return float(said) if field.type == "double" else int(said)

    def _codes(self, uses: Sequence[tuple[Rule, Field]]) -> list[str] | None:
        """The codes that every rule which reads the field takes."""
        tables = [rule.codes or ("yes_no" if rule.when else None) for rule, _ in uses]
        named = [set(self.catalog.codes[table].values) for table in tables if table]
        return sorted(set.intersection(*named)) if named else None

    def _number(self, rng: random.Random, uses: Sequence[tuple[Rule, Field]]) -> float:
        codes = self._codes(uses)
        if codes is not None:
            return float(rng.choice([code for code in codes if code.isdecimal() and str(int(code)) == code]))
        if bits := next((rule.bits for rule, _ in uses if rule.bits), None):
            return sum({int(bit) for bit in self.catalog.codes[bits].values if rng.random() < 0.3})
        if times := [(rule, made) for rule, made in uses if rule.time]:
            return float(self._epoch(rng, times[0][0].time))
        sentinels = [sentinel for rule, _ in uses for sentinel in rule.sentinels]
        if sentinels and rng.random() < 0.1:
            return rng.choice(sentinels)
        whole = any(made.type != "double" for _, made in uses)
        return float(rng.randint(0, 400)) if whole or rng.random() < 0.3 else round(rng.uniform(-50, 900), 2)

    def _epoch(self, rng: random.Random, forms: Sequence[str]) -> int:
        at = (self.received - timedelta(minutes=rng.randint(1, 600))).timestamp()
        return int(at * 1000) if "epoch_ms" in forms else int(at)

    def _text(self, rng: random.Random, uses: Sequence[tuple[Rule, Field]], *, needed: bool) -> str:
        if not needed and rng.random() < 0.05:
            return rng.choice(self.raw.mapping.absent)
        rule, made = uses[0] if uses else (Rule("nothing"), None)
        if rule.split:
            return rule.split.join(self._one(rng, uses, rule, made) for _ in range(rng.randint(1, 3)))
        return self._one(rng, uses, rule, made)

    def _one(self, rng: random.Random, uses: Sequence[tuple[Rule, Field]], rule: Rule, made: Field | None) -> str:
        timed = next((rule for rule, _ in uses if rule.time or rule.by_format), None)
        if timed is not None and not timed.compose:
            return self._time(rng, timed)
        codes = self._codes(uses)
        if codes is not None:
            return rng.choice(codes)
        if any(each.citizen or each.pseudonym == "citizen" for each, _ in uses):
            return citizen(rng)
        if rule.bits:
            word = int(self._number(rng, uses))
            return f"{word:08b}" if rule.base == 2 else str(word)
        if rule.identifier == "uscc":
            return rng.choice(USCCS)
        if rule.identifier:
            return {"adcode": "520102", "citizen": citizen(rng), "project_code16": "5201022602020101"}[rule.identifier]
        if made is not None and made.type in ("double", "int", "long"):
            return str(int(self._number(rng, uses))) if made.type != "double" else f"{self._number(rng, uses):.2f}"
        if rule.mask:
            return rng.choice(PLATES)
        needed = rule.required or rule.compose or made is None or made.name.endswith(("_code", "_no"))
        return f"N-{rng.randint(1, 99)}" if needed else rng.choice(WORDS)

    def _time(self, rng: random.Random, rule: Rule) -> str:
        form = rng.choice(tuple(rule.time or rule.by_format))
        if form.startswith("epoch"):
            return str(self._epoch(rng, (form,)))
        at = self.received - timedelta(minutes=rng.randint(1, 600)) + timedelta(hours=8)
        parts = {
            "yyyy": "%Y", "yy": "%y", "MM": "%m", "dd": "%d", "HH": "%H", "mm": "%M", "ss": "%S", "SSS": "000",
        }  # fmt: skip
        text = form
        for token in ("yyyy", "SSS", "MM", "dd", "HH", "mm", "ss"):
            text = text.replace(token, parts[token])
        if "H" in text.replace("%H", ""):
            text = text.replace("H", "%H") if "%H" not in text else text
        return at.strftime(text.replace("yy", "%y"))


def with_person(plausible: Plausible, upload: dict[str, Any], said: str) -> dict[str, Any]:
    """The upload with `said` in every text that names a person, that people write freely, or that no rule reads."""
    made = {field.name: field for field in plausible.kind.fields}
    rules = plausible.raw.mapping.rules
    changes = {}
    for field in plausible.raw.fields:
        uses = [made[name] for name, rule in rules.items() if field.name in rule.raw_fields]
        if field.type == "string" and all(use.personal or use.free_text for use in uses):
            changes[field.json] = said
    return {**upload, **changes}


def citizen(rng: random.Random) -> str:
    """A citizen number of a made-up person, its check character right."""
    region = rng.choice(["520102", "510104", "320102", "140105"])
    born = f"19{rng.randint(50, 99)}0{rng.randint(1, 9)}1{rng.randint(0, 9)}"
    stem = f"{region}{born}{rng.randint(0, 999):03}"
    return stem + str(ric.calc_check_digit(f"{stem}0"))


Damage = tuple[
    str, str, Callable[[dict[str, Any]], dict[str, Any]]
]  # reason, canonical field, what is done to an upload


def damages(plausible: Plausible) -> list[Damage]:
    """For each rule of a mapping, each way in which an upload can break it: reason, field, and the change that does."""
    raw = plausible.raw
    return _damages(plausible, raw.mapping.rules, plausible.kind.fields, raw.fields)


def _damages(
    plausible: Plausible, rules: Mapping[str, Rule], fields: Sequence[Field], raw: Sequence[Field]
) -> list[Damage]:
    json = {field.name: field for field in raw}
    found: list[Damage] = []
    for field in fields:
        rule = rules.get(field.name)
        if rule is None or rule.const is not None:
            continue
        if rule.each:
            found += _damaged_items(plausible, rule, field, json[rule.each])
            continue
        texts = [json[name] for name in rule.raw_fields if json[name].type == "string"]
        if rule.required and all(json[name].nullable or json[name].type == "string" for name in rule.raw_fields):
            absent = plausible.raw.mapping.absent[0]
            nothing = {json[name].json: None if json[name].nullable else absent for name in rule.raw_fields}
            found.append(("missing_field", field.name, _with(nothing)))
        if len(texts) != len(rule.raw_fields) or len(texts) != 1 or rule.split:
            continue
        found += [(reason, field.name, _with({texts[0].json: value})) for reason, value in _wrong(rule, field)]
    return found


def _damaged_items(plausible: Plausible, rule: Rule, field: Field, source: Field) -> list[Damage]:
    """An array of which one item is broken, after one that is sound."""
    rng = random.Random(field.name)
    sound, other = (plausible.record(rng, source.items, rule.fields, field.items) for _ in range(2))
    inner = _damages(plausible, rule.fields, field.items, source.items)
    found = [
        (reason, f"{field.name}.{name}", _with({source.json: [sound, change(other)]})) for reason, name, change in inner
    ]
    return [*found, *([("missing_field", field.name, _with({source.json: []}))] if rule.required else [])]


def _wrong(rule: Rule, field: Field) -> list[tuple[str, str]]:
    """Texts that a rule refuses, with the reason."""
    if rule.bits or rule.codes:
        return [("bad_code", "no such code")] if rule.unknown == "reject" else []
    if rule.time:
        future = [("future_time", "2099-01-01 00:00:00")] if "yyyy-MM-dd HH:mm:ss" in rule.time else []
        return [("bad_time", "soon"), *(future if field.name == "observed_at" else [])]
    if rule.by_format:
        return [("bad_time", "soon")]
    if field.type in ("double", "int", "long"):
        return [] if rule.citizen else [("bad_number", "many")]
    if rule.identifier or rule.pseudonym == "citizen":
        return [("bad_identifier", "123")] if rule.invalid == "reject" else []
    if rule.citizen or rule.pseudonym:
        return []
    return [("bad_identifier", "x" * 200)] if field.name.endswith(("_code", "_no")) else [("undecodable", "a\0b")]


def _with(changes: Mapping[str, Any]) -> Callable[[dict[str, Any]], dict[str, Any]]:
    return lambda upload: {**upload, **changes}
