"""From a mapping file to a compiled mapping: every name, unit, code table and format is resolved here or refused."""

import hashlib
import json
from collections.abc import Mapping as MappingABC
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Final

import polars as pl

from pipelines.contract import RECORDS, TEXTS, CanonicalKind, CatalogError, CodeTable, Field
from pipelines.mapping.checks import array_fault, personal_fault, symbol_fault
from pipelines.mapping.compiled import CompiledMapping
from pipelines.mapping.flags import MEANINGS, flagged
from pipelines.mapping.grammar import RawKind, Rule
from pipelines.mapping.identifiers import IDENTIFIERS, identifier_step
from pipelines.mapping.items import ItemMapping
from pipelines.mapping.lists import bits_step, codes_step, list_step, listed, when_step
from pipelines.mapping.numbers import number_step
from pipelines.mapping.origin import NUMBERS, Origin, origin
from pipelines.mapping.people import EXAMPLE_KEY, PersonKey, person_step
from pipelines.mapping.step import FaultCheck, Made, Step, read_of, said_of
from pipelines.mapping.tables import code_step
from pipelines.mapping.texts import text_step
from pipelines.mapping.times import RECEIVED, TimeFormatError, by_format_step, time_format, time_step
from pipelines.mapping.units import Linear, UnitError, conversion
from pipelines.screening_rules import Screening

# Envelope fields that the normaliser itself knows; no mapping may claim them.
ENVELOPE = (
    "event_id", "province", "vendor", "received_at", "quality", "quality_notes",
    "source_topic", "source_partition", "source_offset", "schema_id", "mapping",
)  # fmt: skip

YES_NO: Final = "yes_no"

# Which keys a rule may carry, by the way its value is got.
_COMMON = {"sources", "compose", "required"}
_ALLOWED = {
    "const": {"const"},
    "bits": _COMMON | {"bits", "base", "unknown"},
    "when": {"when", "codes", "unknown"},
    "coded": _COMMON | {"codes", "unknown"},
    "listed": _COMMON | {"codes", "unknown", "split", "pseudonym"},
    "records": {"each", "fields", "required"},
    "pseudonym": _COMMON | {"pseudonym", "invalid"},
    "citizen": _COMMON | {"citizen"},
    "mask": _COMMON | {"mask"},
    "codes": _COMMON | {"codes", "unknown", "absent"},
    "identifier": _COMMON | {"identifier", "invalid"},
    "by_format": _COMMON | {"by_format"},
    "timestamp-millis": _COMMON | {"time", "day", "shift", "absent"},
    "number": _COMMON | {"unit", "sentinels", "alias", "flag", "flags"},
    "text": _COMMON | {"absent"},
}


@dataclass(frozen=True)
class _Context:
    """What the rules of one mapping are resolved against."""

    raw: RawKind
    kind: CanonicalKind
    codes: MappingABC[str, CodeTable]
    units: Path
    screening: Screening | None
    key: PersonKey
    by_name: MappingABC[str, Field]  # the raw fields that a rule may read: the upload's, or those of an array's items

    @property
    def file(self) -> Path:
        return self.raw.mapping.file

    def fault(self, field: str, problem: str, remedy: str) -> CatalogError:
        return CatalogError(self.file, field, problem, remedy)


def compile_mapping(
    raw: RawKind,
    kind: CanonicalKind,
    codes: MappingABC[str, CodeTable],
    units: Path,
    vendor: str | None = None,
    screening: Screening | None = None,
    key: PersonKey = EXAMPLE_KEY,
) -> CompiledMapping:
    """Compile a raw kind's mapping for one vendor's link (None: the common one); CatalogError names what is wrong.

    `screening`: the rules that judge what is mapped; they are part of the mapping's name. `key`: makes pseudonyms.
    """
    context = _Context(raw, kind, codes, units, screening, key, {field.name: field for field in raw.fields})
    rules = raw.mapping.for_vendor(vendor)
    for name in rules:
        if name not in kind.by_name or name in ENVELOPE:
            known = ", ".join(field.name for field in kind.fields if field.name not in ENVELOPE)
            raise context.fault(name, "is no field a mapping can fill", f"Use one of {known}")
    for field in kind.fields:
        if (field.never_null or field.name in kind.subject) and field.name not in (*ENVELOPE, *rules):
            raise context.fault(field.name, "is never null but not mapped", "Add a rule for it")
    name = f"{raw.province}/{raw.kind}@{_content_hash(context)}"
    return _compile_rules(context, name, kind.fields, rules)


