"""The air quality index: by hand, and against every hourly index published in 2019."""

from __future__ import annotations

from datetime import date

import polars as pl
import pytest

from pipelines.dust.aqi import with_index
from pipelines.limits import Limits
from tests.pipelines.dust.published import station_days

LIMITS = Limits.load()
SIX = ["pm2_5", "pm10", "so2", "no2", "o3", "co"]


def day_index(day: date, **means: float | None) -> tuple[int | None, str | None]:
    """Index and primary pollutant of daily means on a day."""
    index = LIMITS.index_on(day)
    assert index is not None
    frame = pl.DataFrame(
        {name: [value] for name, value in means.items()}, schema_overrides=dict.fromkeys(means, pl.Float64)
    )
    return with_index(frame, index.day, index.index).select("aqi", "primary_pollutant").row(0)


@pytest.mark.parametrize(
    ("pm2_5", "pm10", "expected"),
    [
        (35.0, 40.0, (50, None)),  # a pollutant is named only above 50
        (35.1, 40.0, (51, "pm2_5")),  # rounded up
        (75.0, 150.0, (100, "pm2_5,pm10")),  # a tie names both
        (115.0, 50.0, (150, "pm2_5")),
        (None, 420.0, (300, "pm10")),
        (501.0, 100.0, (500, "pm2_5")),  # above the last point
        (None, None, (None, None)),
        (0.0, 0.0, (0, None)),
    ],
)
def test_the_edition_of_2012(pm2_5: float | None, pm10: float | None, expected: tuple[int | None, str | None]) -> None:
    """Linear between break points, rounded up, the largest counts."""
    assert day_index(date(2026, 2, 28), pm2_5=pm2_5, pm10=pm10) == expected


def test_the_edition_of_2026_moves_index_100() -> None:
    """From 1 March 2026 index 100 is PM2.5 60 and PM10 120; the label says that the rest is not known."""
    assert day_index(date(2026, 3, 1), pm2_5=60.0, pm10=100.0) == (100, "pm2_5")
    assert day_index(date(2026, 2, 28), pm2_5=60.0, pm10=100.0) == (82, "pm2_5")
    assert day_index(date(2026, 3, 1), pm2_5=30.0, pm10=120.0) == (100, "pm10")
    index = LIMITS.index_on(date(2026, 3, 1))
    assert index is not None
    assert "暂同 2012 版" in index.label
    assert LIMITS.index_on(date(2015, 12, 31)) is None


def test_break_points_that_are_whole_on_paper_are_not_rounded_up() -> None:
    """A whole sub-index stays: 7 of 35 is 10, although 50 / 35 * 7 is not exactly so in floats."""
    index = LIMITS.index_on(date(2019, 1, 1))
    assert index is not None
    frame = pl.DataFrame({"pm2_5": [float(7 * n) for n in range(6)]})
    assert with_index(frame, index.day, index.index)["aqi"].to_list() == [0, 10, 20, 30, 40, 50]


def test_every_published_hour_of_2019_has_the_published_index() -> None:
    """356,430 of 356,447 hours that have values and a published index agree, all 328,914 complete ones among them.

    The 17 others are of one hour (24 April, label 23) in which the file has lost all but one pollutant. 41 indexes of
    another hour (20 February, label 7) are published without any value.
    """
    index = LIMITS.index_on(date(2019, 1, 1))
    assert index is not None
    published = pl.concat(station_days().values()).rename({"aqi": "published"})
    rated = with_index(published, index.hour, index.index).filter(pl.col("published").is_not_null())
    assert rated["aqi"].null_count() == 41
    both = rated.filter(pl.col("aqi").is_not_null()).with_columns(
        complete=pl.all_horizontal(pl.col(SIX).is_not_null()), differs=pl.col("aqi") != pl.col("published")
    )
    assert (both.height, both["differs"].sum()) == (356_447, 17)
    assert both.filter("complete").select(pl.len(), pl.col("differs").sum()).row(0) == (328_914, 0)
    odd = both.filter("differs")
    assert odd["observed_at"].n_unique() == 1
    assert odd.select(pl.sum_horizontal(pl.col(SIX).is_not_null()).max()).item() == 1
