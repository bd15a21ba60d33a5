"""A process of its own: launches a backfill of 14 days as the UI does and lets the daemon's code carry it out.

Hours and days of a province, of which each night ends on the next day. The settings come from the environment
(SITEHUB_HOME), as they do for Dagster's own processes.
"""

import math
from datetime import timedelta

from dagster._core.execution.backfill import BULK_ACTION_TERMINAL_STATUSES, BulkActionStatus
from dagster._core.test_utils import create_test_daemon_workspace_context, instance_for_test
from dagster._core.workspace.load_target import ModuleTarget
from dagster._daemon import get_default_daemon_logger
from dagster._daemon.backfill import execute_backfill_iteration
from dagster_graphql.client.query import LAUNCH_PARTITION_BACKFILL_MUTATION
from dagster_graphql.test.utils import execute_dagster_graphql

from assets.dust import dust_daily, dust_hourly
from assets.hub import Hub
from assets.partitions import FeedDay
from sitehub.settings import settings
from tests.assets.world import DAY, Landing, figures

DAYS = [DAY + timedelta(days=number) for number in range(14)]
PARTITIONS = [FeedDay(day, "jiangsu") for day in DAYS]
COMPUTED = (dust_hourly, dust_daily)
ROUNDS = 10
IN_THIS_PROCESS = {
    "run_launcher": {
        "module": "dagster._core.launcher.sync_in_memory_run_launcher",
        "class": "SyncInMemoryRunLauncher",
    },
    "run_coordinator": {"module": "dagster._core.run_coordinator", "class": "DefaultRunCoordinator"},
    "telemetry": {"enabled": False},
}


def main() -> None:
    """Ends with an AssertionError unless every partition was computed, and every night whole."""
    hub = Hub.at(settings())
    land(Landing(hub))
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
                    "partitionNames": [at.key for at in PARTITIONS],
                    "assetSelection": [{"path": list(asset.key.path)} for asset in COMPUTED],
                }
            },
        )
        backfill_id = launched.data["launchPartitionBackfill"]["backfillId"]
        for _ in range(ROUNDS):
            list(execute_backfill_iteration(workspace, get_default_daemon_logger("backfill")))
            backfill = instance.get_backfill(backfill_id)
            if backfill is not None and backfill.status in BULK_ACTION_TERMINAL_STATUSES:
                break
        assert backfill is not None
        assert backfill.status == BulkActionStatus.COMPLETED_SUCCESS, backfill.status
        for asset in COMPUTED:
            assert instance.get_materialized_partitions(asset.key) == {at.key for at in PARTITIONS}, asset.key
    for number, day in enumerate(DAYS):
        (row,) = figures(hub, "dust_daily", "jiangsu", day).rows(named=True)
        evening, morning = level(number), level(number + 1)
        whole = 10 * math.log10((2 * 10 ** (evening / 10) + 6 * 10 ** (morning / 10)) / 8)
        assert (row["noise_night_hours"], round(row["noise_night"], 6)) == (8, round(whole, 6)), row


def land(landing: Landing) -> None:
    """Evenings and mornings of a device, each day with a noise level of its own."""
    landing.device("jiangsu", "D1", DAY)
    for number in range(len(DAYS) + 1):
        day = DAY + timedelta(days=number)
        minutes = [*range(6 * 60), *range(22 * 60, 24 * 60)]
        landing.readings("jiangsu", day, "D1", minutes, noise=level(number))


def level(number: int) -> float:
    """Noise of the day of this number, dB(A)."""
    return 40.0 + number


if __name__ == "__main__":
    main()
