"""What the hub finds becomes known by itself (自动发布): `sitehub publish`, soon after a table of findings has changed.

A run is due where a table of findings was computed after the last run that succeeded had begun: what happens to runs,
and who computes, matters to nothing else. The days of a backlog are published together, once a look. Runs go before
those that compute, which may be many, and never two at a time: the later would end the earlier one.
"""

import json
import os
import subprocess
import sys
from datetime import UTC, datetime, timedelta

import dagster as dg

from assets.figures import OWNERS
from assets.version import code_version
from sitehub.settings import PROJECT_ROOT, settings

FINDINGS = ("exceedance", "device_states")
POOL = "publishing"
AGAIN_AFTER = timedelta(minutes=10)
"""After a failure, such as a broker that is away."""


@dg.asset(
    deps=FINDINGS,
    description=(
        "The hub's own topics say what the tables of findings say: `sitehub publish`. A sensor's runs see to it, never "
        "`sitehub materialise`, which needs no Kafka. 自有主题与结果表一致：新增、变更、撤回。"
    ),
    group_name="published",
    kinds={"kafka"},
    tags={"layer": "published"},
    owners=OWNERS,
    code_version=code_version(),
    pool=POOL,
)
def published_findings() -> dg.MaterializeResult[None]:
    """Runs the command, as Kafka is no business of this process."""
    command = (sys.executable, "-m", "sitehub", "publish", "--json")
    environment = os.environ | settings().environment()
    done = subprocess.run(command, env=environment, cwd=PROJECT_ROOT, capture_output=True, text=True, check=False)
    if done.returncode:
        raise dg.Failure("".join(done.stderr.strip().splitlines()[-1:]), metadata={"exit code": done.returncode})
    return dg.MaterializeResult(metadata=json.loads(done.stdout))


publishing = dg.define_asset_job(
    "publishing",
    selection=dg.AssetSelection.assets(published_findings),
    description="The hub's own topics are made to say what its tables say. 发布自有主题。",
)


@dg.sensor(
    job=publishing,
    minimum_interval_seconds=60,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Asks for publishing when figures that others are told of have changed. 结果有变即发布。",
)
def findings_changed(context: dg.SensorEvaluationContext) -> dg.RunRequest | dg.SkipReason:
    """Keeps no cursor: the instance's own records tell what is due."""
    if not due(context.instance, datetime.now(UTC)):
        return dg.SkipReason("Nothing new has been found, or it is being published.")
    return dg.RunRequest(tags={"dagster/priority": "2"})


def due(instance: dg.DagsterInstance, now: datetime) -> bool:
    """Whether something was found that no successful run has looked at, and no run is under way or has just failed."""
    found = max((_computed(instance, table) for table in FINDINGS), default=0.0)
    last = next(iter(instance.get_run_records(dg.RunsFilter(job_name=publishing.name), limit=1)), None)
    if last is None or not found:
        return bool(found)
    if last.dagster_run.status == dg.DagsterRunStatus.SUCCESS:
        return found >= (last.start_time or 0.0)
    return last.dagster_run.is_finished and last.update_timestamp <= now - AGAIN_AFTER


def _computed(instance: dg.DagsterInstance, table: str) -> float:
    """When a partition of the table was last computed, seconds of the epoch; 0 where none ever was."""
    event = instance.get_latest_materialization_event(dg.AssetKey(table))
    return event.timestamp if event else 0.0
