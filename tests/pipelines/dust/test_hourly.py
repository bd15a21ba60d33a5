"""Hourly means: which readings count, when a mean is valid, noise by energy, one reading per observation."""

from __future__ import annotations

import random
from datetime import timedelta
from math import log10
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.dust.hourly import HOURS, device_hours, station_hours
from tests.pipelines.dust.frames import DAY, at, device, devices, minutes, reading, readings

REGISTER = devices(device("A"))


def one(frame: pl.DataFrame) -> dict[str, object]:
    """The only row."""
    assert frame.height == 1
    return frame.row(0, named=True)


def test_a_mean_of_45_minutes_is_valid_and_of_44_is_shown_but_not_valid() -> None:
    """The mean is there in both cases, with its count."""
    for count, valid in ((45, True), (44, False)):
        row = one(device_hours(readings(minutes("08:00", count, pm10=80.0)), REGISTER, DAY))
        assert (row["pm10"], row["pm10_n"], row["pm10_valid"]) == (80.0, count, valid)
        assert (row["pm2_5"], row["pm2_5_n"], row["pm2_5_valid"]) == (None, 0, False)
        assert row["hour_start"] == at("08:00")


def test_the_interval_of_the_register_decides_what_a_reading_is_worth() -> None:
    """Nine readings of a five-minute device are 45 minutes' worth; of a device that is not registered they are nine."""
    rows = readings(minutes("08:00", 9, step_s=300, pm10=10.0))
    assert one(device_hours(rows, devices(device("A", expected_interval_s=300)), DAY))["pm10_valid"]
    assert not one(device_hours(rows, devices(), DAY))["pm10_valid"]


def test_more_readings_than_slots_do_not_make_an_hour_valid() -> None:
    """Sixty readings in ten minutes are ten minutes' worth."""
    row = one(device_hours(readings(minutes("08:00", 60, step_s=10, pm10=10.0)), REGISTER, DAY))
    assert (row["pm10_n"], row["pm10_valid"]) == (60, False)


@pytest.mark.parametrize("note", ["pm10=range", "pm2_5=order;pm10=order", "noise=sentinel;observed_at=twelve_hours"])
def test_flagged_values_feed_no_mean(note: str) -> None:
    """A value out of range, out of PM order, or of an uncertain time stays out of the mean of its parameter."""
    rows = [*minutes("08:00", 50, pm10=10.0), reading("08:50", pm10=900.0, quality_notes=note)]
    row = one(device_hours(readings(rows), REGISTER, DAY))
    assert (row["pm10"], row["pm10_n"], row["readings"]) == (10.0, 50, 51)


def test_a_flag_of_another_parameter_does_no_harm() -> None:
    """A broken noise sensor does not cost the site its PM means."""
    rows = minutes("08:00", 60, pm10=10.0, noise=200.0, quality_notes="noise=range;pm10_max=range")
    row = one(device_hours(readings(rows), REGISTER, DAY))
    assert (row["pm10_n"], row["pm10_valid"], row["noise"], row["noise_n"]) == (60, True, None, 0)


def test_the_latest_received_of_two_uploads_holds() -> None:
    """An amendment replaces, whatever the order; both cases count as one duplicate."""
    first = reading("08:00", pm10=10.0)
    amended = reading("08:00", pm10=20.0, received_at=at("09:00"), source_offset=1)
    for rows in ([first, amended], [amended, first]):
        row = one(device_hours(readings(rows), REGISTER, DAY))
        assert (row["pm10"], row["readings"], row["duplicates"]) == (20.0, 1, 1)


def test_at_one_time_of_receipt_the_higher_source_position_holds() -> None:
    """Two uploads in one millisecond are told apart by their offsets."""
    rows = [reading("08:00", pm10=20.0, source_offset=8), reading("08:00", pm10=10.0, source_offset=7)]
    assert one(device_hours(readings(rows), REGISTER, DAY))["pm10"] == 20.0


def test_what_comes_after_ten_days_changes_no_mean() -> None:
    """Neither an amendment nor a first upload: the time of repair is the same as for the rates."""
    late: dict[str, Any] = {"received_at": at("24:00") + timedelta(days=10), "source_offset": 1}
    rows = [reading("08:00", pm10=10.0), reading("08:00", pm10=90.0, **late), reading("09:00", pm10=90.0, **late)]
    row = one(device_hours(readings(rows), REGISTER, DAY))
    assert (row["pm10"], row["readings"], row["duplicates"]) == (10.0, 1, 0)


