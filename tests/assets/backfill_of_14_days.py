"""A process of its own: launches a backfill of 14 days as the UI does and lets the daemon's code carry it out.

The settings come from the environment (SITEHUB_HOME), as they do for Dagster's own processes.
"""

from datetime import timedelta

import dagster as dg
from dagster._core.execution.backfill import BulkActionStatus
from dagster._core.test_utils import create_test_daemon_workspace_context, instance_for_test
from dagster._core.workspace.load_target import ModuleTarget
from dagster._daemon import get_default_daemon_logger
from dagster._daemon.backfill import execute_backfill_iteration
from dagster_graphql.client.query import LAUNCH_PARTITION_BACKFILL_MUTATION
from dagster_graphql.test.utils import execute_dagster_graphql

from assets.hub import Hub
from assets.partitions import FeedDay
from sitehub.settings import settings
from tests.assets.world import DAY, Landing, figures

DAYS = [FeedDay(DAY + timedelta(days=number), "jiangsu") for number in range(14)]
IN_THIS_PROCESS = {
    "run_launcher": {
        "module": "dagster._core.launcher.sync_in_memory_run_launcher",
        "class": "SyncInMemoryRunLauncher",
    },
    "run_coordinator": {"module": "dagster._core.run_coordinator", "class": "DefaultRunCoordinator"},
    "telemetry": {"enabled": False},
}


def main() -> None:
    """Ends with an AssertionError unless every day was computed."""
    hub = Hub.at(settings())
    landing = Landing(hub)
    for at in DAYS:
        landing.rejected("jiangsu", at.day, "bad_time")
    target = ModuleTarget("assets.definitions", attribute=None, working_directory=None, location_name="sitehub")
    with (
        instance_for_test(overrides=IN_THIS_PROCESS) as instance,
        create_test_daemon_workspace_context(target, instance) as workspace,
    ):
        launched = execute_dagster_graphql(
            workspace.create_request_context(),
            LAUNCH_PARTITION_BACKFILL_MUTATION,
            variables={
                "backfillParams": {
                    "partitionNames": [at.key for at in DAYS],
                    "assetSelection": [{"path": ["rejected_daily"]}],
                }
            },
        )
        backfill_id = launched.data["launchPartitionBackfill"]["backfillId"]
        for _ in range(3):
            list(execute_backfill_iteration(workspace, get_default_daemon_logger("backfill")))
        backfill = instance.get_backfill(backfill_id)
        assert backfill is not None
        assert backfill.status == BulkActionStatus.COMPLETED_SUCCESS
        assert instance.get_materialized_partitions(dg.AssetKey("rejected_daily")) == {at.key for at in DAYS}
    for at in DAYS:
        assert figures(hub, "rejected_daily", "jiangsu", at.day)["count"].to_list() == [1]


if __name__ == "__main__":
    main()
