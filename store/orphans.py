"""What uploads name and no register knows (未登记): devices and projects, by who sent them.

Nothing is refused for it: a device may be registered after its first reading.
"""

from __future__ import annotations

from datetime import date
from typing import Final

import polars as pl
import sqlalchemy as sa

from pipelines.catalog import Catalog
from pipelines.contract import TIMESTAMP
from store.lake import Lake
from store.tables import HISTORIES

REGISTERED: Final = {"device": "device_code", "project": "project_code"}
"""register → the field by which uploads name what is in it"""
EXAMPLES: Final = 3
ORPHANS: Final = pl.Schema(
    {
        "unknown": pl.String(),
        "province": pl.String(),
        "vendor": pl.String(),
        "kind": pl.String(),
        "codes": pl.Int64(),
        "records": pl.Int64(),
        "first_seen": TIMESTAMP,
        "last_seen": TIMESTAMP,
        "examples": pl.List(pl.String()),
    }
)


def orphans(
    lake: Lake, made: sa.Engine, catalog: Catalog, province: str | None = None, since: date | None = None
) -> pl.DataFrame:
    """One row per register, province, vendor (null on a shared topic) and kind of the uploads that name a stranger.

    codes: how many are in no state of the register; records: how many records name them; first_seen, last_seen: when
    these were received. Of one feed and of observations from a local day on where given. Feeds that upload no such
    register are left out.
    """
    found = []
    for register in REGISTERED:
        feeds, known = _feeds(catalog, register, province), _known(made, register)
        found += [_strangers(lake, kind, register, known, feeds, since) for kind in catalog.made if kind != register]
    return pl.concat([pl.DataFrame(schema=ORPHANS), *found]).sort("unknown", "province", "vendor", "kind")


def _feeds(catalog: Catalog, register: str, province: str | None) -> list[str]:
    """The feeds that upload the register."""
    feeds = {feed for (feed, _), raw in catalog.raw.items() if raw.mapping.kind == register}
    return sorted(feeds & {province} if province else feeds)


def _strangers(
    lake: Lake, kind: str, register: str, known: pl.DataFrame, feeds: list[str], since: date | None
) -> pl.DataFrame:
    """What the records of a kind name that is not `known`."""
    code = pl.col(REGISTERED[register]).alias("code")
    rows = lake.read(kind).filter(pl.col("province").is_in(feeds), code.is_not_null())
    if since is not None:
        rows = rows.filter(pl.col("day") >= since.isoformat())
    named = (
        rows.group_by("province", "vendor", code)
        .agg(records=pl.len(), first_seen=pl.col("received_at").min(), last_seen=pl.col("received_at").max())
        .collect(engine="streaming")
    )
    return (
        named.join(known, on=["province", "code"], how="anti")
        .group_by("province", "vendor")
        .agg(
            pl.len().alias("codes"),
            pl.col("records").sum(),
            pl.col("first_seen").min(),
            pl.col("last_seen").max(),
            examples=pl.col("code").sort().head(EXAMPLES),
        )
        .with_columns(unknown=pl.lit(register), kind=pl.lit(kind))
        .select(ORPHANS.names())
        .cast(ORPHANS)
    )


def _known(made: sa.Engine, register: str) -> pl.DataFrame:
    """province, code of everything that was ever registered."""
    table = HISTORIES[register]
    query = sa.select(table.c.province, table.c[REGISTERED[register]]).distinct()
    with made.connect() as connection:
        known = [tuple(row) for row in connection.execute(query)]
    return pl.DataFrame(known, schema={"province": pl.String, "code": pl.String}, orient="row")
