"""Upload rates: slots, service, lateness, hours, online time; integers that add up."""

from __future__ import annotations

import random
from datetime import timedelta
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.dust.rates import RATES, roll_up
from tests.pipelines.dust.frames import DAY, MIDNIGHT, at, device, devices, minutes, reading, readings, upload_rates


def one(frame: pl.DataFrame) -> dict[str, object]:
    """The only row."""
    assert frame.height == 1
    return frame.row(0, named=True)


def test_a_full_day() -> None:
    """1,440 minutes, all received, good, on time and online."""
    row = one(upload_rates(readings(minutes("00:00", 1440)), devices(device()), DAY))
    assert {name: row[name] for name in ("expected", "received", "valid", "on_time", "late")} == {
        "expected": 1440, "received": 1440, "valid": 1440, "on_time": 1440, "late": 0,
    }  # fmt: skip
    assert (row["hours_expected"], row["hours_returned"]) == (24, 24)
    assert (row["online_minutes"], row["in_service_minutes"]) == (1440, 1440)
    assert (row["vendor"], row["project_code"], row["registered"]) == ("maker", "P-A", True)
    assert row["mapping"] == "jiangsu/dust-reading@000000000000"


def test_a_slot_counts_once() -> None:
    """Several readings in one minute, doubles and amendments fill one slot; one good reading makes it valid."""
    rows = [
        reading("08:00:10", quality=4), reading("08:00:20", quality=1), reading("08:00:20", quality=1),
        reading("08:01:10", quality=3),
    ]  # fmt: skip
    row = one(upload_rates(readings(rows), devices(device()), DAY))
    assert (row["received"], row["valid"], row["expected"]) == (2, 1, 1440)


def test_late_uploads_are_received_and_counted_as_late() -> None:
    """Received within an hour is on time; later is late; after the ten days of repair it no longer counts."""
    rows = [
        reading("08:00", received_at=at("09:00")),
        reading("08:01", received_at=at("09:01:01")),
        reading("08:02", received_at=at("24:00") + timedelta(days=10)),
    ]
    row = one(upload_rates(readings(rows), devices(device()), DAY))
    assert (row["received"], row["on_time"], row["late"]) == (2, 1, 1)


@pytest.mark.parametrize(("came", "returned"), [(45, 1), (44, 0)])
def test_an_hour_is_returned_with_three_quarters_of_its_slots(came: int, returned: int) -> None:
    """45 of 60 slots return the hour, 44 do not."""
    row = one(upload_rates(readings(minutes("08:00", came)), devices(device()), DAY))
    assert (row["hours_returned"], row["hours_expected"]) == (returned, 24)


def test_service_begins_and_ends_within_the_day() -> None:
    """From installation to retirement; what is uploaded outside does not count."""
    register = devices(device(installed_at=at("10:00"), retired_at=at("20:30")))
    row = one(upload_rates(readings(minutes("00:00", 1440)), register, DAY))
    assert (row["expected"], row["received"], row["in_service_minutes"]) == (630, 630, 630)
    assert (row["hours_expected"], row["hours_returned"], row["online_minutes"]) == (11, 11, 630)


def test_a_device_that_is_stopped_is_due_until_then() -> None:
    """The register's state 'stopped' ends the service at the moment it holds from; the next day nothing is due."""
    stopped = device(state="stopped", observed_at=at("12:00"))
    assert one(upload_rates(readings([]), devices(stopped), DAY))["expected"] == 720
    assert upload_rates(readings([]), devices(stopped), DAY + timedelta(days=1)).is_empty()


def test_a_silent_device_is_listed_and_one_not_in_service_is_not() -> None:
    """No reading: received 0 of 288. Not yet installed, or no dust device: no row."""
    register = devices(
        device("A", expected_interval_s=300, installed_at=None),
        device("B", installed_at=at("24:00")),
        device("C", device_kind="camera"),
    )
    row = one(upload_rates(readings([]), register, DAY))
    assert (row["device_code"], row["expected"], row["received"], row["online_minutes"]) == ("A", 288, 0, 0)
    assert (row["hours_returned"], row["province"]) == (0, "jiangsu")


def test_a_device_that_is_not_registered_is_listed_without_an_expectation() -> None:
    """What it sent is counted against 60 s; expected, hours and service are null."""
    row = one(upload_rates(readings(minutes("08:00", 30, "X", vendor="acme")), devices(), DAY))
    assert (row["registered"], row["received"], row["interval_s"], row["vendor"]) == (False, 30, 60, "acme")
    assert row["expected"] is row["hours_expected"] is row["hours_returned"] is row["in_service_minutes"] is None


def test_the_running_day_is_judged_up_to_now() -> None:
    """At 06:00 a quarter of the day is due."""
    row = one(upload_rates(readings(minutes("00:00", 1440)), devices(device()), DAY, at("06:00")))
    assert (row["expected"], row["received"], row["hours_expected"], row["online_minutes"]) == (360, 360, 6, 360)


def test_online_until_three_intervals_after_the_last_reading() -> None:
    """Readings of 08:00 to 09:59 and one at 12:00 of a minute device: 119 + 3 + 3 minutes."""
    rows = [*minutes("08:00", 120), reading("12:00")]
    assert one(upload_rates(readings(rows), devices(device()), DAY))["online_minutes"] == 125


