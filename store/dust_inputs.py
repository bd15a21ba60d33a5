"""The frames of one province and day that a dust report is made of, read from the gold tables and the lake."""

from collections.abc import Mapping
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import sqlalchemy as sa
import yaml

from pipelines.dust.points import DEVICE, PROJECT
from pipelines.dust.readings import midnight
from pipelines.limits import Limits
from store import gold
from store.lake import DEFAULT_CATALOG, Lake
from store.tables import dust_daily

REFERENCE = "national"
"""the feed of the control stations"""
RECENT_DAYS = 29
"""days before the reported one that the month's picture needs"""


def dust_inputs(
    made: sa.Engine, lake: Lake, province: str, day: date, contract: Path = DEFAULT_CATALOG
) -> dict[str, Any]:
    """The fields of `reports.inputs.DustReportInputs` by name.

    `contract` is the folder with limits/ and raw/. FileNotFoundError when no hour has ever been computed.
    """
    iso = day.isoformat()
    ended = midnight(day + timedelta(days=1))
    daily = gold.read_partition(made, "dust_daily", province, iso)
    rates = gold.read_partition(made, "upload_rate_daily", province, iso)
    return {
        "province": province,
        "day": day,
        "daily": daily,
        "hours": lake.read_gold("dust_hourly", province, iso).collect(),
        "rates": rates,
        "exceedances": gold.read_partition(made, "exceedance", province, iso),
        "reference": gold.read_partition(made, "station_reference", province, iso),
        "rejected": gold.read_partition(made, "rejected_daily", province, iso),
        "projects": gold.read_history(made, "project", province, ended, PROJECT),
        "devices": gold.read_history(made, "device", province, ended, DEVICE),
        "recent": _recent(made, province, day),
        "station_hours": lake.read_gold("dust_hourly", REFERENCE, iso).collect(),
        "limits": Limits.load(contract / "limits").rows(province, day),
        "mappings": _mappings([daily["mapping"], rates["mapping"]], contract),
        "code_version": ";".join(sorted({*daily["code_version"].drop_nulls(), *rates["code_version"].drop_nulls()})),
    }


def _recent(made: sa.Engine, province: str, day: date) -> pl.DataFrame:
    days = [(day - timedelta(days=back)).isoformat() for back in range(1, RECENT_DAYS + 1)]
    query = sa.select(dust_daily).where(dust_daily.c.province == province, dust_daily.c.day.in_(days))
    return gold.read(made, query.order_by(*dust_daily.primary_key.columns))


def _mappings(columns: list[pl.Series], contract: Path) -> tuple[Mapping[str, str], ...]:
    """The mappings that made the figures, with the provenance and source that their files state."""
    names = sorted({name for column in columns for joined in column.drop_nulls() for name in joined.split(";")})
    return tuple({"name": name, **_stated(contract / "raw" / f"{name.split('@')[0]}.yaml")} for name in names)


def _stated(file: Path) -> dict[str, str]:
    """Provenance and source as the mapping's file states them; a figure may outlive the file that made it."""
    if not file.exists():
        return {"provenance": "unknown", "source": f"{file.parent.name}/{file.name}"}
    stated = yaml.safe_load(file.read_text("utf-8"))
    return {"provenance": str(stated["provenance"]), "source": str(stated["source"])}
