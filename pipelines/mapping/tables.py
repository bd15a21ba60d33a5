"""Code tables (代码表): a province's code becomes the canonical value it stands for."""

import polars as pl

from pipelines.contract import CodeTable, Field
from pipelines.mapping.grammar import Rule
from pipelines.mapping.origin import Origin
from pipelines.mapping.step import FaultCheck, Made, NoteCheck, Step, nothing_lost, read_of, said_of, shown

_CODES_NAMED = 16


def code_step(rule: Rule, field: Field, said: Origin, table: CodeTable) -> Step:
    """The step of a field whose raw value is a code; an unknown code is refused, or null and noted."""
    column = said_of(field.name)
    # A code's place in the table, then the value there: polars' own replacement builds its table anew for each batch.
    meanings = pl.Series(list(table.values.values()), dtype=field.dtype)
    found = pl.lit(meanings).gather(column.cast(pl.Enum(list(table.values)), strict=False).to_physical())
    value = read_of(field.name)
    unknown = column.is_not_null() & value.is_null()
    made = Made(found, value)
    if rule.unknown == "note":
        return Step(field.name, said.said, made, notes=(NoteCheck("unknown_code", unknown),), is_calm=nothing_lost)
    detail = pl.concat_str(said.name, pl.lit(" is code "), shown(column), pl.lit(f", expected one of {table.title}"))
    codes = ", ".join(list(table.values)[:_CODES_NAMED]) + (", …" if len(table.values) > _CODES_NAMED else "")
    remedy = f"Send {said.names} as one of {codes} (code table {table.name})."
    fault = FaultCheck("bad_code", unknown, detail, remedy)
    return Step(field.name, said.said, made, faults=(fault,), is_calm=nothing_lost)
