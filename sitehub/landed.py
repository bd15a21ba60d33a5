"""Waiting until everything sent has gone all the way (全部落湖)."""

import time
from collections.abc import Callable

import polars as pl
import sqlalchemy as sa

from infra.errors import StackError
from infra.lag import end_offsets
from infra.topics import list_topics
from pipelines.catalog import Catalog
from pipelines.names import canonical_topic
from sitehub.settings import Settings
from store.gold import closing_engine
from store.lake import Lake, canonical_table
from store.registers import landed_offset
from store.tables import HISTORIES

WITHIN_S = 180.0


def await_landed(chosen: Settings, check: Callable[[], None], within_s: float = WITHIN_S) -> int:
    """Return when as many records are in the lake as there are in the raw topics, and registers in their history.

    Offsets cannot tell this: behind the last record of a transaction lies its end marker, which no reader sees.
    Returns the number of records. `check` is called meanwhile and raises when a service was given up. StackError when
    it takes longer than `within_s`.
    """
    catalog = Catalog.read(chosen.catalog_dir)
    lake = Lake(chosen.lake_url, chosen.catalog_dir)
    topics = list_topics(chosen.bootstrap_servers)
    raw = [(name, number) for name in topics if name.startswith("raw.") for number in range(topics[name])]
    until = time.monotonic() + within_s
    with closing_engine(chosen.gold_url) as gold:
        while True:
            sent = sum(end_offsets(chosen.bootstrap_servers, raw).values())
            landed = landed_rows(lake, catalog)
            if landed >= sent and _histories_follow(lake, gold, catalog, topics):
                return landed
            check()
            if time.monotonic() > until:
                remedy = f"See the logs in {chosen.home / 'logs'}."
                raise StackError(f"Only {landed} of {sent} records have landed within {within_s:.0f} s.", remedy)
            time.sleep(0.5)


def landed_rows(lake: Lake, catalog: Catalog) -> int:
    """Canonical records and rejected uploads in the lake."""
    tables = [*(lake.read(kind) for kind in catalog.made), lake.read_quarantine()]
    return sum(int(table.select(pl.len()).collect().item()) for table in tables)


def _histories_follow(lake: Lake, gold: sa.Engine, catalog: Catalog, topics: dict[str, int]) -> bool:
    """Whether the register histories have taken in what the lake has."""
    places = [
        (canonical_table(name), canonical_topic(name), number)
        for name in HISTORIES.keys() & catalog.made.keys()
        for number in range(topics.get(canonical_topic(name), 0))
    ]
    return all(
        lake.transaction_version(table, f"{topic}/{number}") == landed_offset(gold, topic, number)
        for table, topic, number in places
    )
