"""Numbers (数值): parse, sentinel values, unit, whole numbers."""

import polars as pl

from pipelines.contract import Field
from pipelines.mapping.grammar import Rule
from pipelines.mapping.origin import Origin
from pipelines.mapping.step import FaultCheck, NoteCheck, Step, read_of, said_of, shown
from pipelines.mapping.units import Linear

# Digits 0-9 only: \d would take the digits of every script.
NUMBER = r"^[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]+)?$"
INT_LIMITS = (-(2**31), 2**31 - 1)


def number_step(rule: Rule, field: Field, said: Origin, unit: Linear) -> Step:
    """The step of a canonical double or int got from a number, or from text that is one."""
    column, read = said_of(field.name), read_of(field.name)
    if said.type == "text":
        parsed = pl.when(column.str.contains(NUMBER)).then(column).cast(pl.Float64, strict=False)
    else:
        parsed = column.cast(pl.Float64)
    meant = read.replace(list(rule.alias), list(rule.alias.values())) if rule.alias else read
    value = meant if unit.factor == 1 else meant * unit.factor
    value = value if unit.offset == 0 else value + unit.offset
    good = value.is_finite()
    if field.type != "double":
        good = good & (value == value.round()) & value.is_between(*INT_LIMITS)
    sentinel = read.is_in(list(rule.sentinels)).fill_null(False)
    wrong = column.is_not_null() & ~good.fill_null(False) & ~sentinel
    kind = "a finite number" if field.type == "double" else "a whole number"
    called = f" in {rule.unit}" if rule.unit else ""
    text = "text" if said.type == "text" else "number"
    detail = pl.concat_str(said.name, pl.lit(f" is {text} "), shown(column), pl.lit(f", expected {kind}{called}"))
    remedy = f"Send {said.names} as {kind}{called}; send null when it was not measured."
    return Step(
        field=field.name,
        said=said.said,
        read=parsed,
        value=pl.when(~sentinel & good).then(value).cast(field.dtype),
        faults=(FaultCheck("bad_number", wrong, detail, remedy),),
        notes=(NoteCheck("sentinel", sentinel),) if rule.sentinels else (),
    )
