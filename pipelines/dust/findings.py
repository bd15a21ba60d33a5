"""What the hub finds, as records of its own topics (自有事件): named and keyed by their event_id."""

from datetime import UTC, date, datetime

import polars as pl

from pipelines.contract import CanonicalKind
from pipelines.dust.readings import ZONE
from pipelines.identity import event_id


def records(rows: pl.DataFrame, kind: CanonicalKind) -> pl.DataFrame:
    """Rows that have the fields of `kind` but their event_id, as records of it, sorted by event_id."""
    parts = [part.with_columns(event_id(str(province), kind)) for (province,), part in rows.group_by("province")]
    columns = [pl.col(name).cast(dtype) for name, dtype in kind.polars_schema.items()]
    made = pl.concat([pl.DataFrame(schema=kind.polars_schema), *(part.select(columns) for part in parts)])
    return made.sort("event_id").rechunk()  # the codec writes one chunk a column


def day_of(key: bytes) -> tuple[str, date]:
    """Province and local day of the beginning of what has this event_id, of a kind with one discriminator."""
    head, began, _discriminator = key.decode().rsplit(":", 2)
    return head.partition(":")[0], datetime.fromtimestamp(int(began) / 1000, UTC).astimezone(ZONE).date()
