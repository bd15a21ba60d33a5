"""How a table of figures becomes an asset: computed, judged, stored whole when sound, described (资产构造)."""

import inspect
from collections.abc import Callable, Iterator, Mapping, Sequence

import dagster as dg
import polars as pl

from assets.hub import Hub
from assets.partitions import FEED_DAYS, FeedDay
from assets.published import checked, described
from assets.version import code_version
from store import gold
from store.tables import DAILY, frame_schema

OWNERS = ["team:sitehub"]
CHECK = "expectations"
POOL = "heavy"
"""Steps that read a whole province and day of readings: one at a time, whatever else runs."""

Compute = Callable[[Hub, FeedDay], pl.DataFrame]
Store = Callable[[Hub, str, FeedDay, pl.DataFrame], None]
Figures = Callable[[pl.DataFrame], Mapping[str, str]]


def to_gold(hub: Hub, table: str, at: FeedDay, frame: pl.DataFrame) -> None:
    """Replaces the partition in SQL."""
    gold.replace_partition(hub.gold, table, at.province, at.iso, frame)


def to_lake(hub: Hub, table: str, at: FeedDay, frame: pl.DataFrame) -> None:
    """Replaces the partition in the lake."""
    hub.lake.overwrite_partition(table, at.province, at.iso, frame)


def check_spec(table: str) -> dg.AssetCheckSpec:
    """The blocking check of a table: nothing downstream is computed in a run where it fails."""
    return dg.AssetCheckSpec(
        CHECK,
        asset=table,
        blocking=True,
        description="Great Expectations over the partition; its page names rows. 未通过则不出报告。",
    )


def figure(
    *,
    deps: Sequence[dg.AssetDep | str],
    figures: Figures,
    store: Store = to_gold,
    provincial: bool = False,
    pool: str | None = None,
) -> Callable[[Compute], dg.AssetsDefinition]:
    """Makes the function that computes a table the asset of that table; its docstring becomes the description.

    `figures` gives numerators and denominators to show. A `provincial` table has no rows for the control stations'
    feed: stations have no rates, limits or neighbours.
    """

    def made(compute: Compute) -> dg.AssetsDefinition:
        table = compute.__name__

        def publish(
            context: dg.AssetExecutionContext, hub: Hub
        ) -> Iterator[dg.AssetCheckResult | dg.MaterializeResult[None]]:
            at = FeedDay.of(context.partition_key)
            frame = _versioned(table, _no_rows(table) if provincial and at.is_reference else compute(hub, at))
            verdict = checked(hub, table, frame, at)
            yield verdict
            if verdict.passed:  # what is wrong is never stored: the figures of the last sound run stay
                store(hub, table, at, frame)
                metadata = described(frame, figures(frame)) | {"data_docs": verdict.metadata["data_docs"]}
                yield dg.MaterializeResult(metadata=metadata)

        return dg.asset(
            publish,
            name=table,
            partitions_def=FEED_DAYS,
            deps=deps,
            description=inspect.getdoc(compute),
            group_name="dust",
            kinds={"polars", "deltalake" if store is to_lake else "sql"},
            tags={"layer": "gold"},
            owners=OWNERS,
            code_version=code_version(),
            check_specs=[check_spec(table)],
            pool=pool,
            output_required=False,
        )

    return made


def _no_rows(table: str) -> pl.DataFrame:
    return pl.DataFrame(schema=frame_schema(DAILY[table]))


def _versioned(table: str, frame: pl.DataFrame) -> pl.DataFrame:
    """With the code version where the table keeps it."""
    keeps = table in DAILY and "code_version" in DAILY[table].c
    return frame.with_columns(code_version=pl.lit(code_version())) if keeps else frame
