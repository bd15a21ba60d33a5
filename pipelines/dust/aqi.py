"""Air quality index (空气质量指数, HJ 633): linear between break points, rounded up; the largest sub-index counts."""

from collections.abc import Mapping, Sequence
from itertools import pairwise

import polars as pl

NAMED_ABOVE = 50
"""HJ 633: a primary pollutant (首要污染物) is named only where the index is above this."""
NOISE_OF_FLOATS = 1e-9
"""An index that is whole on paper must not be rounded up because 100/50 * 25 comes out as 50.00000000000001."""


def sub_index(value: pl.Expr, points: Sequence[float], index: Sequence[float]) -> pl.Expr:
    """IAQI of a concentration: null stays null; above the last break point the last index holds."""
    sub = pl.lit(float(index[len(points) - 1]))
    for (low, high), (index_low, index_high) in reversed(list(zip(pairwise(points), pairwise(index), strict=False))):
        linear = (index_high - index_low) * (value - low) / (high - low) + index_low
        sub = pl.when(value <= high).then(linear).otherwise(sub)
    return pl.when(value.is_not_null()).then((sub - NOISE_OF_FLOATS).ceil().clip(lower_bound=0))


def with_index(frame: pl.DataFrame, points: Mapping[str, Sequence[float]], index: Sequence[float]) -> pl.DataFrame:
    """Adds aqi (int, null where nothing was measured) and primary_pollutant ('pm10', 'pm10,o3' on a tie, or null).

    `points` maps a column of concentrations (ug/m3, CO mg/m3) to its break points; columns missing in `frame` and
    nulls do not count. 'o3_8h' is named o3.
    """
    rated: dict[str, list[pl.Expr]] = {}
    for name in points:
        if name in frame.columns:
            rated.setdefault(name.removesuffix("_8h"), []).append(sub_index(pl.col(name), points[name], index))
    if not rated:
        return frame.with_columns(aqi=pl.lit(None, pl.Int64), primary_pollutant=pl.lit(None, pl.String))
    subs = {pollutant: f"sub_index_{pollutant}" for pollutant in rated}
    largest = [pl.when(pl.col(sub) == pl.col("aqi")).then(pl.lit(pollutant)) for pollutant, sub in subs.items()]
    named = pl.concat_str(*largest, separator=",", ignore_nulls=True)
    return (
        frame.with_columns(pl.max_horizontal(*rated[pollutant]).alias(sub) for pollutant, sub in subs.items())
        .with_columns(aqi=pl.max_horizontal(*subs.values()).cast(pl.Int64))
        .with_columns(primary_pollutant=pl.when(pl.col("aqi") > NAMED_ABOVE).then(named))
        .drop(*subs.values())
    )
