"""Reads a day of the lake's dust readings with DuckDB and prints the means of each device (用 DuckDB 读取湖中数据).

    python examples/python/read_lake_duckdb.py .sitehub/lake jiangsu 2026-03-02

Which files are the table stands in its Delta log alone: compacted and corrected rows leave their old files behind, so
`read_parquet` on the folder would count rows twice. deltalake reads the log, DuckDB of its files those that are needed.
"""

import sys

import duckdb
from deltalake import DeltaTable

MEANS = """
    WITH holds AS (
        SELECT * FROM readings WHERE province = $province AND day = $day
        QUALIFY row_number() OVER (
            PARTITION BY event_id
            ORDER BY received_at DESC, source_topic DESC, source_partition DESC, source_offset DESC
        ) = 1
    )
    SELECT device_code, count(*) AS readings, round(avg(pm10), 1) AS pm10
    FROM holds WHERE quality = 1 AND period = 'minute'
    GROUP BY device_code ORDER BY device_code
"""


def main(lake: str, province: str, day: str) -> None:
    """Print a line for each device: code, good readings of a minute, their mean of PM10 in µg/m3."""
    with duckdb.connect() as connection:
        connection.register("readings", DeltaTable(f"{lake}/canonical/dust-reading").to_pyarrow_dataset())
        means = connection.execute(MEANS, {"province": province, "day": day}).fetchall()
    for device, count, pm10 in means:
        print(device, count, pm10)


if __name__ == "__main__":
    main(*sys.argv[1:])
