"""What goes wrong between a device and the hub 上传故障: outages, doubles, amendments, broken sensors, wrong clocks.

Every function takes readings with `timestamp` (moment of receipt) and `flags` (text, joined by ';') and returns the
same, more or fewer rows. Shares are small: a day of fifteen devices has some tens of each.
"""

import numpy as np
import polars as pl

from simulation.spec import LOCAL

RANGE_VALUE = 60000.0  # ug/m3: beyond what any dust instrument measures
SENTINEL_SHARE, RANGE_SHARE, ORDER_SHARE, DOUBLED_SHARE, AMENDED_SHARE = 0.002, 0.001, 0.001, 0.004, 0.0015


def sent(readings: pl.DataFrame, rng: np.random.Generator) -> pl.DataFrame:
    """Readings as a sound link sends them: a few seconds after their minute (or five) is over."""
    delay = pl.duration(milliseconds=pl.lit(pl.Series(rng.integers(2_000, 20_000, readings.height))))
    end = pl.col("observed_at") + pl.duration(seconds=pl.col("interval_s"))
    return readings.with_columns((end + delay).alias("timestamp"), pl.lit("").alias("flags"))


def outages(readings: pl.DataFrame, rng: np.random.Generator) -> pl.DataFrame:
    """On some days a stretch of a device is lost (gap 缺传), on some one is kept and sent afterwards (stored 补传)."""
    day = pl.col("observed_at").dt.convert_time_zone(str(LOCAL)).dt.date()
    days = readings.select("device", day.alias("day")).unique(maintain_order=True)
    hour = rng.uniform(0.5, 9.5, (2, days.height)) + np.array([[0.0], [11.0]])
    minutes = np.stack([rng.integers(5, 60, days.height), rng.integers(70, 150, days.height)])
    minutes *= np.stack([rng.random(days.height) < 0.5, rng.random(days.height) < 0.3])
    plan = days.with_columns(
        pl.Series(f"{name}_{edge}", hour[i] + (minutes[i] / 60 if edge == "end" else 0))
        for i, name in enumerate(("gap", "stored"))
        for edge in ("began", "end")
    )
    local = pl.col("observed_at").dt.convert_time_zone(str(LOCAL))
    clock = (local - local.dt.truncate("1d")).dt.total_seconds() / 3600
    joined = readings.with_columns(day.alias("day")).join(plan, on=["device", "day"], how="left", maintain_order="left")
    kept = joined.filter(~clock.is_between("gap_began", "gap_end", closed="left"))
    stored = clock.is_between("stored_began", "stored_end", closed="left")
    wait = pl.duration(seconds=(pl.col("stored_end") - clock) * 3600)
    return kept.with_columns(
        pl.when(stored)
        .then(pl.col("timestamp") + wait)
        .otherwise("timestamp")
        .dt.cast_time_unit("ms")
        .alias("timestamp"),
        pl.when(stored).then(_flagged("stored")).otherwise("flags").alias("flags"),
    ).select(readings.columns)


def broken_sensors(readings: pl.DataFrame, rng: np.random.Generator) -> pl.DataFrame:
    """Some readings hold no measurement (sentinel), one that cannot be (range), or PM2.5 above PM10 (order)."""
    dice = pl.Series(rng.random(readings.height))
    edges = np.cumsum([SENTINEL_SHARE, RANGE_SHARE, ORDER_SHARE])
    rows = readings.with_columns(dice.alias("dice"))
    is_range = pl.col("dice").is_between(edges[0], edges[1], closed="left")
    is_order = pl.col("dice").is_between(edges[1], edges[2], closed="left")
    flag = pl.when(pl.col("dice") < edges[0]).then(_flagged("sentinel")).when(is_range).then(_flagged("range"))
    return rows.with_columns(
        pl.when(is_range).then(RANGE_VALUE).otherwise("pm10").alias("pm10"),
        pl.when(is_range).then(RANGE_VALUE).otherwise("tsp").alias("tsp"),
        pl.when(is_order).then((pl.col("pm10") * 1.8 + 40).round(1)).otherwise("pm2_5").alias("pm2_5"),
        flag.when(is_order).then(_flagged("order")).otherwise("flags").alias("flags"),
    ).drop("dice")


def repeats(readings: pl.DataFrame, rng: np.random.Generator) -> pl.DataFrame:
    """Some uploads come twice (doubled), some again later with another value (amended)."""
    sound = readings.filter(pl.col("flags") == "")
    dice = pl.Series(rng.random(sound.height))
    doubled = sound.filter(dice < DOUBLED_SHARE)
    amended = sound.filter((dice >= DOUBLED_SHARE) & (dice < DOUBLED_SHARE + AMENDED_SHARE))
    soon = pl.duration(milliseconds=pl.lit(pl.Series(rng.integers(200, 20_000, doubled.height))))
    later = pl.duration(seconds=pl.lit(pl.Series(rng.integers(300, 5_400, amended.height))))
    lower = [(pl.col(name) * 0.9).round(1) for name in ("pm2_5", "pm10", "tsp")]
    return pl.concat(
        [
            readings,
            doubled.with_columns(pl.col("timestamp") + soon, _flagged("doubled").alias("flags")),
            amended.with_columns(*lower, pl.col("timestamp") + later, _flagged("amended").alias("flags")),
        ]
    )


def twelve_hour_clock(readings: pl.DataFrame) -> pl.DataFrame:
    """Devices that print hours as 01 to 12: afternoons read as mornings, the hour after midnight as noon."""
    local = pl.col("observed_at").dt.convert_time_zone(str(LOCAL))
    shift = pl.when(local.dt.hour() > 12).then(-12).when(local.dt.hour() == 0).then(12).otherwise(0)
    wrong = shift != 0
    return readings.with_columns(
        pl.when(wrong)
        .then(pl.col("observed_at") + pl.duration(hours=shift))
        .otherwise("observed_at")
        .alias("observed_at"),
        pl.when(wrong).then(_flagged("twelve_hours")).otherwise("flags").alias("flags"),
    )


def _flagged(flag: str) -> pl.Expr:
    return pl.when(pl.col("flags") == "").then(pl.lit(flag)).otherwise(pl.col("flags") + pl.lit(f";{flag}"))