def _compile_rules(
    context: _Context, name: str, fields: Sequence[Field], rules: MappingABC[str, Rule]
) -> CompiledMapping:
    ordered = [field for field in fields if field.name in rules]
    read = {source for rule in rules.values() for source in (*rule.raw_fields, *rule.flag)}
    return CompiledMapping(
        name,
        tuple(_compile_rule(context, field, rules[field.name]) for field in ordered if field.type != RECORDS),
        tuple(name for name, field in context.by_name.items() if name in read and field.type == "string"),
        context.raw.mapping.absent,
        tuple(_compile_array(context, field, rules[field.name]) for field in ordered if field.type == RECORDS),
        tuple(field.name for field in ordered),
    )


def _compile_array(context: _Context, field: Field, rule: Rule) -> ItemMapping:
    """The mapping of an array's items, compiled as one of uploads is."""
    _check_rule(context, field, rule, "records")
    source = context.by_name.get(rule.each or "")
    if source is None or source.type != RECORDS:
        raise context.fault(field.name, "needs an array of records", "Write each: with a raw array, and fields:")
    known = {item.name: item for item in field.items}
    for name in rule.fields:
        if name not in known:
            raise context.fault(f"{field.name}.{name}", "is no field of the items", f"Use one of {', '.join(known)}")
    inner = replace(context, by_name={item.name: item for item in source.items})
    items = _compile_rules(inner, field.name, field.items, rule.fields)
    return ItemMapping(field, source.name, source.json, rule.required, items)


def _compile_rule(context: _Context, field: Field, rule: Rule) -> Step:
    way = _way(rule, field, context.by_name)
    _check_rule(context, field, rule, way)
    if way == "const":
        nothing = pl.lit(None, pl.String)
        return Step(field.name, nothing, Made(nothing, pl.lit(rule.const, field.dtype)))
    step = _built(context, field, rule, way)
    if rule.absent is not None and way != "timestamp-millis" and isinstance(step.made, Made):
        absent = pl.lit(rule.absent, field.dtype)
        meant = pl.when(said_of(field.name).is_null()).then(absent).otherwise(step.made.value)
        return replace(step, made=replace(step.made, value=meant))
    if not rule.required:
        return step
    said = _said(context, rule, way)
    missing = FaultCheck(
        "missing_field",
        said_of(field.name).is_null(),
        pl.lit(f"{said.names} is absent, expected a value"),
        f"Send {said.names} in every upload.",
    )
    return replace(step, faults=(missing, *step.faults))


def _way_of_texts(rule: Rule, raw: MappingABC[str, Field]) -> str:
    """How an array of texts is got: from bits, from fields that say yes, a list, or else from one code."""
    if rule.bits or rule.when:
        return "bits" if rule.bits else "when"
    sent_as_list = any(raw[name].type == TEXTS for name in rule.sources if name in raw)
    return "listed" if sent_as_list or rule.split or not rule.codes else "coded"


def _way(rule: Rule, field: Field, raw: MappingABC[str, Field]) -> str:
    """How the value is got: a key of _ALLOWED."""
    if rule.const is not None:
        return "const"
    if field.type == RECORDS:
        return "records"
    if field.type == TEXTS:
        return _way_of_texts(rule, raw)
    for way in ("codes", "identifier", "by_format", "pseudonym", "citizen", "mask"):
        if getattr(rule, way):
            return way
    if field.type in NUMBERS:
        return "number"
    return field.type if field.type == "timestamp-millis" else "text"


def _check_rule(context: _Context, field: Field, rule: Rule, way: str) -> None:
    default = Rule(name=field.name)
    for key in vars(default):
        if key not in {"name", *_ALLOWED[way]} and getattr(rule, key) != getattr(default, key):
            written = "from" if key == "sources" else key
            raise context.fault(field.name, f"{written} means nothing here", f"Remove {written}")
    for name in rule.raw_fields:
        if name not in context.by_name:
            raise context.fault(field.name, f"{name!r} is no field of the raw schema", "Use a field's Avro name")
    if way == "const" and not isinstance(rule.const, _python_type(field.type)):
        raise context.fault(
            field.name, f"const {rule.const!r} is not of type {field.type}", "Write a value of that type"
        )
    _check_absent(context, field, rule, way)
    for found in (
        personal_fault(rule, field),
        symbol_fault(rule, field, way, context.codes),
        array_fault(rule, way, context.by_name),
    ):
        if found:
            raise context.fault(field.name, *found)
    if rule.required and (rule.sentinels or (rule.codes and rule.unknown == "note")):
        raise context.fault(field.name, "a required value could become null", "Remove sentinels or unknown: note")
    if (field.never_null or field.name in context.kind.subject) and not (
        rule.required or rule.absent is not None or way == "const"
    ):
        raise context.fault(field.name, "is never null but not required", "Add required: true")


