"""Guizhou 贵州 (assumed): camel case, epoch milliseconds, sixteen wind points from 0, no noise, pressure in kPa."""

import polars as pl

from simulation.dialects.words import coded, epoch_ms, wind_point

PHASES = {"demolition": 1, "earthwork": 2, "structure": 3, "finishing": 4}


def project(frame: pl.DataFrame) -> pl.DataFrame:
    """raw.guizhou.project."""
    return frame.select(
        pl.col("project_code").alias("projectNo"),
        pl.col("name").alias("projectName"),
        pl.col("adcode").alias("areaCode"),
        pl.when("building").then(1).otherwise(2).cast(pl.Int32).alias("projectType"),
        pl.col("longitude").alias("lng"),
        pl.col("latitude").alias("lat"),
        pl.col("owner").alias("ownerName"),
        pl.col("owner_uscc").alias("ownerCode"),
        pl.col("contractor").alias("builderName"),
        pl.col("contractor_uscc").alias("builderCode"),
        pl.col("supervisor").alias("supervisorName"),
        pl.col("supervisor_uscc").alias("supervisorCode"),
        pl.col("area_m2").alias("buildArea"),
        pl.col("cost_yuan").alias("cost"),
        epoch_ms("began").alias("realStart"),
        epoch_ms("ends").alias("planEnd"),
        "progress",
        pl.lit(1, pl.Int32).alias("status"),
        coded("phase", PHASES).alias("stage"),
        epoch_ms("began").alias("accessTime"),
        epoch_ms("observed_at").alias("updateTime"),
    )


def device(frame: pl.DataFrame) -> pl.DataFrame:
    """raw.guizhou.device."""
    return frame.select(
        pl.col("device_code").alias("deviceNo"),
        pl.col("project_code").alias("projectNo"),
        pl.col("adcode").alias("areaCode"),
        pl.lit("扬尘监测仪").alias("deviceName"),
        pl.lit(1, pl.Int32).alias("deviceType"),
        pl.col("vendor_name").alias("manufacturer"),
        pl.col("longitude").alias("lng"),
        pl.col("latitude").alias("lat"),
        pl.col("interval_s").cast(pl.Int32).alias("interval"),
        epoch_ms("installed_at").alias("installTime"),
        pl.lit(1, pl.Int32).alias("state"),
        epoch_ms("observed_at").alias("updateTime"),
    )


def dust_reading(frame: pl.DataFrame) -> pl.DataFrame:
    """raw.guizhou.dust-reading."""
    return frame.select(
        pl.col("device_code").alias("deviceNo"),
        pl.col("project_code").alias("projectNo"),
        epoch_ms("observed_at").alias("collectTime"),
        pl.col("pm2_5").alias("pm25"),
        "pm10",
        "tsp",
        "temperature",
        "humidity",
        (pl.col("pressure") / 10).round(2).alias("pressure"),
        pl.col("wind_speed").alias("windSpeed"),
        wind_point(16).alias("windDir"),
    )