def test_valid_counts_what_holds() -> None:
    """An amendment to a bad value makes the slot invalid; an afternoon told as morning leaves the morning valid."""
    amended = [
        reading("10:00", pm10=50.0),
        reading("10:00", pm10=9e4, quality=4, quality_notes="pm10=range", source_offset=2**40),
    ]
    row = one(upload_rates(readings(amended), devices(device()), DAY))
    assert (row["received"], row["valid"]) == (1, 0)
    wrong: dict[str, Any] = {"quality": 3, "quality_notes": "observed_at=twelve_hours", "received_at": at("22:00:20")}
    row = one(
        upload_rates(
            readings([reading("10:00", pm10=50.0), reading("10:00", pm10=90.0, **wrong)]), devices(device()), DAY
        )
    )
    assert (row["received"], row["valid"], row["on_time"]) == (1, 1, 1)


def test_a_device_out_of_service_that_uploads_is_listed() -> None:
    """Retired or not yet installed, nothing is expected of it: a registered device with 0 of 0."""
    register = devices(
        device("A", state="retired", retired_at=at("00:00") - timedelta(days=5)), device("B", installed_at=at("30:00"))
    )
    rows = upload_rates(readings([*minutes("08:00", 60, "A"), *minutes("08:00", 60, "B")]), register, DAY)
    for row in rows.to_dicts():
        assert (row["registered"], row["expected"], row["received"], row["hours_expected"]) == (True, 0, 0, 0)
        assert (row["hours_returned"], row["online_minutes"], row["in_service_minutes"]) == (0, 0, 0)
    assert rows["device_code"].to_list() == ["A", "B"]


def test_an_interval_that_does_not_divide_the_hour() -> None:
    """Every 7 minutes from midnight: 206 slots begin in a day, whichever hour a reading comes in."""
    register = devices(device(expected_interval_s=420))
    late_in_slot = [reading(MIDNIGHT + timedelta(seconds=420 * n + 400)) for n in range(206)]
    row = one(upload_rates(readings(late_in_slot), register, DAY))
    assert (row["expected"], row["received"], row["hours_returned"]) == (206, 205, 24)


def test_rates_of_a_group_come_from_sums() -> None:
    """Half of 1,440 and all of 24 slots are 744 of 1,464, not 75 %; unregistered devices are counted beside."""
    register = devices(device("A"), device("B", expected_interval_s=3600))
    rows = [*minutes("00:00", 720, "A"), *minutes("00:00", 24, "B", step_s=3600), *minutes("00:00", 9, "X")]
    rates = upload_rates(readings(rows), register, DAY)
    row = one(roll_up(rates, ["province"]))
    assert (row["devices"], row["unregistered"], row["received"], row["expected"]) == (2, 1, 744, 1464)
    assert row["transmission_rate"] == pytest.approx(744 / 1464)
    assert row["effective_rate"] == pytest.approx(744 / 1464)
    assert row["validity_rate"] == 1.0
    assert one(roll_up(rates, []))["received"] == 744


def test_one_missed_slot_is_not_a_hundred_percent() -> None:
    """1,439 of 1,440 is below 1, and nothing expected gives no rate."""
    row = one(roll_up(upload_rates(readings(minutes("00:00", 1439)), devices(device()), DAY), []))
    assert float(str(row["transmission_rate"])) < 1
    assert one(roll_up(pl.DataFrame(schema=RATES), []))["transmission_rate"] is None


sent = st.lists(
    st.tuples(st.sampled_from("ABX"), st.integers(0, 86_399), st.sampled_from([1, 3, 4]), st.integers(0, 9000)),
    max_size=60,
)


@settings(max_examples=20, deadline=None)
@given(sent, st.sampled_from([60, 420, 7200]), st.integers(0, 86_400), st.integers(0, 86_400), st.integers(0, 1000))
def test_counts_keep_their_bounds_whatever_comes_in_whatever_order(
    uploads: list[tuple[str, int, int, int]], interval: int, began: int, ended: int, seed: int
) -> None:
    """0 ≤ valid ≤ received ≤ expected, on time + late = received, hours and minutes within service."""
    register = devices(
        device("A", expected_interval_s=interval),
        device("B", expected_interval_s=interval, installed_at=MIDNIGHT + timedelta(seconds=began),
               retired_at=MIDNIGHT + timedelta(seconds=ended)),
    )  # fmt: skip
    rows = [
        reading(observed, code, quality=quality, received_at=observed + timedelta(seconds=delay))
        for code, second, quality, delay in uploads
        for observed in [MIDNIGHT + timedelta(seconds=second)]
    ]
    rates = upload_rates(readings(rows), register, DAY)
    for row in rates.to_dicts():
        assert 0 <= row["valid"] <= row["received"]
        assert row["on_time"] + row["late"] == row["received"]
        if row["registered"]:
            assert row["received"] <= row["expected"]
            assert row["hours_returned"] <= row["hours_expected"] <= 24
            assert 0 <= row["online_minutes"] <= row["in_service_minutes"]
    random.Random(seed).shuffle(rows)
    assert rates.equals(upload_rates(readings(rows), register, DAY))
