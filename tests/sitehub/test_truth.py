"""The figures made from the truth alone: what a wrong clock does to them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import polars as pl

from sitehub.truth import counted_slots, daily_pm10

MORNING = datetime(2026, 3, 1, 17, tzinfo=UTC)  # 01:00 local


def uploads(pm10: float, delay: timedelta, flags: str, sequence: int) -> list[dict[str, object]]:
    """Eleven hours of minutes."""
    return [
        {
            "province": "shanxi", "subject": "D1", "observed_at": at, "timestamp": int((at + delay).timestamp() * 1000),
            "registered": True, "interval_s": 60, "pm10": pm10, "flags": flags, "sequence": sequence + minute,
        }
        for minute in range(660)
        for at in [MORNING + timedelta(minutes=minute)]
    ]  # fmt: skip


def test_an_afternoon_told_as_morning_takes_nothing_from_the_morning() -> None:
    """The good morning keeps its slots and its mean, and nothing is a duplicate; a plain double is one."""
    morning = uploads(50.0, timedelta(seconds=20), "", 0)
    afternoon = uploads(90.0, timedelta(hours=12, seconds=20), "twelve_hours", 1000)
    double = [{**morning[0], "sequence": 5000}]
    told = pl.DataFrame(morning + afternoon + double)
    assert counted_slots(told).select("received", "duplicates").rows() == [(660, 1)]
    assert daily_pm10(told)["pm10"].to_list() == [50.0]
