"""What a rule may not do to a canonical field: put a name where a pseudonym belongs, or a word that no list knows."""

from collections.abc import Mapping
from typing import Final

from pipelines.contract import RECORDS, TEXTS, CodeTable, Field
from pipelines.mapping.grammar import Rule
from pipelines.mapping.people import CITIZEN_PARTS, PSEUDONYMS

# How a field that would tell of a person must be made (canonical schema, `personal`) → the rule's key for it.
PERSONAL: Final = {"pseudonym": "pseudonym", "masked": "mask", "citizen": "citizen"}


def personal_fault(rule: Rule, field: Field) -> tuple[str, str] | None:
    """Problem and remedy where a person's number, plate or certificate would come out as it is."""
    if field.personal and not getattr(rule, PERSONAL[field.personal]):
        key = PERSONAL[field.personal]
        example = {"pseudonym": "citizen", "mask": "[2, 1]", "citizen": "birth_year"}[key]
        return f"holds personal data, which is never kept as it is ({field.personal})", f"Add e.g. {key}: {example}"
    if rule.pseudonym and rule.pseudonym not in PSEUDONYMS:
        return f"unknown pseudonym {rule.pseudonym!r}", f"Use one of {', '.join(PSEUDONYMS)}"
    if rule.citizen and CITIZEN_PARTS.get(rule.citizen, (None, None))[1] != field.type:
        parts = [name for name, (_, kind) in CITIZEN_PARTS.items() if kind == field.type]
        return f"citizen: {rule.citizen} is not of type {field.type}", f"Use one of {', '.join(parts)}"
    return None


def symbol_fault(rule: Rule, field: Field, way: str, codes: Mapping[str, CodeTable]) -> tuple[str, str] | None:
    """Problem and remedy where a rule could make a value that the field's closed list of symbols does not have."""
    if not field.symbols:
        return None
    known = f"Use {', '.join(field.symbols)}"
    if way in ("text", "identifier") or (way == "listed" and not rule.codes):
        return "has a closed list of symbols", f"Name a code table with codes:. {known}"
    table = codes.get(rule.bits or rule.codes or "") if not rule.when else None
    meanings = sorted(table.meanings, key=str) if table else []
    made = [*meanings, *rule.when.values(), *rule.by_format.values(), rule.const, rule.absent]
    strange = [value for value in made if value is not None and value not in field.symbols]
    return (f"{strange[0]!r} is none of its symbols", known) if strange else None


def array_fault(rule: Rule, way: str, raw: Mapping[str, Field]) -> tuple[str, str] | None:
    """Problem and remedy where an array of the upload is taken for one value, or several values for an array."""
    arrays = [name for name in rule.raw_fields if raw[name].type in (TEXTS, RECORDS)]
    if way == "listed" and len(rule.raw_fields) != 1:
        return "a list has one raw field", "Write from: with one name"
    if way == "listed" and raw[rule.raw_fields[0]].type != TEXTS and not rule.split:
        return f"{rule.raw_fields[0]!r} is no array of texts", "Add split: with the sign between its parts"
    strange = [name for name in arrays if not (raw[name].type == TEXTS and way == "listed") and way != "records"]
    return (f"{strange[0]!r} is an array", "Map it to an array, with each: where it holds records") if strange else None
