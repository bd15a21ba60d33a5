"""The daily dust report as an asset (扬尘监测日报): the gold figures through the view model into files."""

from pathlib import Path

import dagster as dg

from assets.figures import OWNERS
from assets.hub import Hub
from assets.partitions import FEED_DAYS, FeedDay
from assets.published import described
from assets.version import code_version
from reports.inputs import DustReportInputs
from reports.render import render_all
from reports.view import build_view
from store.dust_inputs import dust_inputs


@dg.asset(
    partitions_def=FEED_DAYS,
    deps=["dust_hourly", "dust_daily", "upload_rate_daily", "exceedance", "station_reference", "rejected_daily"],
    description=(
        "The report of a province and day as HTML, XLSX, PDF and PNG. Not made for the control stations' feed. "
        "扬尘监测日报；国控点数据不出报告。"
    ),
    group_name="dust",
    kinds={"html", "excel"},
    tags={"layer": "report"},
    owners=OWNERS,
    code_version=code_version(),
)
def dust_report(context: dg.AssetExecutionContext, hub: Hub) -> dg.MaterializeResult[None]:
    """Draws the report; it runs only where every blocking check of the run has passed.

    The control stations' partition is empty: without it a backfill of all feeds would not end.
    """
    at = FeedDay.of(context.partition_key)
    if at.is_reference:
        return dg.MaterializeResult(metadata={"dagster/row_count": 0, "report": "none is made of control stations"})
    frames = dust_inputs(hub.gold, hub.lake, at.province, at.day, Path(hub.catalog_dir))
    files = render_all(build_view(DustReportInputs(**frames)), hub.report_folder(at))
    shown = {name: dg.MetadataValue.path(path.absolute()) for name, path in files.items()}
    return dg.MaterializeResult(metadata=described(frames["daily"], {}) | shown)
