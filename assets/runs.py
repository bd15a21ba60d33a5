"""Runs the day's job in this process, partition by partition: what `sitehub materialise` does (命令行计算)."""

import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import dagster as dg

from assets.changes import Cursor, computed, look
from assets.definitions import defs
from assets.event_log import kept_open
from assets.hub import Hub
from assets.interrupts import heeded
from assets.jobs import dust_day
from assets.partitions import FeedDay

TEMPLATE = Path(__file__).resolve().parents[1] / "dagster.yaml"
CURSOR = "sitehub materialise --changed"
"""Under this name the instance keeps the command's own cursor: the daemon's sensor has another one."""

QUIET = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}


@dataclass(frozen=True)
class Outcome:
    """What became of one partition: the run, and in words what went wrong."""

    partition: FeedDay
    run_id: str
    faults: tuple[str, ...]

    @property
    def succeeded(self) -> bool:
        return not self.faults


@contextmanager
def instance_at(home: Path) -> Iterator[dg.DagsterInstance]:
    """The Dagster instance kept in `home`, which is made and configured where it is not."""
    home.mkdir(parents=True, exist_ok=True)
    if not (home / TEMPLATE.name).exists():
        shutil.copyfile(TEMPLATE, home / TEMPLATE.name)
    with dg.DagsterInstance.from_config(str(home)) as instance, kept_open(instance):
        yield instance


def materialise(instance: dg.DagsterInstance, partitions: Sequence[FeedDay], hub: Hub) -> Iterator[Outcome]:
    """Runs the whole job for each partition in turn. A partition that fails does not stop the others.

    Ctrl-C or SIGTERM ends the run under way as failed, and then takes the program's own course (KeyboardInterrupt).
    """
    job = dg.Definitions(
        assets=defs.assets,
        asset_checks=defs.asset_checks,
        jobs=[dust_day],
        resources={"hub": hub},
        executor=dg.in_process_executor,
    ).resolve_job_def(dust_day.name)
    for at in partitions:
        with heeded():
            result = job.execute_in_process(
                partition_key=at.key, instance=instance, raise_on_error=False, run_config=QUIET
            )
        yield Outcome(at, result.run_id, () if result.success else tuple(_faults(result)))


def _faults(result: dg.ExecuteInProcessResult) -> Iterator[str]:
    """Failed blocking checks in their own words, and every other fault by its innermost message."""
    for evaluation in result.get_asset_check_evaluations():
        if not evaluation.passed and evaluation.blocking:
            yield f"{evaluation.asset_key.to_user_string()}: {evaluation.description}"
    for event in result.all_events:
        if event.is_step_failure and (error := event.step_failure_data.error) is not None:
            while error.cause is not None:
                error = error.cause
            if error.cls_name != "DagsterAssetCheckFailedError":
                yield f"{event.step_key}: {error.message.strip()}"


def changed(instance: dg.DagsterInstance, hub: Hub) -> tuple[list[FeedDay], Cursor, list[FeedDay]]:
    """What changed since the last `remember`: partitions to compute, the cursor after them, those out of range."""
    stored = instance.daemon_cursor_storage.get_cursor_values({CURSOR}).get(CURSOR)
    return look(hub.lake, Cursor.parse(stored), computed(instance))


def remember(instance: dg.DagsterInstance, cursor: Cursor) -> None:
    """Moves the command's cursor; called after the runs, so that an interrupted command asks again."""
    instance.daemon_cursor_storage.set_cursor_values({CURSOR: str(cursor)})
