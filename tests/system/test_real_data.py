"""Real readings through Kafka: what sensors sent, missed, repeated and sent late is told; published means are equalled.

Three low-cost dust sensors as devices of three provinces, thirty days of each, and sixty days of control stations.
"""

import math
from collections.abc import Iterator
from datetime import date, timedelta

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from infra.packages import Packages
from pipelines.catalog import Catalog
from pipelines.dust import daily, hourly, rates
from pipelines.limits import Limits
from simulation.encode import Registry
from sitehub.settings import Settings
from store.gold import engine, read_history
from store.lake import Lake
from streams.ledger import ledger
from tests.conftest import Tell, running_stack
from tests.contract import CATALOG
from tests.pipelines.dust.frames import upload_rates
from tests.pipelines.dust.published import as_published
from tests.real_data import LOCAL, carry, sensor_table, sensor_uploads, station_table, station_uploads

INTERVAL_S = 150
SENSORS = {
    # province: dust sensor, its weather sensor, windows (first local day, days), device, project
    "sichuan": (22597, 22598, [(date(2019, 4, 1), 30)], "SC0022597", "5101002603010101"),
    "jiangsu": (24543, 24544, [(date(2019, 4, 21), 30)], "JS0024543", "AJ3201000001-32010001"),
    "shanxi": (5331, 5332, [(date(2017, 8, 30), 16), (date(2018, 3, 26), 14)], "SX0005331", "SX1401000001"),
}

FIRST, DAYS = date(2019, 11, 1), 60  # all 47 stations of the file report then, 44 of them with PM
BY_ASSETS = 3  # days that the assets compute into the gold table too
WITHOUT_INDEX = (5551, 416)  # hours without a published index, and those of them with some pollutant
KEY = ["device_code", "hour_start"]

Tables = dict[str, pl.DataFrame]


@pytest.fixture(scope="module")
def sensors() -> Tables:
    """Province → the readings of its sensor."""
    return {province: sensor_table(*entry[:3]) for province, entry in SENSORS.items()}


@pytest.fixture(scope="module")
def stations() -> pl.DataFrame:
    """The published hours."""
    return station_table(FIRST, DAYS)


@pytest.fixture(scope="module")
def settings(
    packages: Packages, tmp_path_factory: pytest.TempPathFactory, sensors: Tables, stations: pl.DataFrame
) -> Iterator[Settings]:
    """Of the lake and the database in which all of them are, carried there through one real Kafka."""

    def uploads(catalog: Catalog, registry: Registry) -> pl.DataFrame:
        return pl.concat(
            [
                station_uploads(stations, catalog, registry),
                *(
                    sensor_uploads(sensors[province], province, *entry[3:], catalog, registry)
                    for province, entry in SENSORS.items()
                ),
            ]
        )

    home = tmp_path_factory.mktemp("real-data")
    with running_stack(packages, home / "stack") as stack:
        yield carry(stack, home, [*SENSORS, "national"], uploads)


@pytest.mark.timeout(400)
def test_sensors(settings: Settings, sensors: Tables, tell: Tell) -> None:
    """Ledger, counts, rates and hours agree with the files, for thirty days of each sensor."""
    lake, gold = Lake(settings.lake_url), engine(settings.gold_url)
    assert ledger(settings.bootstrap_servers, CATALOG, [*SENSORS, "national"]).is_exact
    for province, table in sensors.items():
        held = lake.read("dust-reading", province).collect()
        values_are_the_files(table, held)
        devices = read_history(gold, "device", province, None)
        told = pl.concat(rates_of(held, devices, day) for day in days_of(province))
        rates_are_the_files(table, told)
        duplicates = table.height - table["observed"].n_unique()
        first = SENSORS[province][2][0][0]
        assert hourly.device_hours(held, devices, first)["duplicates"].sum() == duplicates  # it is on the first day
        summary = rates.roll_up(told, [])
        tell(f"{province}: {table.height} uploads, {duplicates} duplicates; {summary.to_dicts()[0]}")
    assert lake.read_quarantine().collect().is_empty()
    report_tells(settings, date(2019, 4, 23))


