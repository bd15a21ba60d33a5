"""Shanxi 山西: every value is text, TSP is Dust, noise is LEQ, eight wind points from 1, AirPressure in hPa."""

import polars as pl

from simulation.dialects.words import coded, decimals, local_text, wind_point

PHASES = {"demolition": "1", "earthwork": "2", "structure": "3", "finishing": "4"}


def project(frame: pl.DataFrame) -> pl.DataFrame:
    """raw.shanxi.project."""
    return frame.select(
        pl.col("project_code").alias("ProjectId"),
        pl.col("name").alias("ProjectName"),
        pl.col("adcode").alias("AreaCode"),
        pl.when("building").then(pl.lit("1")).otherwise(pl.lit("2")).alias("ProjectType"),
        decimals("longitude", 6).alias("Lng"),
        decimals("latitude", 6).alias("Lat"),
        pl.col("owner").alias("OwnerName"),
        pl.col("owner_uscc").alias("OwnerCode"),
        pl.col("contractor").alias("BuilderName"),
        pl.col("contractor_uscc").alias("BuilderCode"),
        pl.col("supervisor").alias("SupervisorName"),
        pl.col("supervisor_uscc").alias("SupervisorCode"),
        decimals("area_m2", 0).alias("Area"),
        decimals("cost_yuan", 0).alias("Cost"),
        local_text("ends", "%Y-%m-%d").alias("PlanEnd"),
        local_text("began", "%Y-%m-%d").alias("RealStart"),
        decimals("progress", 1).alias("Progress"),
        pl.lit("1").alias("State"),
        coded("phase", PHASES).alias("Stage"),
        local_text("began", "%Y-%m-%d").alias("AccessDate"),
        local_text("observed_at", "%Y-%m-%d %H:%M:%S").alias("RecDate"),
    )


def device(frame: pl.DataFrame) -> pl.DataFrame:
    """raw.shanxi.device."""
    return frame.select(
        pl.col("device_code").alias("DeviceId"),
        pl.col("project_code").alias("ProjectId"),
        pl.col("adcode").alias("AreaCode"),
        pl.lit("扬尘噪声监测仪").alias("DeviceName"),
        pl.lit("1").alias("DeviceType"),
        pl.col("vendor_name").alias("Maker"),
        decimals("longitude", 6).alias("Lng"),
        decimals("latitude", 6).alias("Lat"),
        decimals("interval_s", 0).alias("Interval"),
        local_text("installed_at", "%Y-%m-%d").alias("InstallDate"),
        pl.lit("1").alias("State"),
        local_text("observed_at", "%Y-%m-%d %H:%M:%S").alias("RecDate"),
    )


def dust_reading(frame: pl.DataFrame) -> pl.DataFrame:
    """raw.shanxi.dust-reading."""
    return frame.select(
        pl.lit("Min").alias("DataType"),
        pl.col("project_code").alias("ProjectId"),
        pl.col("device_code").alias("DeviceId"),
        decimals("tsp", 1).alias("Dust"),
        decimals("pm10", 1).alias("PM10"),
        decimals("pm2_5", 1).alias("PM2_5"),
        decimals("noise", 1).alias("LEQ"),
        decimals("pressure", 1).alias("AirPressure"),
        decimals("temperature", 1).alias("Temperature"),
        decimals("humidity", 1).alias("Humidity"),
        (wind_point(8) + 1).cast(pl.String).alias("WindDirection"),
        decimals("wind_speed", 1).alias("WindSpeed"),
        local_text("observed_at", "%Y-%m-%d %H:%M:%S").alias("RecDate"),
    )