def _check_absent(context: _Context, field: Field, rule: Rule, way: str) -> None:
    if rule.absent is None:
        return
    if rule.required:
        raise context.fault(field.name, "a required value is never absent", "Remove required or absent")
    if way == "timestamp-millis" and rule.absent != RECEIVED:
        raise context.fault(field.name, f"absent is {rule.absent!r}", f"Write absent: {RECEIVED} or leave it out")
    if way != "timestamp-millis" and not isinstance(rule.absent, _python_type(field.type)):
        raise context.fault(field.name, f"absent {rule.absent!r} is not of type {field.type}", "Write such a value")


def _said(context: _Context, rule: Rule, way: str, *, as_text: bool = False) -> Origin:
    if way == "listed":
        return listed(rule, context.by_name, context.raw.mapping.absent)
    return origin(rule, context.by_name, as_text=as_text)


def _built(context: _Context, field: Field, rule: Rule, way: str) -> Step:
    if field.type == TEXTS:
        return _built_list(context, field, rule, way)
    as_text = way not in ("number", "timestamp-millis", "text") or (way == "text" and field.type == "string")
    said = _said(context, rule, way, as_text=as_text)
    match way:
        case "codes":
            return code_step(rule, field, said, _table(context, field, rule.codes, of_type=field.type))
        case "identifier":
            if rule.identifier not in IDENTIFIERS:
                remedy = f"Use one of {', '.join(IDENTIFIERS)}"
                raise context.fault(field.name, f"unknown identifier {rule.identifier!r}", remedy)
            return identifier_step(rule, field, said, IDENTIFIERS[rule.identifier])
        case "by_format":
            _check_formats(context, field, tuple(rule.by_format))
            return by_format_step(rule, field, said)
        case "pseudonym" | "citizen" | "mask":
            return person_step(rule, field, said, context.key)
        case "timestamp-millis":
            return _time(context, field, rule, said)
        case "number":
            step = _number(context, field, rule, said)
            return _flagged(context, field, rule, step) if rule.flag or rule.flags else step
    return _text(context, field, said)


def _built_list(context: _Context, field: Field, rule: Rule, way: str) -> Step:
    """The step of an array of texts."""
    if way == "when":
        return when_step(rule, field, context.by_name, _table(context, field, rule.codes or YES_NO, of_type="boolean"))
    said = _said(context, rule, way, as_text=True)
    table = _table(context, field, rule.bits or rule.codes, of_type=TEXTS) if rule.bits or rule.codes else None
    if way == "listed" or table is None:
        return list_step(rule, field, said, table, context.key)
    if way == "coded":
        return codes_step(rule, field, said, table)
    if not all(code.isdecimal() for code in table.values):
        raise context.fault(
            field.name, f"code table {table.name} holds no bits", "Write the values of the bits: 1, 2, 4"
        )
    return bits_step(rule, field, said, table)


def _text(context: _Context, field: Field, said: Origin) -> Step:
    if field.type == "boolean" and said.type != "boolean":
        raise context.fault(field.name, f"{said.names} is no boolean", "Name a code table with codes:")
    if field.type == "string":
        return text_step(field, said)
    return Step(field.name, said.said, Made(said_of(field.name), read_of(field.name).cast(field.dtype)))


def _number(context: _Context, field: Field, rule: Rule, said: Origin) -> Step:
    if said.type == "boolean":
        raise context.fault(field.name, f"{said.names} is a boolean", "Map it to a field that is none")
    if (rule.unit is None) != (field.unit is None):
        remedy = f"Add unit: (canonical: {field.unit})" if field.unit else "Remove unit"
        raise context.fault(field.name, "unit is missing" if field.unit else "the field has no unit", remedy)
    if rule.unit is None or field.unit is None:
        return number_step(rule, field, said, Linear(1, 0))
    try:
        return number_step(rule, field, said, conversion(context.units, rule.unit, field.unit))
    except UnitError as error:
        remedy = f"Use a unit that converts to {field.unit}, or define it in {context.units.name}"
        raise context.fault(field.name, f"unit {rule.unit!r}: {error}", remedy) from error


