"""Daily figures (日均值) of the devices or stations of one province and local day: the rows of dust_daily.

A daily mean is the mean of the valid hourly means, never of raw readings, and is not rounded here.
"""

from datetime import date, timedelta

import polars as pl

from pipelines.dust.aqi import with_index
from pipelines.dust.hourly import GASES
from pipelines.dust.observations import AGE, distinct
from pipelines.dust.readings import HOUR, TIME, between, day_end, energy_mean, good, in_repair, midnight, versions
from pipelines.dust.validity import GAS_HOURS, OZONE_HOURS, OZONE_WINDOW, OZONE_WINDOWS, VALID_HOURS
from pipelines.limits import Limits

PARAMETERS = ("pm2_5", "pm10", "tsp")
DAY_BEGINS, NIGHT_BEGINS, NIGHT_ENDS = timedelta(hours=6), timedelta(hours=22), timedelta(hours=30)
"""Noise day 06:00–22:00, night 22:00–06:00, counted from local midnight of the day the night begins on (GB 12523)."""
ONLY_PM = "；仅颗粒物"
"""Sites measure no gases: their index is of particulates alone, and says so beside the standard."""

DAILY = pl.Schema(
    {
        **dict.fromkeys(("province", "day", "subject", "device_code", "project_code"), pl.String()),
        **{
            column: dtype
            for p in PARAMETERS
            for column, dtype in (
                (p, pl.Float64()),
                (f"{p}_hours", pl.Int64()),
                (f"{p}_valid", pl.Boolean()),
                (f"{p}_reported", pl.Float64()),
            )
        },
        "noise_day": pl.Float64(),
        "noise_day_hours": pl.Int64(),
        "noise_night": pl.Float64(),
        "noise_night_hours": pl.Int64(),
        "aqi": pl.Int64(),
        "primary_pollutant": pl.String(),
        "aqi_standard": pl.String(),
        "readings": pl.Int64(),
        "duplicates": pl.Int64(),
        "mapping": pl.String(),
    }
)


def daily_means(
    hours: pl.DataFrame,
    next_morning: pl.DataFrame,
    reported: pl.DataFrame,
    subject: str,
    devices: pl.DataFrame,
    day: date,
    limits: Limits,
) -> pl.DataFrame:
    """One row per device (subject 'device') or station ('station') that has hours or a day value of its own.

    hours, next_morning: rows of dust_hourly of the day and of the next one (its hours before 06:00 end the night);
    reported: canonical readings of the day that carry the subject's own day values, dust readings of period 'day' or
    the stations' published running means; devices: register (device_code, project_code), empty for stations.
    """
    sums = hours.group_by("province", "device_code", maintain_order=True).agg(
        *[expression for p in PARAMETERS for expression in _mean(p)],
        *[_gas(gas) for gas in GASES],
        pl.col("readings").sum(),
        pl.col("duplicates").sum(),
        versions(),
    )
    own = _reported(reported, subject, day)
    frame = (
        sums.join(own, on=["province", "device_code"], how="full", coalesce=True)
        .join(_ozone(hours, day), on="device_code", how="left")
        .join(_noise(hours, next_morning, day), on="device_code", how="left")
        .join(devices.select("device_code", "project_code").unique("device_code"), on="device_code", how="left")
        .with_columns(mapping=pl.coalesce("mapping", "reported_mapping"))
        .with_columns(
            *[pl.col(f"{p}_valid").fill_null(False) for p in PARAMETERS],
            pl.col("^.*_hours$", "readings", "duplicates").fill_null(0),
            day=pl.lit(day.isoformat()),
            subject=pl.lit(subject),
        )
    )
    return _indexed(frame, subject, day, limits).select(*DAILY).cast(DAILY).sort("device_code")


def noise_leq(hours: pl.DataFrame, day: date) -> pl.DataFrame:
    """Day and night Leq from valid hours of the day and of the next morning: device_code, noise_day, noise_night and
    the number of hours behind each (16 and 8 when complete)."""
    start = midnight(day)
    valid = hours.filter("noise_valid").rename({"hour_start": "observed_at"}).sort("device_code", "observed_at")
    by_day = valid.filter(between(start + DAY_BEGINS, start + NIGHT_BEGINS))
    by_night = valid.filter(between(start + NIGHT_BEGINS, start + NIGHT_ENDS))
    parts = [
        part.group_by("device_code", maintain_order=True).agg(
            energy_mean(pl.col("noise")).alias(name), pl.len().cast(pl.Int64).alias(f"{name}_hours")
        )
        for name, part in (("noise_day", by_day), ("noise_night", by_night))
    ]
    return parts[0].join(parts[1], on="device_code", how="full", coalesce=True)