def report_tells(settings: Settings, day: date) -> None:
    """The day's report of the sensor with gaps is made, and holds its numerator and denominator."""
    from assets.hub import Hub  # Dagster takes seconds to import: only by the test that needs it
    from assets.partitions import FeedDay
    from assets.runs import instance_at, materialise

    at = FeedDay(day, "jiangsu")
    hub = Hub.at(settings)
    with instance_at(settings.home / "dagster") as instance:
        assert [outcome.faults for outcome in materialise(instance, [at], hub)] == [()]
    (row,) = hub.day("upload_rate_daily", at).iter_rows(named=True)
    (page,) = hub.report_folder(at).glob("*.html")
    text = page.read_text(encoding="utf-8")
    assert row["received"] < row["expected"]
    assert "JS0024543" in text
    assert f"<small>{row['received']}/{row['expected']}</small>" in text


def values_are_the_files(table: pl.DataFrame, held: pl.DataFrame) -> None:
    """Each row of the file is one canonical record with its values and its time, out-of-order ones included."""
    key = ["observed_at", "pm10", "pm2_5", "temperature", "humidity"]
    sent = table.rename({"observed": "observed_at", "P1": "pm10", "P2": "pm2_5"}).select(key).sort(key)
    assert held.select(key).sort(key).equals(sent)


def days_of(province: str) -> list[date]:
    """The local days of a sensor."""
    return [first + timedelta(days=number) for first, days in SENSORS[province][2] for number in range(days)]


def rates_of(held: pl.DataFrame, devices: pl.DataFrame, day: date) -> pl.DataFrame:
    """upload_rate_daily of one day, made as the asset makes it."""
    return upload_rates(held.filter(day=day.isoformat()), devices, day)


def rates_are_the_files(table: pl.DataFrame, told: pl.DataFrame) -> None:
    """Expected, received, on-time and late slots of every day, counted here row by row."""
    received: dict[str, set[int]] = {}
    on_time: dict[str, set[int]] = {}
    for observed, arrived in table.select("observed", "received").iter_rows():
        local = observed.astimezone(LOCAL)
        midnight = local.replace(hour=0, minute=0, second=0)
        slot = math.floor((local - midnight).total_seconds() / INTERVAL_S)
        received.setdefault(f"{local:%Y-%m-%d}", set()).add(slot)
        if arrived - observed <= timedelta(hours=1):
            on_time.setdefault(f"{local:%Y-%m-%d}", set()).add(slot)
    for row in told.iter_rows(named=True):
        came = received.get(row["day"], set())
        assert row["expected"] == 86_400 // INTERVAL_S
        assert row["received"] == len(came), row["day"]
        assert row["on_time"] == len(on_time.get(row["day"], set()))
        assert row["late"] == row["received"] - row["on_time"]


@pytest.mark.timeout(400)
def test_stations(settings: Settings, stations: pl.DataFrame, tell: Tell) -> None:
    """Every published hour is held; every mean of 24 hours and every index equals the published one."""
    lake = Lake(settings.lake_url)
    held = lake.read("station-reading").collect()
    assert held.height == stations.height
    assert held["quality"].is_in([1, 9]).all()
    assert lake.read_quarantine().collect().is_empty()
    hours, days = figures(lake, read_history(engine(settings.gold_url), "device", "national", None))
    tell(f"{held.height} hours of {held['device_code'].n_unique()} stations, {DAYS} days")
    tell(means_equal(stations, days, "pm2_5", "PM2.5_24h"))
    tell(means_equal(stations, days, "pm10", "PM10_24h"))
    tell(index_equal(stations, hours))
    stored_are_the_same(settings, stations, days)


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
