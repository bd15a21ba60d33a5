"""Late data repairs the past (迟到数据): what changed in the lake since the last look, as partitions to compute.

What a change touches:
- readings of a day: that day, and the day before where it has readings, because its night ends on this morning (landing
  notes the day, not the hour, so any reading of the day asks for the day before as well);
- hours of the control stations: also every province's same day that has readings;
- a register: the province's days from the register's day on that have readings or were computed without any;
- rejected uploads: the day of receipt.
A partition whose last run failed is asked for again after an hour, until it succeeds. A day that has not begun waits in
the cursor; a day before the first partition is named in the log.
"""

import hashlib
import json
from collections.abc import Iterator, Mapping, Set
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta

import dagster as dg
from dagster._core.storage.tags import PARTITION_NAME_TAG  # its own, checked with 1.13.27: tests/assets/test_changes.py

from assets.hub import Hub
from assets.jobs import dust_day
from assets.partitions import DAYS, FEEDS, PROVINCES, REFERENCE_FEED, FeedDay, in_order
from store.lake import Lake

READINGS = ("canonical/dust-reading", "canonical/station-reading")
REGISTERS = ("canonical/device", "canonical/project")
TABLES = (*READINGS, *REGISTERS, "quarantine")
AT_ONCE = 100
"""Runs asked for by one evaluation; the rest waits in the cursor, so that a first look at a large lake stays quick."""

AGAIN_AFTER = timedelta(hours=1)
FORGOTTEN_AFTER = timedelta(days=7)
"""A failure older than this, with no run since, was given up by whoever looks after the hub."""

Partitions = Set[tuple[str, str]]


@dataclass(frozen=True)
class Cursor:
    """How far each table's log was read, of which making of the table, when, and the partitions that still wait."""

    versions: Mapping[str, int] = field(default_factory=dict)
    identities: Mapping[str, str | None] = field(default_factory=dict)
    waiting: frozenset[FeedDay] = frozenset()
    looked_at: datetime | None = None

    @classmethod
    def parse(cls, text: str | None) -> "Cursor":
        """From its text; None is the beginning."""
        if not text:
            return cls()
        stored = json.loads(text)
        looked_at = stored.get("looked_at")
        return cls(
            stored["versions"],
            stored.get("identities", {}),
            frozenset(FeedDay.of(key) for key in stored["waiting"]),
            datetime.fromisoformat(looked_at) if looked_at else None,
        )

    def __str__(self) -> str:
        waiting = [at.key for at in in_order(self.waiting)]
        looked_at = self.looked_at.isoformat() if self.looked_at else None
        stored = {"versions": self.versions, "identities": self.identities, "waiting": waiting, "looked_at": looked_at}
        return json.dumps(stored)

    def since(self, table: str, identity: str | None) -> int:
        """The version that was read; -1 where the table has been made anew since, and its versions begin again."""
        return self.versions.get(table, -1) if self.identities.get(table) == identity else -1

    @property
    def mark(self) -> str:
        """Versions and tables in short: what makes a run key new when a partition changes again."""
        read = [(table, self.versions.get(table, -1), self.identities.get(table)) for table in TABLES]
        return hashlib.sha256(json.dumps(read).encode()).hexdigest()[:16]


def look(
    lake: Lake, cursor: Cursor, computed: Set[FeedDay] = frozenset(), at_once: int | None = None
) -> tuple[list[FeedDay], Cursor, list[FeedDay]]:
    """What to compute now (at most `at_once`), the cursor after it, and what lies outside the partitions.

    `computed`: the partitions that have figures, be it of a day without readings.
    """
    looked_at = datetime.now(UTC)
    identities = {table: lake.identity(table) for table in TABLES}
    seen = {
        table: lake.changed_partitions(table, cursor.since(table, identities[table]), cursor.looked_at)
        for table in TABLES
    }
    known = frozenset[tuple[str, str]]().union(*(lake.partitions(table) for table in READINGS))
    changes = {table: changed for table, (changed, _) in seen.items()}
    wanted = {
        FeedDay(date.fromisoformat(day), feed) for feed, day in touched(changes, known, computed)
    } | cursor.waiting
    lost = [at for at in wanted if at.province not in FEEDS or at.day < DAYS.start.date()]
    ready = in_order(at for at in wanted if at.exists)
    waiting = frozenset(wanted) - frozenset(lost) - frozenset(ready[:at_once])
    versions = {table: version for table, (_, version) in seen.items()}
    return ready[:at_once], Cursor(versions, identities, waiting, looked_at), in_order(lost)


