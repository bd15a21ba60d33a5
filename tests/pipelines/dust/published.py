"""The published hours of 47 national control stations in 2019 (44 of them with PM values), where they are at hand."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import polars as pl
import pytest

from pipelines.rounding import rounded

FILE = (
    Path(__file__).resolve().parents[4] / "shared" / "data" / "stations" / "cnemc_hourly_2019_five_cities_long.csv.gz"
)
NAMES = {
    "PM2.5": "pm2_5", "PM10": "pm10", "SO2": "so2", "NO2": "no2", "O3": "o3", "CO": "co",
    "AQI": "aqi", "PM2.5_24h": "pm2_5_24h", "PM10_24h": "pm10_24h",
}  # fmt: skip
UNREAL = {"source_topic": "raw.national.station-reading", "province": "national", "period": "hour", "mapping": "m"}


@cache
def station_days() -> dict[str, pl.DataFrame]:
    """Canonical station readings by local day. The label h names the mean of [h-1, h): observed_at is its start."""
    if not FILE.exists():
        pytest.skip(f"the published hours of 2019 are not at hand ({FILE.name})")
    raw = pl.read_csv(FILE, schema_overrides=dict.fromkeys(NAMES, pl.Float64)).rename(NAMES)
    label = pl.col("date").cast(pl.String).str.to_datetime("%Y%m%d", time_unit="ms") + pl.duration(hours="hour")
    local = (label - pl.duration(hours=1)).dt.replace_time_zone("Asia/Shanghai")
    canonical = raw.select(
        *NAMES.values(),
        *[pl.lit(value).alias(name) for name, value in UNREAL.items()],
        pl.lit(None, pl.String).alias("quality_notes"),
        pl.lit(0).alias("source_partition"),
        pl.int_range(pl.len()).alias("source_offset"),
        device_code="station",
        day=local.dt.strftime("%Y-%m-%d"),
        observed_at=local.dt.convert_time_zone("UTC"),
        received_at=local.dt.convert_time_zone("UTC") + pl.duration(minutes=90),
    )
    return {str(key[0]): frame for key, frame in canonical.partition_by("day", as_dict=True).items()}


def as_published(means: pl.Series) -> pl.Series:
    """Means as whole numbers, ties to even, the way they are printed; nulls stay null."""
    return pl.Series([None if mean is None else float(rounded(mean)) for mean in means], dtype=pl.Float64)
