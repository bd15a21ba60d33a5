"""Daily means: of valid hours, with their number; day and night noise; known answers of the published means of 2019."""

from __future__ import annotations

from datetime import date
from math import log10

import polars as pl
import pytest

from pipelines.dust.daily import DAILY, daily_means
from pipelines.dust.hourly import station_hours
from pipelines.limits import Limits
from tests.pipelines.dust.frames import DAY, device, devices, hour, hours, reading, readings
from tests.pipelines.dust.published import as_published, station_days

LIMITS = Limits.load()
REGISTER = devices(device("A"))
NONE = readings([])


def means(
    of_day: pl.DataFrame, next_morning: pl.DataFrame | None = None, reported: pl.DataFrame = NONE
) -> pl.DataFrame:
    """Daily figures of devices on DAY."""
    following = of_day.clear() if next_morning is None else next_morning
    return daily_means(of_day, following, reported, "device", REGISTER, DAY, LIMITS)


def one(frame: pl.DataFrame) -> dict[str, object]:
    """The only row."""
    assert frame.height == 1
    return frame.row(0, named=True)


def test_a_daily_mean_is_the_mean_of_valid_hours() -> None:
    """An hour that is not valid does not enter, however high, and the number of hours is told."""
    rows = [hour(h, pm10=float(h)) for h in range(20)] + [hour(20, pm10=900.0, pm10_valid=False)]
    row = one(means(hours(*rows)))
    assert (row["pm10"], row["pm10_hours"], row["pm10_valid"]) == (9.5, 20, True)
    assert (row["project_code"], row["readings"], row["duplicates"], row["mapping"]) == ("P-A", 21 * 60, 0, "m")


def test_twenty_hours_make_a_day_and_tsp_needs_all() -> None:
    """With 19 hours the mean is shown and marked; TSP needs 24 (GB 3095-2012 table 4)."""
    row = one(means(hours(*[hour(h, pm10=10.0, tsp=20.0) for h in range(19)])))
    assert (row["pm10"], row["pm10_hours"], row["pm10_valid"]) == (10.0, 19, False)
    assert (row["tsp"], row["tsp_hours"], row["tsp_valid"]) == (20.0, 19, False)
    assert row["aqi"] is None
    full = one(means(hours(*[hour(h, pm10=10.0, tsp=20.0) for h in range(24)])))
    assert (full["tsp_hours"], full["tsp_valid"]) == (24, True)


def test_a_site_s_index_is_of_particulates_and_says_so() -> None:
    """PM2.5 60 of the edition of 2026 is index 100; a mean that is not valid does not enter."""
    rows = [hour(h, pm2_5=60.0, pm10=40.0) for h in range(24)]
    row = one(means(hours(*rows)))
    assert (row["aqi"], row["primary_pollutant"]) == (100, "pm2_5")
    assert str(row["aqi_standard"]).startswith("HJ 633-2026")
    assert str(row["aqi_standard"]).endswith("仅颗粒物")


def test_noise_of_day_and_night() -> None:
    """06:00–22:00 is day; the night begins on the day at 22:00 and ends at 06:00 of the next morning."""
    rows = [hour(h, noise=70.0 if h < 6 else 60.0) for h in range(22)] + [hour(h, noise=50.0) for h in (22, 23)]
    morning = hours(*[hour(h, noise=56.0) for h in range(24, 30)], hour(30, noise=99.0))
    row = one(means(hours(*rows), morning))
    assert (row["noise_day"], row["noise_day_hours"]) == (pytest.approx(60.0), 16)
    assert row["noise_night"] == pytest.approx(10 * log10((2 * 10**5 + 6 * 10**5.6) / 8))
    assert row["noise_night_hours"] == 8
    early = one(means(hours(*rows)))
    assert (early["noise_night"], early["noise_night_hours"]) == (pytest.approx(50.0), 2)


def test_the_site_s_own_day_value_stands_beside() -> None:
    """The latest received day value is shown, not mixed; a device that sends nothing else is there as well."""
    own = [
        reading("00:00", "A", period="day", pm10=66.0),
        reading("00:00", "A", period="day", pm10=67.0, source_offset=2**40),
        reading("00:00", "B", period="day", pm10=12.0, pm2_5=900.0, quality_notes="pm2_5=range"),
        reading("00:00", "A", pm10=1.0),
    ]
    first, second = means(hours(*[hour(h, pm10=70.0) for h in range(24)]), reported=readings(own)).to_dicts()
    assert (first["pm10"], first["pm10_reported"], first["tsp_reported"]) == (70.0, 67.0, None)
    assert (second["device_code"], second["pm10"], second["pm10_reported"]) == ("B", None, 12.0)
    assert (second["pm10_hours"], second["pm10_valid"], second["readings"]) == (0, False, 0)
    assert second["pm2_5_reported"] is None
    assert second["mapping"] == "jiangsu/dust-reading@000000000000"


def test_no_hours_give_a_typed_empty_frame() -> None:
    """The columns are always the same."""
    assert means(hours()).schema == DAILY


def test_ozone_of_a_station_is_its_greatest_eight_hours() -> None:
    """Eight hours of 160 among hours of 40: the 8-hour index is 100, the highest of the six."""
    values = [160.0 if 10 <= h < 18 else 40.0 for h in range(24)]
    rows = hours(*[hour(h, "1A", pm2_5=10.0, pm10=10.0, o3=value) for h, value in enumerate(values)])
    row = one(daily_means(rows, rows.clear(), NONE, "station", devices(), DAY, LIMITS))
    assert (row["aqi"], row["primary_pollutant"], row["subject"]) == (100, "o3", "station")
    few = rows.filter(pl.col("hour_start").dt.hour() < 12)
    assert one(daily_means(few, rows.clear(), NONE, "station", devices(), DAY, LIMITS))["aqi"] is None


def test_every_published_daily_mean_of_2019_is_reproduced() -> None:
    """A day is the labels 01 to 24 (24 = 00 of the next day), the hours that begin on it; ties go to even.

    Of all station-days with 24 values: 9,782 of 9,782 for PM2.5 and 8,424 of 8,424 for PM10 equal the running mean that
    is published with the day's last hour.
    """
    published = pl.concat(station_days().values())
    for parameter, count in (("pm2_5", 9_782), ("pm10", 8_424)):
        days = published.group_by("device_code", "day").agg(
            pl.col(parameter).mean().alias("mean"),
            pl.col(parameter).count().alias("hours"),
            pl.col(f"{parameter}_24h").filter(pl.col("observed_at").dt.hour() == 15).first().alias("published"),
        )
        whole = days.filter(pl.col("hours") == 24, pl.col("published").is_not_null())
        assert whole.height == count
        assert whole.filter(as_published(whole["mean"]) != pl.col("published")).is_empty()


def test_the_rules_reproduce_published_days() -> None:
    """The same through station_hours and daily_means, for one day of each month."""
    equal = 0
    for month in range(1, 13):
        day = date(2019, month, 15)
        of_day = station_days()[day.isoformat()]
        hourly = station_hours(of_day, day, LIMITS)
        figures = daily_means(hourly, hourly.clear(), of_day, "station", devices(), day, LIMITS)
        for parameter in ("pm2_5", "pm10"):
            whole = figures.filter(pl.col(f"{parameter}_hours") == 24, pl.col(f"{parameter}_reported").is_not_null())
            assert (as_published(whole[parameter]) == whole[f"{parameter}_reported"]).all()
            equal += whole.height
    assert equal == 682
