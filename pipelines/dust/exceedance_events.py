"""Exceedances as records of the hub's own topic (超标事件): hub.exceedance, keyed by their event_id."""

from datetime import UTC, date, datetime

import polars as pl

from pipelines.contract import CanonicalKind
from pipelines.dust.readings import ZONE
from pipelines.identity import event_id

RECORD = {"began": "observed_at", "ended": "ended_at", "limit_value": "limit"}


def exceedance_events(table: pl.DataFrame, kind: CanonicalKind) -> pl.DataFrame:
    """Rows of the gold table `exceedance` as records of `kind`, sorted by event_id."""
    renamed = table.rename(RECORD)
    parts = [part.with_columns(event_id(str(province), kind)) for (province,), part in renamed.group_by("province")]
    columns = [pl.col(name).cast(dtype) for name, dtype in kind.polars_schema.items()]
    made = pl.concat([pl.DataFrame(schema=kind.polars_schema), *(part.select(columns) for part in parts)])
    return made.sort("event_id").rechunk()  # the codec writes one chunk a column


def day_of(key: bytes) -> tuple[str, date]:
    """Province and local day of the exceedance that has this event_id."""
    head, began, _limit = key.decode().rsplit(":", 2)
    return head.partition(":")[0], datetime.fromtimestamp(int(began) / 1000, UTC).astimezone(ZONE).date()