def touched(
    changes: Mapping[str, Partitions], known: Partitions, computed: Set[FeedDay] = frozenset()
) -> set[tuple[str, str]]:
    """The (feed, day) whose figures depend on the changed ones; `known` are those that have readings."""
    with_figures = known | {(at.province, at.iso) for at in computed}
    asked: set[tuple[str, str]] = set(changes["quarantine"])
    for table in READINGS:
        for feed, day in changes[table]:
            asked |= {(feed, day)} | ({(feed, _day_before(day))} & known)
            if feed == REFERENCE_FEED:
                asked |= {(province, day) for province in PROVINCES} & known
    for table in REGISTERS:
        for feed, since in changes[table]:
            asked |= {(province, day) for province, day in with_figures if province == feed and day >= since}
    return asked


def _day_before(day: str) -> str:
    return FeedDay(date.fromisoformat(day), "").shifted(-1).iso


def computed(instance: dg.DagsterInstance) -> set[FeedDay]:
    """The partitions that have rates, also of days without a reading."""
    return {FeedDay.of(key) for key in instance.get_materialized_partitions(dg.AssetKey("upload_rate_daily"))}


def failed(instance: dg.DagsterInstance, now: datetime) -> dict[FeedDay, str]:
    """The partitions whose last run failed, an hour ago or longer, each with that run's id."""
    failures = dg.RunsFilter(
        job_name=dust_day.name, statuses=[dg.DagsterRunStatus.FAILURE], updated_after=now - FORGOTTEN_AFTER
    )
    keys = {key for run in instance.get_runs(failures) if (key := run.tags.get(PARTITION_NAME_TAG))}
    last = {key: instance.get_run_records(_runs_of(key), limit=1)[0] for key in sorted(keys)}
    return {
        FeedDay.of(key): record.dagster_run.run_id
        for key, record in last.items()
        if record.dagster_run.status == dg.DagsterRunStatus.FAILURE and record.update_timestamp <= now - AGAIN_AFTER
    }


def _runs_of(key: str) -> dg.RunsFilter:
    return dg.RunsFilter(job_name=dust_day.name, tags={PARTITION_NAME_TAG: key})


@dg.sensor(
    job=dust_day,
    minimum_interval_seconds=300,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Asks for the days and provinces that changed in the lake. 湖中数据有变的日期与省份，自动重算。",
)
def lake_changes(context: dg.SensorEvaluationContext, hub: Hub) -> dg.SensorResult | dg.SkipReason:
    """One run a partition; the run key holds the log's versions, so an evaluation that is repeated asks only once."""
    before = Cursor.parse(context.cursor)
    ready, after, lost = look(hub.lake, before, computed(context.instance), AT_ONCE)
    again = failed(context.instance, datetime.now(UTC))
    if lost:
        context.log.warning("not computed, outside the partitions: %s", ", ".join(at.key for at in lost))
    if not ready and not again:
        context.update_cursor(str(after))
        return dg.SkipReason("Nothing in the lake has changed.")
    keys = {at: f"{at.key}@after-{run}" for at, run in again.items()} | {at: f"{at.key}@{after.mark}" for at in ready}
    return dg.SensorResult(run_requests=list(_requests(keys)), cursor=str(after))


def _requests(run_keys: Mapping[FeedDay, str]) -> Iterator[dg.RunRequest]:
    for at in in_order(run_keys):
        # Runs wait in a queue of one: the control stations go first, because the provinces are compared with them.
        priority = {"dagster/priority": "1"} if at.is_reference else {}
        yield dg.RunRequest(run_key=run_keys[at], partition_key=at.key, tags=priority)
