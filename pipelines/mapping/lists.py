"""Arrays of texts (文本数组): alarms from a bit word, from fields that say yes, from a code; lists that are sent."""

from collections.abc import Mapping as MappingABC
from dataclasses import replace
from functools import reduce
from operator import or_
from typing import Final

import polars as pl

from pipelines.contract import TEXTS, CodeTable, Field
from pipelines.mapping.grammar import Rule
from pipelines.mapping.origin import Origin, as_text_of
from pipelines.mapping.people import PersonKey, pseudonyms
from pipelines.mapping.step import FaultCheck, Made, NoteCheck, Step, read_of, said_of, shown

WORD: Final = {10: "^[0-9]{1,18}$", 2: "^[01]{1,63}$"}
JOINT: Final = ";"


def bits_step(rule: Rule, field: Field, said: Origin, table: CodeTable) -> Step:
    """The step of an array whose symbols are the bits that are set in a word, in the order of the table."""
    column, word = said_of(field.name), read_of(field.name)
    shaped = pl.when(column.str.contains(WORD[rule.base])).then(column)
    parsed = shaped.str.to_integer(base=rule.base, strict=False).cast(pl.Int64)
    symbols = [pl.when((word & int(bit)) != 0).then(pl.lit(symbol)) for bit, symbol in table.values.items()]
    value = pl.when(word.is_not_null()).then(pl.concat_list(symbols).list.drop_nulls().list.unique(maintain_order=True))
    strange = word & ~reduce(or_, map(int, table.values))
    unknown = (column.is_not_null() & word.is_null()) | (strange != 0).fill_null(False)
    wanted = f"a sum of {', '.join(table.values)}" + (" in binary digits" if rule.base == 2 else "")
    return _judged(rule, Step(field.name, said.said, Made(parsed, value)), said, unknown, wanted, table)


def codes_step(rule: Rule, field: Field, said: Origin, table: CodeTable) -> Step:
    """The step of an array that one code stands for: one symbol, or the symbols that its table lists."""
    column, found = said_of(field.name), read_of(field.name)
    meant = [JOINT.join(value) if isinstance(value, list) else str(value) for value in table.values.values()]
    read = column.replace_strict(list(table.values), meant, default=None, return_dtype=pl.String)
    nothing = pl.lit([], dtype=pl.List(pl.String()))
    value = pl.when(found == "").then(nothing).when(found.is_not_null()).then(found.str.split(JOINT))
    unknown = column.is_not_null() & found.is_null()
    return _judged(rule, Step(field.name, said.said, Made(read, value)), said, unknown, f"one of {table.title}", table)


def list_step(rule: Rule, field: Field, said: Origin, table: CodeTable | None, key: PersonKey) -> Step:
    """The step of an array that is sent as an array, or as a text with a sign between its parts."""
    column, read = said_of(field.name), read_of(field.name)
    if rule.pseudonym:
        return Step(field.name, said.said, Made(column, pseudonyms(read, key)))
    if table is None:
        nul = column.list.eval(pl.element().str.contains("\0", literal=True)).list.any().fill_null(False)
        detail = pl.concat_str(said.name, pl.lit(" holds the character U+0000"))
        fault = FaultCheck("undecodable", nul, detail, f"Send {said.names} without the character U+0000.")
        return Step(field.name, said.said, Made(column, read), (fault,))
    found = pl.element().replace_strict(
        list(table.values), list(table.values.values()), default=None, return_dtype=pl.String
    )
    unknown = read.list.eval(pl.element().is_null()).list.any().fill_null(False)
    step = Step(field.name, said.said, Made(column.list.eval(found), read.list.drop_nulls()))
    return _judged(rule, step, said, unknown, f"codes of {table.title}", table)


def when_step(rule: Rule, field: Field, raw: MappingABC[str, Field], table: CodeTable) -> Step:
    """The step of an array whose symbols each have a raw field that says yes or no; null when none says anything."""
    texts = {name: as_text_of(raw[name]) for name in rule.when}
    held = {
        name: pl.col(name)
        if raw[name].type == "boolean"
        else text.replace_strict(list(table.values), list(table.values.values()), default=None, return_dtype=pl.Boolean)
        for name, text in texts.items()
    }
    symbols = [pl.when(held[name]).then(pl.lit(symbol)) for name, symbol in rule.when.items()]
    anything = pl.any_horizontal(text.is_not_null() for text in texts.values())
    said = pl.when(anything).then(pl.concat_list(symbols).list.drop_nulls().list.unique(maintain_order=True))
    names = " or ".join(raw[name].json for name in rule.when)
    strange = {name: (text.is_not_null() & held[name].is_null()).fill_null(False) for name, text in texts.items()}
    first = pl.coalesce(*(pl.when(mask).then(pl.lit(raw[name].json)) for name, mask in strange.items()), pl.lit(names))
    step = Step(field.name, said, Made(said_of(field.name), read_of(field.name)))
    unknown = pl.any_horizontal(strange.values())
    return _judged(rule, step, Origin(said, first, names, TEXTS), unknown, f"one of {table.title}", table)


def listed(rule: Rule, raw: MappingABC[str, Field], absent: tuple[str, ...]) -> Origin:
    """What an upload says as a list: an array of texts, or a text that `split` parts; absent parts are left out."""
    source = raw[rule.sources[0]]
    parts = pl.col(source.name) if source.type == TEXTS else as_text_of(source).str.split(rule.split or JOINT)
    clean = parts.list.eval(pl.element().str.strip_chars())
    kept = clean.list.eval(pl.element().filter(~pl.element().is_in(list(absent)) & pl.element().is_not_null()))
    return Origin(kept, pl.lit(source.json), source.json, TEXTS)


def _judged(rule: Rule, step: Step, said: Origin, unknown: pl.Expr, wanted: str, table: CodeTable) -> Step:
    """The step with what becomes of unknown codes: refused, noted or, for bits, ignored."""
    if rule.unknown == "ignore":
        return step
    if rule.unknown == "note":
        return replace(step, notes=(NoteCheck("unknown_code", unknown),))
    seen = (
        pl.lit("an unknown code") if said.type == TEXTS else pl.concat_str(pl.lit("code "), shown(said_of(step.field)))
    )
    detail = pl.concat_str(said.name, pl.lit(" holds "), seen, pl.lit(f", expected {wanted}"))
    remedy = f"Send {said.names} as {wanted} (code table {table.name})."
    return replace(step, faults=(FaultCheck("bad_code", unknown, detail, remedy),))