def _flagged(context: _Context, field: Field, rule: Rule, step: Step) -> Step:
    table = _table(context, field, rule.flags, of_type="string")
    fields = [name for name in rule.flag if name in context.by_name and context.by_name[name].type == "string"]
    if len(fields) != len(rule.flag) or len(fields) not in (1, len(rule.sources)):
        remedy = "Name one text field of the raw schema, or one for each field of from"
        raise context.fault(field.name, "flag names no flags of its values", remedy)
    unknown = sorted({str(meaning) for meaning in table.values.values()} - set(MEANINGS))
    if unknown:
        raise context.fault(field.name, f"table {table.name} says {unknown[0]!r}", f"Use {', '.join(MEANINGS)}")
    return flagged(step, rule, context.by_name, table)


def _time(context: _Context, field: Field, rule: Rule, said: Origin) -> Step:
    if not rule.time:
        raise context.fault(field.name, "has no time format", "Add time: [yyyy-MM-dd HH:mm:ss] or another")
    _check_formats(context, field, rule.time)
    epochs = all(name.startswith("epoch") for name in rule.time)
    if said.type not in ("text", "integer") or (said.type == "integer" and not epochs):
        raise context.fault(
            field.name, f"{said.names} is of type {said.type}", "Use text, or an integer with epoch_s or epoch_ms"
        )
    return time_step(rule, field, said, context.raw.mapping.zone)


def _check_formats(context: _Context, field: Field, names: tuple[str, ...]) -> None:
    for name in names:
        try:
            time_format(name)
        except TimeFormatError as error:
            raise context.fault(
                field.name, str(error), "Use e.g. yyyy-MM-dd HH:mm:ss, yyyyMMdd, epoch_s, epoch_ms"
            ) from error


def _table(context: _Context, field: Field, name: str | None, *, of_type: str) -> CodeTable:
    table = context.codes.get(name or "")
    if table is None:
        raise context.fault(field.name, f"no code table {name!r}", f"Write codes/{name}.yaml")
    sample = next(iter(table.values.values()))
    if not isinstance(sample, _python_type(of_type)) or (isinstance(sample, bool) and of_type != "boolean"):
        raise context.fault(field.name, f"code table {table.name} is not of type {of_type}", "Use another table")
    return table


def _python_type(avro: str) -> tuple[type, ...]:
    return {
        "string": (str,),
        "boolean": (bool,),
        "double": (int, float),
        "int": (int,),
        "long": (int,),
        TEXTS: (str, list),
    }.get(avro, ())


def _content_hash(context: _Context) -> str:
    """12 hex digits over all that decides the result: mapping, units, both schemas, code tables used, screening."""
    mapping = context.raw.mapping
    sections = (mapping.rules, *mapping.vendors.values())
    every = [rule for rules in sections for top in rules.values() for rule in top.all_rules]
    used = sorted({table for rule in every for table in _tables(rule)})
    content: dict[str, Any] = {
        "raw": [_shape(field) for field in context.raw.fields],
        "defaults": {field["name"]: field["default"] for field in context.raw.schema["fields"] if "default" in field},
        "canonical": [_meaning(field) for field in context.kind.fields],
        "event": (context.kind.subject, context.kind.discriminator),
        "codes": {name: dict(context.codes[name].values) for name in used if name in context.codes},
        "screening": asdict(context.screening) if context.screening else None,
    }
    if any(rule.pseudonym for rule in every):
        content["person_key"] = context.key.key_id
    digest = hashlib.sha256(mapping.file.read_bytes())
    digest.update(context.units.read_bytes())
    digest.update(json.dumps(content, sort_keys=True, ensure_ascii=False).encode())
    return digest.hexdigest()[:12]


def _tables(rule: Rule) -> list[str]:
    return [table for table in (rule.codes, rule.bits, rule.flags, YES_NO if rule.when else None) if table]


def _shape(field: Field) -> tuple[Any, ...]:
    """What of a raw field decides a result."""
    shape = (field.name, field.type, field.json, field.nullable)
    return (*shape, [_shape(item) for item in field.items]) if field.items else shape


def _meaning(field: Field) -> tuple[Any, ...]:
    """What of a canonical field decides a result."""
    meaning = (field.name, field.type, field.unit)
    more = ([_meaning(item) for item in field.items], field.free_text)
    return (*meaning, *more) if any(more) else meaning
