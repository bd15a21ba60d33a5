"""The gold rows behind a report as CSV files in one ZIP (全部数据): what is too much for a page or a workbook."""

from collections.abc import Mapping
from pathlib import Path
from zipfile import ZIP_DEFLATED, ZipFile

import polars as pl

from pipelines.dust.points import DEVICE, PROJECT
from reports.inputs import DustReportInputs

QUICK = 1
"""zlib level: a third larger than the best and five times as fast"""
AT_ONCE = 20_000
"""rows that are text in memory"""


def tables(inputs: DustReportInputs) -> dict[str, pl.DataFrame]:
    """The tables by name, without the columns that nobody fills."""
    frames = {
        "dust_daily": inputs.daily,
        "dust_hourly": inputs.hours,
        "upload_rate_daily": inputs.rates,
        "exceedance": inputs.exceedances,
        "station_reference": inputs.reference,
        "rejected_daily": inputs.rejected,
        "device": inputs.devices.select(DEVICE),
        "project": inputs.projects.select(PROJECT),
    }
    return {name: frame[[column.name for column in frame if column.count()]] for name, frame in frames.items()}


def write_tables(tables: Mapping[str, pl.DataFrame], path: Path) -> None:
    """Writes each table as `<name>.csv`, UTF-8 with a byte order mark, by which spreadsheets know it; times in UTC.

    The same tables give the same bytes.
    """
    with ZipFile(path, "w", ZIP_DEFLATED, compresslevel=QUICK) as archive:
        for name, frame in tables.items():
            with archive.open(f"{name}.csv", "w") as file:
                file.write(frame.clear().write_csv(include_bom=True).encode())
                for part in frame.iter_slices(AT_ONCE):
                    file.write(part.write_csv(include_header=False).encode())