def _noise(hours: pl.DataFrame, next_morning: pl.DataFrame, day: date) -> pl.DataFrame:
    columns = ["device_code", "hour_start", "noise", "noise_valid"]
    return noise_leq(pl.concat([hours.select(columns), next_morning.select(columns)]), day)


def _mean(parameter: str) -> list[pl.Expr]:
    valid = pl.col(f"{parameter}_valid")
    count = valid.sum().cast(pl.Int64)
    return [
        pl.col(parameter).filter(valid).mean(),
        count.alias(f"{parameter}_hours"),
        (count >= VALID_HOURS[parameter]).alias(f"{parameter}_valid"),
    ]


def _gas(name: str) -> pl.Expr:
    """The 24-hour mean of a gas, of O3 the greatest hour; null with too few hours."""
    figure = pl.col(name).max() if name == "o3" else pl.col(name).mean()
    return pl.when(pl.col(name).count() >= GAS_HOURS).then(figure).alias(name)


def _ozone(hours: pl.DataFrame, day: date) -> pl.DataFrame:
    """device_code, o3_8h: greatest 8-hour mean (臭氧日最大8小时), null when too few are valid."""
    number = (pl.col("hour_start") - pl.lit(midnight(day), TIME)).dt.total_hours()
    windows = []
    for first in range(24 - OZONE_WINDOW + 1):
        values = pl.col("o3").filter(number.is_between(first, first + OZONE_WINDOW, closed="left"))
        windows.append(pl.when(values.count() >= OZONE_HOURS).then(values.mean()).alias(f"window_{first}"))
    means = hours.group_by("device_code").agg(windows)
    valid = pl.sum_horizontal(pl.col("^window_.*$").is_not_null())
    greatest = pl.max_horizontal("^window_.*$")
    return means.select("device_code", o3_8h=pl.when(valid >= OZONE_WINDOWS).then(greatest))


def _reported(readings: pl.DataFrame, subject: str, day: date) -> pl.DataFrame:
    """province, device_code, <p>_reported, reported_mapping: day values as the subject itself gives them."""
    start = midnight(day)
    if subject == "station":  # the running 24-hour means published with the day's last hour
        source = {p: f"{p}_24h" for p in PARAMETERS if f"{p}_24h" in readings.columns}
        rows = readings.filter(between(start + 23 * HOUR, day_end(day)))
    else:
        source = {p: p for p in PARAMETERS}
        rows = readings.filter(pl.col("period") == "day", between(start, day_end(day)), in_repair(day))
    whole = distinct(rows)
    notes = whole["quality_notes"].unique()
    values = [pl.when(good(column, notes)).then(pl.col(column)).alias(f"{p}_reported") for p, column in source.items()]
    absent = [pl.lit(None, pl.Float64).alias(f"{p}_reported") for p in PARAMETERS if p not in source]
    return (
        whole.sort(*AGE)
        .unique("device_code", keep="last", maintain_order=True)
        .select("province", "device_code", *values, *absent, reported_mapping=pl.col("mapping"))
    )


def _indexed(frame: pl.DataFrame, subject: str, day: date, limits: Limits) -> pl.DataFrame:
    """Adds aqi, primary_pollutant, aqi_standard, from valid daily means only."""
    index = limits.index_on(day)
    if index is None:
        return with_index(frame, {}, ()).with_columns(aqi_standard=pl.lit(None, pl.String))
    means = {p: frame[p] for p in PARAMETERS}
    valid = frame.with_columns(pl.when(f"{p}_valid").then(p).alias(p) for p in PARAMETERS)
    points = index.day if subject == "station" else {p: index.day[p] for p in ("pm2_5", "pm10")}
    label = index.label if subject == "station" else index.label + ONLY_PM
    rated = with_index(valid, points, index.index).with_columns(means.values())
    return rated.with_columns(aqi_standard=pl.when(pl.col("aqi").is_not_null()).then(pl.lit(label)))
