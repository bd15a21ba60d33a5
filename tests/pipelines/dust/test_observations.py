"""One reading per observation: parts are put together, amendments replace, a certain time wins."""

from __future__ import annotations

import random
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.dust.hourly import device_hours
from pipelines.dust.observations import distinct
from tests.pipelines.dust.frames import DAY, at, device, devices, minutes, reading, readings

WRONG_CLOCK = "observed_at=twelve_hours"


def held(*rows: dict[str, Any]) -> dict[str, Any]:
    """What uploads of one observation say together, in whatever order they lie."""
    frame = distinct(readings(rows))
    assert frame.height == 1
    assert frame.equals(distinct(readings(rows[::-1])))
    return frame.row(0, named=True)


def later(number: int = 1, **fields: Any) -> dict[str, Any]:
    """Another upload of 08:00, received `number` minutes after the first one."""
    return reading("08:00", received_at=at("08:01") + timedelta(minutes=number), source_offset=number, **fields)


def test_messages_of_different_parameters_are_parts_of_one_reading() -> None:
    """Noise and dust in messages of their own: all values count, and nothing is a duplicate."""
    noise, dust = minutes("08:00", 60, noise=61.0), minutes("08:00", 60, pm10=60.0, pm2_5=30.0)
    dust = [row | {"received_at": row["received_at"] + timedelta(seconds=5)} for row in dust]
    row = device_hours(readings([*noise, *dust]), devices(device()), DAY).row(0, named=True)
    assert (row["noise_n"], row["pm10_n"], row["readings"], row["duplicates"]) == (60, 60, 60, 0)
    assert row["noise"] == pytest.approx(61.0)
    assert row["pm10"] == 60.0


def test_an_amendment_of_one_parameter_leaves_the_others() -> None:
    """The superseded upload counts as the duplicate, the values it still gives count."""
    row = held(reading("08:00", pm10=10.0, noise=61.0, mapping="a"), later(pm10=20.0, mapping="b"))
    assert (row["pm10"], row["noise"], row["duplicates"], row["mapping"]) == (20.0, 61.0, 1, "a;b")
    parts = held(reading("08:00", quality=9), later(1, noise=61.0), later(2, pm10=10.0), later(3, quality=9))
    assert (parts["pm10"], parts["noise"], parts["duplicates"]) == (10.0, 61.0, 2)  # two said nothing
    assert held(reading("08:00", quality=9), later(quality=9))["duplicates"] == 1
    doubled = held(reading("08:00", pm10=10.0), later(1, pm10=10.0), later(2, pm10=10.0, mapping="b"))
    assert (doubled["duplicates"], doubled["mapping"]) == (2, "b")


def test_a_note_says_something_too() -> None:
    """That a value was not measured amends it; a message without the parameter does not."""
    assert held(reading("08:00", pm10=10.0), later(quality=9, quality_notes="pm10=sentinel"))["pm10"] is None
    assert held(reading("08:00", pm10=10.0), later(quality=9))["pm10"] == 10.0


def test_notes_and_quality_are_those_of_what_holds() -> None:
    """A value out of range that was amended no longer spoils the reading; one that was not still does."""
    bad: dict[str, Any] = {"quality": 4, "quality_notes": "pm10=range;noise=sentinel;json=unknown_keys"}
    mended = held(reading("08:00", pm10=99999.0, **bad), later(pm10=10.0))
    assert (mended["pm10"], mended["quality"], mended["quality_notes"]) == (10.0, 1, "noise=sentinel")
    kept = held(reading("08:00", pm10=99999.0, **bad), later(noise=61.0))
    assert (kept["pm10"], kept["quality"], kept["quality_notes"]) == (99999.0, 4, "pm10=range")
    assert held(reading("08:00", quality=9), later(quality=9))["quality"] == 9


def test_a_certain_time_wins_over_one_twelve_hours_off() -> None:
    """An afternoon told as morning and received later neither replaces the morning nor is its duplicate."""
    row = held(reading("08:00", pm10=10.0), later(720, pm10=90.0, noise=70.0, quality=3, quality_notes=WRONG_CLOCK))
    assert (row["pm10"], row["noise"], row["quality"], row["duplicates"]) == (10.0, None, 1, 0)


def test_among_uncertain_times_the_last_holds() -> None:
    """Where no upload has a certain time, they are doubles like others, and stay suspect."""
    wrong: dict[str, Any] = {"quality": 3, "quality_notes": WRONG_CLOCK}
    row = held(reading("08:00", pm10=10.0, **wrong), later(pm10=90.0, **wrong))
    assert (row["pm10"], row["quality"], row["quality_notes"], row["duplicates"]) == (90.0, 3, WRONG_CLOCK, 1)


def test_an_instant_and_a_minute_value_of_one_time_are_one_reading() -> None:
    """They would else weigh twice in the mean of the hour."""
    row = held(reading("08:00", pm10=10.0), later(pm10=20.0, period="instant"))
    assert (row["pm10"], row["duplicates"]) == (20.0, 1)


values = st.one_of(st.none(), st.sampled_from([1.0, 2.0, 3.0]))
notes = st.sampled_from([None, "pm10=sentinel", "noise=range", WRONG_CLOCK, "observed_at=arrival;pm10=range"])


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 3), values, values, notes), max_size=12), st.integers(0, 99))
def test_the_order_of_rows_changes_nothing(sent: list[tuple[int, Any, Any, str | None]], seed: int) -> None:
    """One row per time, at most one reading or duplicate per upload, and the same whatever the order of rows."""
    rows = [
        reading(
            at("08:00") + timedelta(minutes=minute), pm10=pm10, noise=noise, quality_notes=note, source_offset=number
        )
        for number, (minute, pm10, noise, note) in enumerate(sent)
    ]
    merged = distinct(readings(rows))
    assert merged["observed_at"].is_unique().all()
    assert merged.height == len({minute for minute, *_ in sent})
    assert merged.height + merged["duplicates"].sum() <= len(rows)
    random.Random(seed).shuffle(rows)
    assert merged.equals(distinct(readings(rows)))


def test_an_upload_that_says_nothing_beside_one_that_does_is_a_duplicate() -> None:
    """A message without any value adds nothing, whether it came first or last."""
    assert held(reading("08:00", pm10=60.0), later())["duplicates"] == 1
    assert held(reading("08:00"), later(pm10=60.0))["duplicates"] == 1
    assert held(reading("08:00"), later(), later(2))["duplicates"] == 2
