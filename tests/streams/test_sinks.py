"""The order in which sinks are written."""

from pathlib import Path

import polars as pl

from pipelines.catalog import Catalog
from store.gold import closing_engine, upgrade
from store.lake import Lake, canonical_table
from streams.sinks import sinks_of


def test_a_register_is_in_its_history_before_the_lake_tells_of_it(tmp_path: Path) -> None:
    """Whoever sees a register's change in the lake and computes with the history finds it there."""
    url, topic = f"sqlite:///{tmp_path / 'gold.sqlite'}", "canonical.device"
    upgrade(url)
    catalog, lake = Catalog.load(), Lake(str(tmp_path / "lake"))
    with closing_engine(url) as gold:
        first, second = sinks_of(topic, catalog, lake, gold)
        first.write(topic, pl.DataFrame(schema=catalog.canonical["device"].polars_schema), {(topic, 0): 7})
        assert lake.transaction_version(canonical_table("device"), f"{topic}/0") is None
        assert first.next_offset(topic, 0) == 7
        assert second.next_offset(topic, 0) is None
