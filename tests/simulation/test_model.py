"""The simulated world holds together before any dialect speaks of it."""

from datetime import date

import polars as pl
import pytest

from simulation.model import Happenings, happenings
from simulation.spec import LOCAL, Spec, world

SPEC = Spec(last_day=date(2026, 3, 2), days=2, devices=16)
CALM = Spec(last_day=date(2026, 3, 2), days=1, devices=8, faults=False)


@pytest.fixture(scope="module")
def world_with_faults() -> Happenings:
    """Two days with every fault."""
    return happenings(SPEC)


@pytest.fixture(scope="module")
def calm_world() -> Happenings:
    """One day on which nothing fails."""
    return happenings(CALM)


def test_same_spec_gives_the_same_world(world_with_faults: Happenings) -> None:
    """Nothing but the spec decides what happens."""
    again = happenings(SPEC)
    assert all(frame.equals(again[pair]) for pair, frame in world_with_faults.items())


def test_one_device_more_changes_no_other(calm_world: Happenings) -> None:
    """Each device has a generator of its own."""
    more = happenings(Spec(last_day=CALM.last_day, days=1, devices=12, faults=False))
    few = calm_world["shanxi", "dust-reading"]
    first = few["device_code"][0]
    pick = pl.col("device_code") == first
    columns = ["observed_at", "pm2_5", "pm10", "tsp", "noise"]
    assert few.filter(pick).select(columns).equals(more["shanxi", "dust-reading"].filter(pick).select(columns))


def test_calm_day_is_complete(calm_world: Happenings) -> None:
    """Without faults every due slot has its reading, received within half a minute after its end."""
    readings = calm_world["sichuan", "dust-reading"]
    counts = readings.group_by("device_code", "interval_s").len()
    assert counts.select((pl.col("len") * pl.col("interval_s") == 86_400).all()).item()
    delay = (readings["timestamp"] - readings["observed_at"]).dt.total_seconds() - readings["interval_s"]
    assert delay.min() >= 2  # type: ignore[operator]  # a Series' min is typed loosely
    assert delay.max() <= 20  # type: ignore[operator]  # the same


@pytest.mark.parametrize("province", list(world()["provinces"]))
def test_dust_is_physical(calm_world: Happenings, province: str) -> None:
    """Fine dust is part of coarse, coarse of total; working hours are dustier and louder than nights."""
    readings = calm_world[province, "dust-reading"].filter(pl.col("period") == "minute")
    assert readings.select((pl.col("pm2_5") > 0).all() & (pl.col("pm2_5") <= pl.col("pm10")).all()).item()
    assert readings.select((pl.col("pm10") <= pl.col("tsp")).all()).item()
    hour = pl.col("observed_at").dt.convert_time_zone(str(LOCAL)).dt.hour()
    by_day = readings.filter(hour.is_in([9, 10, 15, 16])).select(pl.col("tsp", "noise").mean()).row(0)
    by_night = readings.filter(hour.is_in([1, 2, 3, 4])).select(pl.col("tsp", "noise").mean()).row(0)
    assert by_day[0] > 1.3 * by_night[0]
    assert by_day[1] > by_night[1] + 8


def test_sites_of_a_city_and_its_stations_breathe_the_same_air(calm_world: Happenings) -> None:
    """Night hours of a site follow its city's control station."""
    sites = calm_world["jiangsu", "dust-reading"].filter(pl.col("adcode") == "320100", pl.col("period") == "minute")
    hours = sites.group_by(pl.col("observed_at").dt.truncate("1h")).agg(pl.col("pm2_5").median())
    stations = calm_world["national", "station-reading"].filter(pl.col("city") == "南京")
    both = hours.join(stations.group_by("observed_at").agg(pl.col("pm2_5").mean()), on="observed_at", suffix="_city")
    hour = pl.col("observed_at").dt.convert_time_zone(str(LOCAL)).dt.hour()
    nights = both.filter((hour < 7) | (hour >= 22))
    assert both.height == 24
    assert nights.select(pl.corr("pm2_5", "pm2_5_city")).item() > 0.7


@pytest.mark.parametrize("flag", ["stored", "doubled", "amended", "sentinel", "range", "order"])
@pytest.mark.parametrize("province", ["guizhou", "jiangsu"])
def test_every_fault_happens(world_with_faults: Happenings, province: str, flag: str) -> None:
    """Two days of four devices already show each kind of fault."""
    assert world_with_faults[province, "dust-reading"]["flags"].str.contains(flag).any()


def test_gaps_leave_slots_empty(world_with_faults: Happenings) -> None:
    """Some due minutes of a province are never sent."""
    readings = world_with_faults["sichuan", "dust-reading"].filter(pl.col("interval_s") == 60)
    slots = readings.select("device_code", "observed_at").unique().height
    assert slots < readings["device_code"].n_unique() * 2 * 1440


def test_twelve_hour_clock_is_one_device_of_shanxi(world_with_faults: Happenings) -> None:
    """Its hours never exceed twelve, and no other province has such a device."""
    flagged = pl.col("flags") == "twelve_hours"
    odd = world_with_faults["shanxi", "dust-reading"].filter(flagged)
    assert odd["device_code"].n_unique() == 1
    assert odd["observed_at"].dt.convert_time_zone(str(LOCAL)).dt.hour().max() == 12  # 00:xx is printed 12:xx
    shift = (odd["timestamp"] - odd["observed_at"]).dt.total_minutes().abs()
    assert shift.is_between(12 * 60 - 2, 12 * 60 + 2).all()
    assert world_with_faults["guizhou", "dust-reading"].filter(flagged).is_empty()


def test_unregistered_devices_upload(world_with_faults: Happenings) -> None:
    """One device a province is in no register upload but sends readings."""
    for province in SPEC.provinces:
        registered = set(world_with_faults[province, "device"]["device_code"])
        readings = world_with_faults[province, "dust-reading"]
        assert set(readings.filter(~pl.col("registered"))["device_code"]).isdisjoint(registered)
        assert readings["device_code"].n_unique() == len(registered) + 1


def test_jiangsu_sends_day_values(world_with_faults: Happenings) -> None:
    """Each device also reports a value for each day, after the day."""
    days = world_with_faults["jiangsu", "dust-reading"].filter(pl.col("period") == "day")
    assert days.height == 5 * 2
    assert (days["timestamp"] - days["observed_at"]).dt.total_hours().is_between(24, 25).all()


def test_spec_names_its_own_mistakes() -> None:
    """An unknown province says where to add it."""
    with pytest.raises(ValueError, match=r"hunan not in simulation/world\.yaml"):
        Spec(last_day=date(2026, 3, 2), provinces=("hunan",))
