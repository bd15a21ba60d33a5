"""From unrounded gold figures to printed ones: rounded once, ties to even (GB/T 8170), thousands grouped."""

import polars as pl

from pipelines.rounding import rounded
from reports.model import Mean, Number, Rate

NONE = "–"


def number(value: float | None, digits: int = 0, signed: bool = False) -> Number:
    """A figure rounded to `digits` decimals; "–" when there is none."""
    if value is None:
        return Number(None, NONE)
    shown = _shown(value, digits)
    text = f"{shown:{'+' if signed and shown else ''},.{digits}f}".replace("-", "−")
    return Number(shown, text)


def printed(values: pl.Series, digits: int = 0) -> pl.Series:
    """The figures of a column rounded as `number` rounds one; null where there is none."""
    rounded_values = [None if value is None else _shown(value, digits) for value in values.to_list()]
    return pl.Series(values.name, rounded_values, dtype=pl.Float64)


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


def _shown(value: float, digits: int) -> float:
    return float(rounded(value, digits)) + 0.0  # + 0.0 turns -0.0 into 0.0
