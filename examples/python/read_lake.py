"""Reads a day of the lake's dust readings and prints the means of each device (读取湖中数据).

    python examples/python/read_lake.py .sitehub/lake jiangsu 2026-03-02

The tables are Delta, partitioned by province and by local day of observation.
"""

import sys

import polars as pl

AGE = ("received_at", "source_topic", "source_partition", "source_offset")
MEANS = """
    SELECT device_code, COUNT(*) AS readings, ROUND(AVG(pm10), 1) AS pm10
    FROM readings WHERE quality = 1 AND period = 'minute'
    GROUP BY device_code ORDER BY device_code
"""


def readings(lake: str, province: str, day: str) -> pl.LazyFrame:
    """The readings that hold: of several records of one event the latest received."""
    table = pl.scan_delta(f"{lake}/canonical/dust-reading")
    rows = table.filter(pl.col("province") == province, pl.col("day") == day)
    return rows.sort(AGE).unique("event_id", keep="last", maintain_order=True)


def main(lake: str, province: str, day: str) -> None:
    """Print a line for each device: code, good readings of a minute, their mean of PM10 in µg/m3."""
    means = pl.SQLContext(readings=readings(lake, province, day)).execute(MEANS, eager=True)
    for device, count, pm10 in means.iter_rows():
        print(device, count, pm10)


if __name__ == "__main__":
    main(*sys.argv[1:])
