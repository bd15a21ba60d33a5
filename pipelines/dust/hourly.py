"""Hourly means (小时均值) of one province and local day: the rows of dust_hourly.

The hour h covers [h, h+1). Columns: see HOURS. A mean that is not valid is kept with its count and marked.
"""

from collections.abc import Sequence
from datetime import date

import polars as pl

from pipelines.dust.aqi import with_index
from pipelines.dust.observations import distinct, observations
from pipelines.dust.readings import (
    TIME,
    between,
    day_end,
    each,
    energy_mean,
    good,
    measured_in_parts,
    midnight,
    new_run,
    slot,
    versions,
    with_interval,
)
from pipelines.dust.validity import VALID_MINUTES
from pipelines.limits import Limits

PARAMETERS = ("pm2_5", "pm10", "tsp", "noise")
WEATHER = ("temperature", "humidity", "pressure", "wind_speed")
HOUR_OF_DEVICE = ("device_code", "hour_start")
GASES = ("so2", "no2", "o3", "co")

HOURS = pl.Schema(
    {
        "province": pl.String(),
        "day": pl.String(),
        "hour_start": TIME,
        "device_code": pl.String(),
        **{
            column: dtype
            for p in PARAMETERS
            for column, dtype in ((p, pl.Float64()), (f"{p}_n", pl.Int64()), (f"{p}_valid", pl.Boolean()))
        },
        "readings": pl.Int64(),
        "duplicates": pl.Int64(),
        **dict.fromkeys((*WEATHER, *GASES), pl.Float64()),
        "aqi": pl.Int64(),
        "primary_pollutant": pl.String(),
        "station_name": pl.String(),
        "adcode": pl.String(),
        "longitude": pl.Float64(),
        "latitude": pl.Float64(),
        "mapping": pl.String(),
    }
)


def device_hours(readings: pl.DataFrame | pl.LazyFrame, devices: pl.DataFrame, day: date) -> pl.DataFrame:
    """Hours of the dust devices of one province.

    readings: canonical dust readings of the day (others are left out); devices: the device register (device_code,
    expected_interval_s). A device that is not registered is taken to be due every 60 s.
    """
    looked_at = readings.lazy().drop("adcode", "vendor", "project_code", strict=False)
    parts = (observations(part.collect(engine="streaming")) for _, part in measured_in_parts(looked_at, day))
    return finished([means(observed.rows, devices, day) for observed in parts], day)


def station_hours(readings: pl.DataFrame | pl.LazyFrame, day: date, limits: Limits | None = None) -> pl.DataFrame:
    """Hours of the control stations: the published hourly values as they are, and the index computed from them.

    readings: canonical station readings; only period 'hour' counts. A value is valid when it is there and not out of
    range, whenever it was received: what a publisher amends is never too late. The stations are in no register: their
    names and places (station_name, adcode, longitude, latitude) come along. The index tables default to the configured.
    """
    whole = between(midnight(day), day_end(day))
    published = distinct(readings.lazy().filter(whole, pl.col("period") == "hour").collect())
    notes = published["quality_notes"].unique()
    frame = (
        published.with_columns(pl.when(good(p, notes)).then(pl.col(p)).alias(p) for p in ("pm2_5", "pm10", *GASES))
        .with_columns(
            pl.lit(None, pl.Float64).alias("tsp"),
            pl.lit(None, pl.Float64).alias("noise"),
            *[pl.lit(None, pl.Float64).alias(name) for name in WEATHER],
            hour_start=pl.col("observed_at").dt.truncate("1h"),
            readings=pl.lit(1, pl.Int64),
        )
        .with_columns(_counted(p) for p in PARAMETERS)
        .with_columns(pl.col(p).is_not_null().alias(f"{p}_valid") for p in PARAMETERS)
    )
    index = (limits or Limits.load()).index_on(day)
    return _finished(
        with_index(frame.drop("aqi", strict=False), index.hour if index else {}, index.index if index else ()), day
    )


def _counted(parameter: str) -> pl.Expr:
    return pl.col(parameter).is_not_null().cast(pl.Int64).alias(f"{parameter}_n")


def means(readings: pl.DataFrame, devices: pl.DataFrame, day: date) -> pl.DataFrame:
    """The means of whole hours, of the rows of `observations`. In their order, no sum depends on that of arrival."""
    notes = readings["quality_notes"].unique()
    named = ("province", "device_code", "observed_at", "mapping", "duplicates")
    values = [pl.when(good(name, notes)).then(name).alias(name) for name in (*PARAMETERS, *WEATHER)]
    rows = with_interval(readings.select(*named, *values), devices).with_columns(
        slot=slot(day), hour_start=pl.col("observed_at").dt.truncate("1h")
    )
    one_a_slot = bool(rows.select(new_run(*HOUR_OF_DEVICE, "slot").all()).item())
    return each(
        rows,
        HOUR_OF_DEVICE,
        pl.col("province").first(),
        *[expression for p in PARAMETERS for expression in _mean(p, one_a_slot)],
        *[pl.col(name).mean() for name in WEATHER],
        readings=pl.len().cast(pl.Int64),
        duplicates=pl.col("duplicates").sum(),
        mapping=versions(mappings=readings["mapping"]),
    ).cast({"device_code": pl.String})


def _mean(parameter: str, one_a_slot: bool) -> list[pl.Expr]:
    """The mean of the good readings, their number, and whether their slots make up 45 minutes."""
    values = pl.col(parameter)
    mean = energy_mean(values) if parameter == "noise" else values.mean()
    slots = values.count() if one_a_slot else pl.col("slot").filter(values.is_not_null()).n_unique()
    return [
        mean.alias(parameter),
        values.count().cast(pl.Int64).alias(f"{parameter}_n"),
        (slots.cast(pl.Int64) * pl.col("interval_s").first() >= VALID_MINUTES * 60).alias(f"{parameter}_valid"),
    ]


def number_of_hour(day: date) -> pl.Expr:
    """Number of the local day's hour, from 0, in which a reading was observed."""
    return (pl.col("observed_at") - pl.lit(midnight(day), TIME)).dt.total_hours()


def finished(parts: Sequence[pl.DataFrame], day: date) -> pl.DataFrame:
    """The hours of a day from the `means` of its parts, at least one."""
    return _finished(pl.concat(parts), day)


def _finished(frame: pl.DataFrame, day: date) -> pl.DataFrame:
    """The columns of HOURS, in order, sorted; what a device does not have is null."""
    missing = [pl.lit(None, dtype).alias(name) for name, dtype in HOURS.items() if name not in frame.columns]
    return (
        frame.with_columns(*missing)
        .with_columns(day=pl.lit(day.isoformat()))
        .select(*HOURS)
        .cast(HOURS)
        .sort("device_code", "hour_start")
    )
