"""Jiangsu 江苏: filing number and authority, pm2dot5, moniterTime [sic], Chinese wind points, one link in mg/m3."""

import polars as pl

from simulation.dialects.words import POINTS_16_ZH, coded, local_text, wind_point

PHASES = {"demolition": "拆除", "earthwork": "土石方", "structure": "主体", "finishing": "装饰"}


def site() -> list[pl.Expr]:
    """recordNumber and belongedTo: the two halves of the project's code."""
    halves = pl.col("project_code").str.split_exact("-", 1)
    return [halves.struct.field("field_0").alias("recordNumber"), halves.struct.field("field_1").alias("belongedTo")]


def project(frame: pl.DataFrame) -> pl.DataFrame:
    """raw.jiangsu.project."""
    return frame.select(
        *site(),
        pl.col("name").alias("projectName"),
        pl.col("adcode").alias("areaCode"),
        pl.when("building").then(pl.lit("房屋建筑")).otherwise(pl.lit("市政")).alias("projectType"),
        "longitude",
        "latitude",
        pl.col("owner").alias("ownerName"),
        pl.col("owner_uscc").alias("ownerCreditcode"),
        pl.col("contractor").alias("companyName"),
        pl.col("contractor_uscc").alias("unifiedSocialCreditcode"),
        pl.col("supervisor").alias("supervisionName"),
        pl.col("supervisor_uscc").alias("supervisionCreditcode"),
        pl.col("area_m2").alias("projectAcreage"),
        (pl.col("cost_yuan") / 10_000).alias("projectPrice"),
        local_text("ends", "%Y-%m-%d").alias("planEndDate"),
        local_text("began", "%Y-%m-%d").alias("startDate"),
        "progress",
        pl.lit("在建").alias("projectState"),
        coded("phase", PHASES).alias("projectPhase"),
        local_text("began", "%Y-%m-%d").alias("connectDate"),
        local_text("observed_at", "%Y-%m-%d %H:%M:%S").alias("updateTime"),
    )


def device(frame: pl.DataFrame) -> pl.DataFrame:
    """raw.jiangsu.device."""
    return frame.select(
        pl.col("device_code").alias("deviceId"),
        pl.lit("扬尘噪声监测仪").alias("deviceName"),
        *site(),
        pl.col("adcode").alias("areaCode"),
        pl.lit("扬尘").alias("deviceType"),
        pl.col("vendor_name").alias("oem"),
        "longitude",
        "latitude",
        pl.col("interval_s").cast(pl.Int32).alias("interval"),
        local_text("installed_at", "%Y-%m-%d").alias("installDate"),
        pl.lit("在用").alias("state"),
        local_text("observed_at", "%Y-%m-%d %H:%M:%S").alias("updateTime"),
    )


def dust_reading(frame: pl.DataFrame) -> pl.DataFrame:
    """raw.jiangsu.dust-reading: every third device names wind points without 风; a day value has a date alone."""
    points = wind_point(16).replace_strict(dict(enumerate(POINTS_16_ZH)), return_dtype=pl.String)
    ending = pl.when(pl.col("device") % 3 == 0).then(pl.lit("")).otherwise(pl.lit("风"))
    is_day = pl.col("period") == "day"
    mass = [
        pl.when("milligrams").then((pl.col(name) / 1000).round(6)).otherwise(name).alias(raw)
        for name, raw in (("pm2_5", "pm2dot5"), ("pm10", "pm10"), ("tsp", "tsp"))
    ]
    return frame.select(
        pl.col("device_code").alias("deviceId"),
        *site(),
        *mass,
        "noise",
        "temperature",
        "humidity",
        pl.col("wind_speed").alias("windSpeed"),
        (points + ending).alias("windDirection"),
        pl.when(is_day)
        .then(local_text("observed_at", "%Y-%m-%d"))
        .otherwise(local_text("observed_at", "%Y-%m-%d %H:%M:%S"))
        .alias("moniterTime"),
    )
