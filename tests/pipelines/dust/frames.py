"""Small canonical frames for the tests of the rules: what is not named is null."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any

import polars as pl

from pipelines.dust.gathered import gather
from pipelines.dust.hourly import HOURS

DAY = date(2026, 3, 2)
MIDNIGHT = datetime(2026, 3, 1, 16, tzinfo=UTC)
"""Local midnight of DAY."""
TIME = pl.Datetime("ms", "UTC")
MEASURES = (
    "pm2_5", "pm10", "tsp", "noise", "temperature", "humidity", "pressure", "wind_speed",
    "so2", "no2", "o3", "co", "pm2_5_24h", "pm10_24h", "longitude", "latitude",
)  # fmt: skip
READING = pl.Schema(
    {
        **dict.fromkeys(
            (
                "province", "adcode", "vendor", "project_code", "device_code", "quality_notes", "source_topic",
                "mapping", "period", "station_name", "city",
            ),
            pl.String(),
        ),
        "observed_at": TIME,
        "received_at": TIME,
        "quality": pl.Int32(),
        "source_partition": pl.Int32(),
        "source_offset": pl.Int64(),
        **dict.fromkeys(MEASURES, pl.Float64()),
    }
)  # fmt: skip
DEVICE = pl.Schema(
    {
        **dict.fromkeys(
            ("province", "device_code", "project_code", "adcode", "device_vendor", "device_kind", "state"), pl.String()
        ),
        "expected_interval_s": pl.Int32(),
        **dict.fromkeys(("installed_at", "retired_at", "observed_at"), TIME),
        **dict.fromkeys(("longitude", "latitude"), pl.Float64()),
    }
)
PROJECT = pl.Schema(
    {
        **dict.fromkeys(("project_code", "adcode", "phase"), pl.String()),
        **dict.fromkeys(("longitude", "latitude"), pl.Float64()),
    }
)


def at(clock: str) -> datetime:
    """Local time of DAY as an instant: '13:05', '25:00' is one o'clock of the next day."""
    parts = [int(part) for part in clock.split(":")]
    return MIDNIGHT + timedelta(hours=parts[0], minutes=parts[1], seconds=parts[2] if len(parts) > 2 else 0)


def reading(clock: str | datetime, device: str = "A", **fields: Any) -> dict[str, Any]:
    """One accepted minute reading, received 20 s after observation unless `received_at` says otherwise."""
    observed = at(clock) if isinstance(clock, str) else clock
    return {
        "province": "jiangsu",
        "device_code": device,
        "observed_at": observed,
        "received_at": observed + timedelta(seconds=20),
        "period": "minute",
        "quality": 1,
        "source_topic": "raw.jiangsu.dust-reading",
        "source_partition": 0,
        "source_offset": int(observed.timestamp()),
        "mapping": "jiangsu/dust-reading@000000000000",
    } | fields


def minutes(clock: str, count: int, device: str = "A", step_s: int = 60, **fields: Any) -> list[dict[str, Any]]:
    """`count` readings from a local time on, one every `step_s` seconds."""
    return [reading(at(clock) + timedelta(seconds=step_s * number), device, **fields) for number in range(count)]


def readings(rows: Sequence[Mapping[str, Any]]) -> pl.DataFrame:
    """Rows as a frame of canonical readings."""
    return pl.DataFrame(list(rows), schema=READING)


def device(code: str = "A", **fields: Any) -> dict[str, Any]:
    """A registered dust device in service for a long time, due every minute."""
    return {
        "province": "jiangsu",
        "device_code": code,
        "project_code": f"P-{code}",
        "adcode": "320102",
        "device_vendor": "maker",
        "device_kind": "dust",
        "state": "in_service",
        "expected_interval_s": 60,
        "installed_at": MIDNIGHT - timedelta(days=30),
        "observed_at": MIDNIGHT - timedelta(days=30),
    } | fields


def devices(*rows: dict[str, Any]) -> pl.DataFrame:
    """Rows as a device register."""
    return pl.DataFrame(list(rows), schema=DEVICE)


def projects(*rows: dict[str, Any]) -> pl.DataFrame:
    """Rows as a project register."""
    return pl.DataFrame(list(rows), schema=PROJECT)


def hour(number: int, device: str = "A", **fields: Any) -> dict[str, Any]:
    """One row of dust_hourly, hour `number` of DAY (24 and more: the next day); a value given is valid."""
    start = at(f"{number}:00")
    valid = {f"{p}_valid": fields.get(p) is not None for p in ("pm2_5", "pm10", "tsp", "noise")}
    return {
        "province": "jiangsu",
        "day": (DAY + timedelta(days=number // 24)).isoformat(),
        "hour_start": start,
        "device_code": device,
        "readings": 60,
        "duplicates": 0,
        "mapping": "m",
        **valid,
    } | fields


def hours(*rows: dict[str, Any]) -> pl.DataFrame:
    """Rows as dust_hourly."""
    return pl.DataFrame(list(rows), schema=HOURS)


def upload_rates(
    sent: pl.DataFrame | pl.LazyFrame, register: pl.DataFrame, day: date, as_of: datetime | None = None
) -> pl.DataFrame:
    """The rates of one look at the day, which is how the hub makes them."""
    return gather(sent.lazy(), register, day, as_of, ()).rates
