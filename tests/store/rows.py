"""Canonical rows as the landing hands them over."""

from datetime import datetime
from typing import Any

import polars as pl

from tests.contract import CATALOG

Row = dict[str, Any]


def row(kind: str, subject: str, at: datetime, offset: int, **known: object) -> Row:
    """A row of a feed of Jiangsu, received when observed unless said otherwise; what is not named is null."""
    return {
        "event_id": f"jiangsu:{kind}:{subject}:{int(at.timestamp() * 1000)}",
        "province": "jiangsu",
        "observed_at": at,
        "received_at": at,
        "quality": 2,
        "source_topic": f"raw.jiangsu.{kind}",
        "source_partition": 0,
        "source_offset": offset,
        "mapping": f"jiangsu/{kind}@0123456789ab",
        **known,
    }


def frame(kind: str, *rows: Row) -> pl.DataFrame:
    """Rows of a kind."""
    return pl.DataFrame(list(rows), schema=CATALOG.canonical[kind].polars_schema)
