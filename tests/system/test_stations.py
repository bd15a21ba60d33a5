"""Sixty days of real control stations through Kafka: the hub's figures equal the published ones."""

from datetime import date, timedelta
from pathlib import Path

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from pipelines.dust import daily, hourly
from pipelines.limits import Limits
from sitehub.settings import Settings
from store.gold import engine, read_history
from store.lake import Lake
from tests.conftest import Stack, Tell
from tests.pipelines.dust.published import as_published
from tests.real_data import LOCAL, carry, station_table, station_uploads

FIRST, DAYS = date(2019, 11, 1), 60  # all 47 stations of the file report then, 44 of them with PM
BY_ASSETS = 3  # days that the assets compute into the gold table too
WITHOUT_INDEX = (5551, 416)  # hours without a published index, and those of them with some pollutant
KEY = ["device_code", "hour_start"]


@pytest.mark.timeout(300)
def test_stations(own_stack: Stack, tmp_path: Path, tell: Tell) -> None:
    """Every published hour is held; every mean of 24 hours and every index equals the published one."""
    table = station_table(FIRST, DAYS)
    settings = carry(own_stack, tmp_path, ["national"], lambda *known: station_uploads(table, *known))
    lake = Lake(settings.lake_url)
    held = lake.read("station-reading").collect()
    assert held.height == table.height
    assert held["quality"].is_in([1, 9]).all()
    assert lake.read_quarantine().collect().is_empty()
    hours, days = figures(lake, read_history(engine(settings.gold_url), "device", "national", None))
    tell(f"{held.height} hours of {held['device_code'].n_unique()} stations, {DAYS} days")
    tell(means_equal(table, days, "pm2_5", "PM2.5_24h"))
    tell(means_equal(table, days, "pm10", "PM10_24h"))
    tell(index_equal(table, hours))
    stored_are_the_same(settings, table, days)


def figures(lake: Lake, devices: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    """dust_hourly and dust_daily of all days, by the functions that the assets call."""
    limits = Limits.load()
    hours, days = [], []
    for number in range(DAYS):
        day = FIRST + timedelta(days=number)
        readings = lake.read("station-reading", "national", day.isoformat()).collect()
        hours.append(hourly.station_hours(readings, day, limits))
        none = hours[-1].clear()  # stations have no noise, so the next morning adds nothing
        days.append(daily.daily_means(hours[-1], none, readings, "station", devices, day, limits))
    return pl.concat(hours), pl.concat(days)


def stored_are_the_same(settings: Settings, table: pl.DataFrame, days: pl.DataFrame) -> None:
    """What the assets put into the gold table dust_daily equals the published means, and what the functions give."""
    from assets.hub import Hub  # Dagster takes seconds to import: only by the test that needs it
    from assets.partitions import FeedDay
    from assets.runs import instance_at, materialise

    hub, at = Hub.at(settings), [FeedDay(FIRST + timedelta(days=number), "national") for number in range(BY_ASSETS)]
    with instance_at(settings.home / "dagster") as instance:
        assert [outcome.faults for outcome in materialise(instance, at, hub)] == [()] * BY_ASSETS
    stored = pl.concat(hub.day("dust_daily", one) for one in at)
    means_equal(table, stored, "pm2_5", "PM2.5_24h", least=50)
    means_equal(table, stored, "pm10", "PM10_24h", least=50)
    same = ["day", "device_code", "pm2_5", "pm2_5_hours", "pm10", "pm10_hours", "aqi", "primary_pollutant"]
    assert_frame_equal(
        stored.select(same),
        days.filter(pl.col("day").is_in([one.iso for one in at])).select(same),
        check_row_order=False,
        check_exact=True,
    )


def means_equal(table: pl.DataFrame, days: pl.DataFrame, parameter: str, column: str, least: int = 1_000) -> str:
    """The mean of 24 values, rounded with ties to even, is the running mean published with the day's last hour."""
    last_hour = table.filter(pl.col("hour") == 0, pl.col(column).is_not_null()).select(
        pl.col("station").alias("device_code"),
        (pl.col("label") - pl.duration(hours=1)).dt.strftime("%Y-%m-%d").alias("day"),
        pl.col(column).cast(pl.Float64).alias("published"),
    )
    whole = days.filter(pl.col(f"{parameter}_hours") == 24).join(last_hour, on=["device_code", "day"])
    equal = (as_published(whole[parameter]) == whole["published"]).sum()
    assert whole.height > least
    assert equal == whole.height
    assert (whole[f"{parameter}_reported"] == whole["published"]).all()
    return f"{parameter}: {equal} of {whole.height} station-days of 24 hours equal the published mean"


def index_equal(table: pl.DataFrame, hours: pl.DataFrame) -> str:
    """The hourly index is the published one wherever one is published."""
    start = pl.col("label") - pl.duration(hours=1)
    published = table.select(
        pl.col("station").alias("device_code"),
        start.dt.replace_time_zone(str(LOCAL)).dt.convert_time_zone("UTC").alias("hour_start"),
        pl.col("AQI").cast(pl.Int64).alias("published"),
    )
    both = published.join(hours, on=KEY, how="left")
    stated = both.filter(pl.col("published").is_not_null())
    equal = (stated["aqi"] == stated["published"]).sum()
    silent = both.filter(pl.col("published").is_null())
    computed = silent["aqi"].count()
    assert equal == stated.height
    # The feed names no index where a pollutant was missing; the hub names that of the pollutants that are there.
    assert (silent.height, computed) == WITHOUT_INDEX
    return f"AQI: {equal} of {stated.height} published hours equal; of {silent.height} without one {computed} have some"
