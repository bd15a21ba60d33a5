"""Reads a day of the lake's dust readings with Spark and prints the means of each device (用 Spark 读取湖中数据).

    pip install delta-spark        # brings pyspark; needs Java 17 or newer
    python examples/python/read_lake_spark.py .sitehub/lake jiangsu 2026-03-02

The first run fetches Delta's jars from Maven Central.
"""

import sys

from delta import configure_spark_with_delta_pip
from pyspark.sql import SparkSession, Window
from pyspark.sql import functions as sql

AGE = ("received_at", "source_topic", "source_partition", "source_offset")


def session() -> SparkSession:
    """Spark on this machine, with Delta."""
    builder = (
        SparkSession.builder.master("local[2]")
        .appName("sitehub-lake")
        .config("spark.sql.extensions", "io.delta.sql.DeltaSparkSessionExtension")
        .config("spark.sql.catalog.spark_catalog", "org.apache.spark.sql.delta.catalog.DeltaCatalog")
    )
    return configure_spark_with_delta_pip(builder).getOrCreate()


def main(lake: str, province: str, day: str) -> None:
    """Print a line for each device: code, good readings of a minute, their mean of PM10 in µg/m3."""
    spark = session()
    latest = Window.partitionBy("event_id").orderBy(*(sql.col(name).desc() for name in AGE))
    readings = spark.read.format("delta").load(f"{lake}/canonical/dust-reading")
    holds = (
        readings.where((sql.col("province") == province) & (sql.col("day") == day))
        .withColumn("place", sql.row_number().over(latest))
        .where("place = 1")
    )
    means = (
        holds.where("quality = 1 AND period = 'minute'")
        .groupBy("device_code")
        .agg(sql.count("*").alias("readings"), sql.round(sql.avg("pm10"), 1).alias("pm10"))
        .orderBy("device_code")
    )
    for device, count, pm10 in means.collect():
        print(device, count, pm10)
    spark.stop()


if __name__ == "__main__":
    main(*sys.argv[1:])
