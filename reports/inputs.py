"""What a dust report is made of: the gold frames of one province and local day, nothing else."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

import polars as pl


@dataclass(frozen=True)
class DustReportInputs:
    """Frames of one province and day, with the columns of the gold tables of the same names.

    `daily`, `rates`, `exceedances`, `reference` and `rejected` hold that day alone; `hours` are the rows of
    `dust_hourly`; `recent` are `dust_daily` rows of the days before (may be empty);
    `station_hours` are the `dust_hourly` rows of the control stations, which some limits compare with; `projects` and
    `devices` are the registers as they stood at the end of the day, at least with the columns that name and place a
    point (`pipelines.dust.points`). `limits` are the limits in force on the day, one
    mapping a limit with the fields of `avro_schemas/limits/`; an empty tuple means that no limit is configured.
    `mappings` name the mappings (映射) that made the figures: name (`<province>/<kind>@<hash>`), provenance and source.
    """

    province: str
    day: date
    daily: pl.DataFrame
    hours: pl.DataFrame
    rates: pl.DataFrame
    exceedances: pl.DataFrame
    reference: pl.DataFrame
    rejected: pl.DataFrame
    projects: pl.DataFrame
    devices: pl.DataFrame
    recent: pl.DataFrame
    station_hours: pl.DataFrame
    limits: tuple[Mapping[str, object], ...]
    mappings: tuple[Mapping[str, str], ...]
    code_version: str
