"""Everything that Dagster loads (总览): `dagster dev -m assets.definitions`."""

import dagster as dg

from assets.changes import lake_changes
from assets.hub import Hub
from assets.jobs import (
    dust_day,
    figures,
    freshness,
    lake_join,
    lake_upkeep,
    order_day,
    schedules,
    yesterday_is_computed,
)
from assets.publication import findings_changed, published_findings, publishing
from assets.readings import landed
from sitehub.settings import settings

defs = dg.Definitions(
    assets=[*landed, *dg.with_source_code_references([*figures, published_findings])],
    asset_checks=[yesterday_is_computed],
    jobs=[dust_day, freshness, lake_join, lake_upkeep, order_day, publishing],
    schedules=schedules,
    sensors=[lake_changes, findings_changed],
    resources={"hub": Hub.at(settings())},
    executor=dg.in_process_executor,  # a partition takes seconds: a process a step would take longer to start
)
