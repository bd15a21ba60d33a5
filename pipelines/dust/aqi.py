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
    known = {name: row for name, row in points.items() if name in frame.columns}
    subs = {name: sub_index(pl.col(name), row, index) for name, row in known.items()}
    largest = frame.select(pl.max_horizontal(*subs.values()).alias("aqi"))["aqi"] if subs else pl.Series("aqi", [None])
    named = [
        pl.when((sub == pl.col("aqi")) & (pl.col("aqi") > NAMED_ABOVE)).then(pl.lit(name.removesuffix("_8h")))
        for name, sub in subs.items()
    ]
    names = pl.concat_list(*named).list.drop_nulls().list.unique(maintain_order=True).list.join(",")
    return frame.with_columns(largest.cast(pl.Int64)).with_columns(
        primary_pollutant=pl.when(names != "").then(names) if named else pl.lit(None, pl.String)
    )
