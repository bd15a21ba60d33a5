"""Sichuan 四川: Pascal case, sixteen-digit project codes, compact time texts, wind in degrees up to 360."""

import polars as pl

from simulation.dialects.words import coded, local_text

PHASES = {"demolition": "拆除", "earthwork": "土石方", "structure": "主体", "finishing": "装饰"}


def project(frame: pl.DataFrame) -> pl.DataFrame:
    """raw.sichuan.project."""
    return frame.select(
        pl.col("project_code").alias("ProjectCode"),
        pl.col("name").alias("ProjectName"),
        pl.col("adcode").alias("AreaCode"),
        pl.when("building").then(pl.lit("01")).otherwise(pl.lit("02")).alias("ProjectType"),
        pl.col("longitude").alias("Longitude"),
        pl.col("latitude").alias("Latitude"),
        pl.col("owner").alias("BuildCorpName"),
        pl.col("owner_uscc").alias("BuildCorpCode"),
        pl.col("contractor").alias("ContractorCorpName"),
        pl.col("contractor_uscc").alias("ContractorCorpCode"),
        pl.col("supervisor").alias("SuperCorpName"),
        pl.col("supervisor_uscc").alias("SuperCorpCode"),
        pl.col("area_m2").alias("BuildingArea"),
        pl.col("cost_yuan").alias("TotalInvest"),
        local_text("ends", "%Y%m%d").alias("PlanCompleteDate"),
        local_text("began", "%Y%m%d").alias("StartDate"),
        pl.col("progress").alias("Progress"),
        pl.lit("在建").alias("ProjectStatus"),
        coded("phase", PHASES).alias("Phase"),
        local_text("began", "%Y%m%d%H%M%S").alias("AccessTime"),
        local_text("observed_at", "%Y%m%d%H%M%S").alias("UpdateTime"),
    )


def device(frame: pl.DataFrame) -> pl.DataFrame:
    """raw.sichuan.device."""
    return frame.select(
        pl.col("device_code").alias("DeviceCode"),
        pl.col("project_code").alias("ProjectCode"),
        pl.col("adcode").alias("AreaCode"),
        pl.lit("扬尘噪声监测仪").alias("DeviceName"),
        pl.lit("dustdetection").alias("MonitorType"),
        pl.col("vendor_name").alias("Manufacturer"),
        pl.col("longitude").alias("Longitude"),
        pl.col("latitude").alias("Latitude"),
        pl.col("interval_s").cast(pl.Int32).alias("UploadInterval"),
        local_text("installed_at", "%Y%m%d").alias("InstallDate"),
        pl.lit("在用").alias("Status"),
        local_text("observed_at", "%Y%m%d%H%M%S").alias("UpdateTime"),
    )


def dust_reading(frame: pl.DataFrame) -> pl.DataFrame:
    """raw.sichuan.dust-reading: even serials send local time, odd ones epoch seconds as text; north is 360."""
    as_text = local_text("observed_at", "%Y%m%d%H%M%S")
    as_epoch = (pl.col("observed_at").dt.epoch("ms") // 1000).cast(pl.String)
    return frame.select(
        pl.col("project_code").alias("ProjectCode"),
        pl.col("device_code").alias("DeviceCode"),
        pl.when(pl.col("device") % 2 == 0).then(as_text).otherwise(as_epoch).alias("MonitorTime"),
        pl.col("pm2_5").alias("Pm25"),
        pl.col("pm10").alias("Pm10"),
        pl.col("tsp").alias("Tsp"),
        pl.col("noise").alias("Noise"),
        pl.lit(60, pl.Int32).alias("SampleCount"),
        pl.col("temperature").alias("Temperature"),
        pl.col("humidity").alias("Humidity"),
        pl.col("pressure").alias("Pressure"),
        pl.col("wind_speed").alias("WindSpeed"),
        pl.when(pl.col("wind_direction") == 0).then(360.0).otherwise("wind_direction").alias("WindDirection"),
    )
