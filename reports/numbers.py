"""From unrounded gold figures to printed ones: rounded once, ties to even (GB/T 8170), thousands grouped."""

from decimal import Decimal
from functools import lru_cache

import polars as pl

from pipelines.rounding import rounded
from reports.model import Mean, Number, Rate

NONE = "–"


def number(value: float | None, digits: int = 0, signed: bool = False) -> Number:
    """A figure rounded to `digits` decimals; "–" when there is none."""
    return Number(None, NONE) if value is None else _written(rounded(value, digits), digits, signed)


def printed(values: pl.Series, digits: int = 0) -> pl.Series:
    """The figures of a column rounded as `number` rounds one; null where there is none."""
    return pl.Series(values.name, [number(value, digits).value for value in values.to_list()], dtype=pl.Float64)


def mean(value: float | None, count: int | None, needed: int, valid: bool, digits: int = 0) -> Mean:
    """A mean of `count` parts of which `needed` make it valid."""
    shown = number(value, digits)
    return Mean(shown.value, shown.text, count or 0, needed, valid and value is not None)


def rate(numerator: int | None, denominator: int | None) -> Rate:
    """A rate in percent with one decimal. Integers decide what is complete: 99.996 % is never printed as 100 %."""
    if numerator is None or not denominator:
        return Rate(numerator, denominator, NONE, None)
    percent = 100 * numerator / denominator
    shown = rounded(percent, 1)
    if numerator < denominator and shown >= 100:
        return Rate(numerator, denominator, ">99.9%", percent)
    if numerator > 0 and shown <= 0:
        return Rate(numerator, denominator, "<0.1%", percent)
    return Rate(numerator, denominator, "100%" if numerator == denominator else f"{shown}%", percent)


@lru_cache(maxsize=4096)  # a province's hundred thousand figures are a few hundred once they are rounded
def _written(figure: Decimal, digits: int, signed: bool) -> Number:
    shown = float(figure) + 0.0  # + 0.0 turns -0.0 into 0.0
    text = f"{shown:{'+' if signed and shown else ''},.{digits}f}".replace("-", "−")
    return Number(shown, text)
