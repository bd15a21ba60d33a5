"""Real low-cost dust sensors as devices of three provinces: what they sent, missed, repeated and sent late is told."""

import math
from datetime import date, timedelta
from pathlib import Path

import polars as pl
import pytest

from pipelines.catalog import Catalog
from pipelines.dust import hourly, rates
from simulation.encode import Registry
from sitehub.settings import Settings
from store.gold import engine, read_history
from store.lake import Lake
from streams.ledger import ledger
from tests.conftest import Stack, Tell
from tests.contract import CATALOG
from tests.real_data import LOCAL, carry, sensor_table, sensor_uploads

INTERVAL_S = 150
SENSORS = {
    # province: dust sensor, its weather sensor, windows (first local day, days), device, project
    "sichuan": (22597, 22598, [(date(2019, 4, 1), 30)], "SC0022597", "5101002603010101"),
    "jiangsu": (24543, 24544, [(date(2019, 4, 21), 30)], "JS0024543", "AJ3201000001-32010001"),
    "shanxi": (5331, 5332, [(date(2017, 8, 30), 16), (date(2018, 3, 26), 14)], "SX0005331", "SX1401000001"),
}
Tables = dict[str, pl.DataFrame]


@pytest.mark.timeout(300)
def test_sensors(own_stack: Stack, tmp_path: Path, tell: Tell) -> None:
    """Ledger, counts, rates and hours agree with the files, for thirty days of each sensor."""
    tables = {province: sensor_table(*entry[:3]) for province, entry in SENSORS.items()}

    def uploads(catalog: Catalog, registry: Registry) -> pl.DataFrame:
        return pl.concat(
            sensor_uploads(tables[province], province, *entry[3:], catalog, registry)
            for province, entry in SENSORS.items()
        )

    settings = carry(own_stack, tmp_path, list(SENSORS), uploads)
    lake, gold = Lake(settings.lake_url), engine(settings.gold_url)
    assert ledger(settings.bootstrap_servers, CATALOG, list(SENSORS)).is_exact
    for province, table in tables.items():
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
    """upload_rate_daily of one day, by the function that the asset calls."""
    return rates.upload_rates(held.filter(day=day.isoformat()), devices, day, None)


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
