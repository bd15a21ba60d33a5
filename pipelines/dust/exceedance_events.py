"""Exceedances as records of the hub's own topic (超标事件): hub.exceedance."""

import polars as pl

from pipelines.contract import CanonicalKind
from pipelines.dust.findings import records

RECORD = {"began": "observed_at", "ended": "ended_at", "limit_value": "limit"}


def exceedance_events(table: pl.DataFrame, kind: CanonicalKind) -> pl.DataFrame:
    """Rows of the gold table `exceedance` as records of `kind`, sorted by event_id."""
    return records(table.rename(RECORD), kind)