def test_noise_is_averaged_by_energy() -> None:
    """Half an hour of 80 dB and half an hour of 60 dB are 77.03 dB, not 70."""
    rows = [*minutes("08:00", 30, noise=80.0), *minutes("08:30", 30, noise=60.0)]
    noise = one(device_hours(readings(rows), REGISTER, DAY))["noise"]
    assert noise == pytest.approx(10 * log10((10**8 + 10**6) / 2))


def test_day_and_hour_values_of_the_device_do_not_enter() -> None:
    """A Jiangsu site's daily value is a mean already."""
    rows = [reading("08:00", pm10=10.0), *(reading("08:00", pm10=99.0, period=p) for p in ("15min", "hour", "day"))]
    row = one(device_hours(readings(rows), REGISTER, DAY))
    assert (row["pm10"], row["readings"]) == (10.0, 1)


def test_readings_of_other_days_do_not_enter() -> None:
    """The local day is [00:00, 24:00) in Asia/Shanghai."""
    rows = readings([reading("-1:59", pm10=1.0), reading("24:00", pm10=1.0), reading("23:59", pm10=5.0)])
    assert device_hours(rows, REGISTER, DAY)["pm10"].to_list() == [5.0]


def test_no_readings_give_a_typed_empty_frame() -> None:
    """The columns are always the same."""
    assert device_hours(readings([]), devices(), DAY).schema == HOURS
    assert station_hours(readings([]), DAY).schema == HOURS


def test_a_lazy_frame_gives_the_same() -> None:
    """The lake hands over a scan."""
    rows = readings(minutes("07:30", 90, pm10=10.0, noise=61.5))
    assert device_hours(rows.lazy(), REGISTER, DAY).equals(device_hours(rows, REGISTER, DAY))


uploads = st.lists(
    st.tuples(st.sampled_from("AB"), st.integers(0, 200), st.integers(0, 3), st.floats(0, 500)), max_size=40
)


@settings(max_examples=25, deadline=None)
@given(uploads, st.integers(0, 1000))
def test_the_order_of_arrival_changes_nothing(sent: list[tuple[str, int, int, float]], seed: int) -> None:
    """Shuffled uploads give the same hours to the last bit, and every upload is a reading or a duplicate."""
    rows = [
        reading(
            at("06:00") + timedelta(minutes=minute), code, pm10=value, noise=value / 5, source_offset=number,
            received_at=at("10:00") + timedelta(minutes=late),
        )
        for number, (code, minute, late, value) in enumerate(sent)
    ]  # fmt: skip
    shuffled = rows.copy()
    random.Random(seed).shuffle(shuffled)
    hours = device_hours(readings(rows), REGISTER, DAY)
    assert hours.equals(device_hours(readings(shuffled), REGISTER, DAY))
    assert sum(hours["readings"].to_list() + hours["duplicates"].to_list()) == len(rows)
    assert hours["readings"].sum() == len({(code, minute) for code, minute, _, _ in sent})


def test_station_hours_are_the_published_values_with_the_index_of_the_hour() -> None:
    """A control station's hour is valid when it is there; an empty one is kept and marked."""
    rows = [
        reading("08:00", "1A", period="hour", pm2_5=66.0, pm10=90.0, co=0.8, station_name="测站", longitude=1.0),
        reading("09:00", "1A", period="hour", pm2_5=None, pm10=None),
    ]
    full, empty = station_hours(readings(rows), DAY).to_dicts()
    assert (full["pm2_5"], full["pm2_5_n"], full["pm2_5_valid"], full["tsp_valid"]) == (66.0, 1, True, False)
    assert (full["aqi"], full["primary_pollutant"], full["station_name"]) == (106, "pm2_5", "测站")
    assert (empty["pm2_5_valid"], empty["aqi"], empty["primary_pollutant"]) == (False, None, None)


def test_a_large_day_hour_by_hour_gives_what_a_small_day_gives_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """How much is read at a time changes no figure."""
    sent = readings([*minutes("00:00", 1440, pm10=80.0), *minutes("07:30", 300, step_s=120, noise=61.5)])
    at_once = device_hours(sent, REGISTER, DAY)
    monkeypatch.setattr("pipelines.dust.readings.AT_ONCE", 0)
    assert at_once.height == 24
    assert at_once.equals(device_hours(sent, REGISTER, DAY))
