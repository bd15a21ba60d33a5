"""A day looked at hour by hour, or device by device, gives the figures of a day looked at as a whole."""

from __future__ import annotations

import random
from datetime import timedelta
from typing import Any

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from pipelines.dust import readings as parts
from pipelines.dust.exceedance import exceedances, quarters_in_force
from pipelines.dust.gathered import gather
from pipelines.dust.hourly import device_hours
from pipelines.limits import Limits
from tests.pipelines.dust.frames import DAY, MIDNIGHT, device, devices, hours, projects, reading, readings


def day_of(code: str, interval: int, chance: random.Random) -> list[dict[str, Any]]:
    """A device's day with doubled, amended, late and missing readings, some at the end of their slot."""
    rows = []
    for number in range(24 * 3600 // interval):
        at = MIDNIGHT + timedelta(seconds=number * interval + chance.choice([0, 0, interval - 1]))
        values = {"pm10": chance.uniform(10, 90), "tsp": chance.uniform(300, 900), "noise": chance.uniform(50, 70)}
        sent = [reading(at, code, vendor=chance.choice(["acme", "other"]), **values)]
        if chance.random() < 0.2:
            later = at + timedelta(seconds=chance.choice([40, 5000]))
            sent.append(reading(at, code, **values | {"pm10": 1.0}, received_at=later, source_offset=number))
        rows += sent if chance.random() < 0.9 else []
    return rows


@pytest.mark.parametrize("interval", [60, 420, 1200, 7200])
def test_in_parts_is_the_same_as_at_once(interval: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Means, rates, exceedances, states; also of intervals that do not divide the hour, and of an unknown device."""
    chance = random.Random(interval)
    rows = [row for code in "ABX" for row in day_of(code, interval, chance)]
    chance.shuffle(rows)
    sent = readings(rows)
    register = devices(*(device(code, expected_interval_s=interval) for code in "AB"))

    def found(*bounds: str) -> list[pl.DataFrame]:
        limits = Limits.load()
        day = gather(sent.lazy(), register, DAY, None, quarters_in_force(limits, "jiangsu", DAY), bounds)
        above = exceedances(day.quarters, day.hours, register, projects(), hours(), limits, DAY)
        if not bounds:
            assert_frame_equal(device_hours(sent, register, DAY), day.hours, rel_tol=1e-12)
        return [day.hours, day.rates, above, day.states]

    whole = found()
    monkeypatch.setattr(parts, "AT_ONCE", 0)
    for part in (found(), found("B"), found("AB", "B", "C")):
        for table, same in zip(part, whole, strict=True):
            assert_frame_equal(table, same, rel_tol=1e-12)  # a power's last bit depends on its place in the column
    assert (whole[1]["received"] > 0).all()
    assert whole[0]["duplicates"].sum() > 0
    assert interval > 420 or whole[2].height > 0


def test_a_day_is_parted_between_dust_devices() -> None:
    """Cranes and cameras of the register, which send no dust readings, move no bound."""
    dust = [device(f"D{number}") for number in range(8)]
    others = [device(f"T{number}", device_kind="crane") for number in range(40)]
    bounds = parts.bounds_of(devices(*dust, *others), 4 * parts.AT_ONCE_BY_DEVICE)
    assert bounds == ["D2", "D4", "D6"]
