"""Expressions that several dialects share."""

from collections.abc import Mapping

import polars as pl

from simulation.spec import LOCAL

POINTS_16_ZH = (
    *("北", "东北偏北", "东北", "东北偏东", "东", "东南偏东", "东南", "东南偏南"),
    *("南", "西南偏南", "西南", "西南偏西", "西", "西北偏西", "西北", "西北偏北"),
)


def local_text(column: str, form: str) -> pl.Expr:
    """An instant as local text in a strftime form."""
    return pl.col(column).dt.convert_time_zone(str(LOCAL)).dt.strftime(form)


def epoch_ms(column: str) -> pl.Expr:
    """An instant as epoch milliseconds."""
    return pl.col(column).dt.epoch("ms")


def wind_point(points: int) -> pl.Expr:
    """Wind direction as the nearest of so many points, 0 = north, clockwise."""
    return (pl.col("wind_direction") / (360 / points)).round().cast(pl.Int32) % points


def coded(column: str, codes: Mapping[str, str | int]) -> pl.Expr:
    """A word of the model as the province's code; a word without a code is an error."""
    kind = pl.Int32 if isinstance(next(iter(codes.values())), int) else pl.String
    return pl.col(column).replace_strict(codes, return_dtype=kind)


def decimals(column: str, places: int) -> pl.Expr:
    """A number as text with so many decimals, as devices print it."""
    whole: pl.Expr = (pl.col(column) * 10**places).round().cast(pl.Int64)
    if places == 0:
        return whole.cast(pl.String)
    digits = whole.abs().cast(pl.String).str.zfill(places + 1)
    sign: pl.Expr = pl.when(whole < 0).then(pl.lit("-")).otherwise(pl.lit(""))
    return sign + digits.str.head(-places) + "." + digits.str.tail(places)
