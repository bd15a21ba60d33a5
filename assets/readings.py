"""Where the assets begin: what landing wrote, and the survey of one partition of it (湖中规范数据)."""

import dagster as dg
import polars as pl

from assets.figures import OWNERS, POOL, check_spec
from assets.hub import IN_MEMORY_ROWS, Hub
from assets.partitions import FEED_DAYS, FeedDay
from assets.published import PREVIEW_ROWS, checked, column_schema, preview
from assets.version import code_version
from pipelines.dust.observations import uncertain_time
from pipelines.screening import GOOD

LANDED = (
    ("dust_reading_log", "canonical/dust-reading", "Readings of the sites' dust devices. 扬尘监测规范记录。"),
    ("station_reading_log", "canonical/station-reading", "Hours of the national control stations. 国控点小时值。"),
    ("quarantine_log", "quarantine", "Rejected uploads with their bytes and the reason. 被拒上传及原因。"),
    ("registers", "device_history, project_history, …", "Registers with their history. 设备、项目等登记历史。"),
)

landed = [
    dg.AssetSpec(
        name,
        description=f"{words} Written by `sitehub land` ({where}), exactly once, append only.",
        group_name="landed",
        kinds={"sql"} if name == "registers" else {"deltalake"},
        tags={"layer": "canonical"},
        owners=OWNERS,
    )
    for name, where, words in LANDED
]

JUDGED = (
    "event_id", "province", "day", "device_code", "observed_at", "received_at", "period", "quality", "quality_notes",
    "mapping", "source_topic", "source_partition", "source_offset",
)  # fmt: skip

COUNTS = {
    "rows": pl.len(),
    "good": (pl.col("quality") == GOOD).sum(),
    "twelve_hours": uncertain_time().sum(),
    "last_received": pl.col("received_at").max(),
}
SAMPLE = 20_000
"""Readings that are judged of a partition too large to be judged in memory."""


@dg.asset(
    partitions_def=FEED_DAYS,
    deps=["dust_reading_log", "station_reading_log"],
    description=(
        "The canonical readings of a province and local day as this run found them in the lake: nothing is copied, the "
        "partition is counted and judged. 某省某日的规范读数：清点并检查，不复制。"
    ),
    group_name="dust",
    kinds={"polars", "deltalake"},
    tags={"layer": "canonical"},
    owners=OWNERS,
    code_version=code_version(),
    check_specs=[check_spec("canonical_readings")],
    pool=POOL,
)
def canonical_readings(context: dg.AssetExecutionContext, hub: Hub) -> dg.MaterializeResult:  # type: ignore[type-arg]  # Dagster does not know a parametrised one
    """Counts and judges one partition of the lake."""
    at = FeedDay.of(context.partition_key)
    readings = hub.readings(at)
    counts = readings.select(**COUNTS).collect(engine="streaming").row(0, named=True)
    few = counts["rows"] <= IN_MEMORY_ROWS
    chosen = readings if few else _sample(hub, at, counts["rows"])
    judged = chosen.select(JUDGED).collect(engine="streaming")
    verdict = checked(hub, "canonical_readings", judged, at, counts["rows"])
    return dg.MaterializeResult(
        metadata={
            "dagster/row_count": counts["rows"],
            "dagster/column_schema": column_schema(readings.collect_schema()),
            "good / all readings": f"{counts['good']} / {counts['rows']}",
            "readings twelve hours off": counts["twelve_hours"],
            "preview": dg.MetadataValue.md(preview(judged.head(PREVIEW_ROWS))),
            "last received": str(counts["last_received"] or "–"),
            "data_docs": verdict.metadata["data_docs"],
        },
        check_results=[verdict],
    )


def _sample(hub: Hub, at: FeedDay, rows: int) -> pl.LazyFrame:
    """Every k-th upload by its place in the raw topic, and every upload that is in the lake twice."""
    every = pl.col("source_offset") % (rows // SAMPLE + 1) == 0
    doubled = hub.gathered(at).doubled["source_offset"].head(SAMPLE)
    return hub.readings(at).filter(every | pl.col("source_offset").is_in(doubled.implode()))
