"""The national feed 国控点: the public hourly table, where hour h labels the hour that ends at h."""

import polars as pl

from simulation.spec import LOCAL


def station_reading(frame: pl.DataFrame) -> pl.DataFrame:
    """raw.national.station-reading."""
    label = (pl.col("observed_at") + pl.duration(hours=1)).dt.convert_time_zone(str(LOCAL))
    return frame.select(
        pl.col("station").alias("code"),
        "name",
        "city",
        pl.col("longitude").alias("lon"),
        pl.col("latitude").alias("lat"),
        label.dt.strftime("%Y%m%d").alias("date"),
        label.dt.hour().cast(pl.Int32).alias("hour"),
        pl.col("pm2_5").alias("PM2_5"),
        pl.col("pm2_5_24h").alias("PM2_5_24h"),
        pl.col("pm10").alias("PM10"),
        pl.col("pm10_24h").alias("PM10_24h"),
        pl.col("so2").alias("SO2"),
        pl.col("no2").alias("NO2"),
        pl.col("o3").alias("O3"),
        pl.col("co").alias("CO"),
    )
