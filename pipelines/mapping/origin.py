"""What the upload says for a canonical field: the first raw field that is not absent, or a composed text."""

from collections.abc import Mapping as MappingABC
from dataclasses import dataclass

import polars as pl

from pipelines.contract import Field
from pipelines.mapping.grammar import Rule, part_field
from pipelines.mapping.step import text_of

_INTEGERS = ("int", "long")
NUMBERS = (*_INTEGERS, "double")


@dataclass(frozen=True)
class Origin:
    """The raw side of a rule: what is said, by which raw field, as text, integer, number or boolean."""

    said: pl.Expr
    name: pl.Expr
    names: str
    type: str


def origin(rule: Rule, raw: MappingABC[str, Field], *, as_text: bool = False) -> Origin:
    """Build the raw side of a rule with a `from` or `compose`. Raw fields of different types meet as text."""
    if rule.compose:
        parts = [_part(part, raw) for part in rule.compose]
        names = " and ".join(raw[name].json for name in rule.raw_fields)
        return Origin(pl.concat_str(parts), pl.lit(names), names, "text")
    fields = [raw[name] for name in rule.sources]
    kinds = {_type_of(field) for field in fields}
    kind = "text" if as_text or len(kinds) > 1 else kinds.pop()
    said = [as_text_of(field) if kind == "text" else pl.col(field.name) for field in fields]
    name = pl.coalesce(
        *(
            pl.when(expression.is_not_null()).then(pl.lit(field.json))
            for field, expression in zip(fields, said, strict=True)
        ),
        pl.lit(fields[0].json),
    )
    return Origin(
        pl.coalesce(said) if len(said) > 1 else said[0], name, " or ".join(field.json for field in fields), kind
    )


def _type_of(field: Field) -> str:
    if field.type in _INTEGERS:
        return "integer"
    return {"string": "text", "double": "number", "boolean": "boolean"}[field.type]


def _part(part: str, raw: MappingABC[str, Field]) -> pl.Expr:
    name = part_field(part)
    return as_text_of(raw[name]) if name else pl.lit(part)


def as_text_of(field: Field) -> pl.Expr:
    """A raw field as text, 3.0 as 3; texts have been cleaned (texts.py)."""
    if field.type == "string":
        return text_of(field.name)
    column = pl.col(field.name)
    if field.type == "double":
        whole = column.is_finite() & (column == column.round()) & (column.abs() < 1e15)
        return (
            pl.when(whole).then(column.cast(pl.Int64, strict=False).cast(pl.String)).otherwise(column.cast(pl.String))
        )
    return column.cast(pl.String)
