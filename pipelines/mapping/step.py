"""The parts of a compiled rule. Expressions read the columns that earlier parts made; none looks across rows."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

import polars as pl

from pipelines.mapping.units import Linear

OUTCOME: Final = ("_reason", "_field", "_detail", "_remedy", "_notes")
TEXT_SHOWN = 40
SHAPE_SIGNS = {"[0-9]": "9", r"[\p{Nd}&&[^0-9]]": "９", r"[\p{L}&&[^\p{Han}]]": "A", r"\p{Han}": "字"}


@dataclass(frozen=True)
class FaultCheck:
    """One way in which a field can be refused: `mask` is true (never null) on the refused rows.

    No mask: the mapping's numbers are judged all at once (numbers.py).
    """

    reason: str
    mask: pl.Expr | None
    detail: pl.Expr
    remedy: str


@dataclass(frozen=True)
class NoteCheck:
    """One note that a field can earn: `mask` is true (never null) on the noted rows; none as in FaultCheck."""

    note: str
    mask: pl.Expr | None


@dataclass(frozen=True)
class Made:
    """How a value is made by expressions: what is said → `read` (parsed) → `value`."""

    read: pl.Expr
    value: pl.Expr


@dataclass(frozen=True)
class Number:
    """How a number is made: alias, then unit. Sentinels are no values; they and aliases are in the upload's unit.

    is_text: what is said is text.
    """

    is_text: bool
    dtype: pl.DataType
    unit: Linear
    sentinels: tuple[float, ...]
    alias: Mapping[float, float]


@dataclass(frozen=True)
class Step:
    """How one canonical field is made of what is `said` (as uploaded, absent values null).

    Expressions and checks see the columns said_of(field) and read_of(field). `is_calm`: a cheap look at values and
    uploads that tells that no check can fail, so that checks need not be evaluated; None where no look tells that.
    """

    field: str
    said: pl.Expr
    made: Made | Number
    faults: tuple[FaultCheck, ...] = ()
    notes: tuple[NoteCheck, ...] = ()
    is_calm: Callable[[pl.Series, pl.DataFrame], bool] | None = None


def nothing_lost(values: pl.Series, _uploads: pl.DataFrame) -> bool:
    """Calm where every check can only fail on a row that is left without a value."""
    return values.null_count() == 0


def text_of(name: str) -> pl.Expr:
    """Column with a raw field of text, cleaned."""
    return pl.col(f"{name}~text")


def said_of(field: str) -> pl.Expr:
    """Column with what the upload says for a canonical field."""
    return pl.col(f"{field}~said")


def read_of(field: str) -> pl.Expr:
    """Column with the parsed form of what the upload says."""
    return pl.col(f"{field}~read")


def shown(value: pl.Expr) -> pl.Expr:
    """A value's shape as it may stand in a message, cut and in quotes: 9 a digit, ９ one of another script, 字 a
    Chinese character, A a letter. Never the value: a vendor may have put a name into the wrong field.
    """
    shape = value.cast(pl.String).str.slice(0, TEXT_SHOWN)
    for characters, sign in SHAPE_SIGNS.items():
        shape = shape.str.replace_all(characters, sign)
    return pl.concat_str(pl.lit("'"), shape, pl.lit("'"))
