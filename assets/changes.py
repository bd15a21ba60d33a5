"""Late data repairs the past (迟到数据): what changed in the lake since the last look, as partitions to compute.

What a change touches:
- readings of a day: that day, and the day before where it has readings, because its night ends on this morning;
- hours of the control stations: also every province's same day that has readings;
- a register: the province's days with readings from the register's day on;
- rejected uploads: the day of receipt.
A day that has not begun waits in the cursor; a day before the first partition is named in the log.
"""

import json
from collections.abc import Iterator, Mapping, Set
from dataclasses import dataclass, field
from datetime import date

import dagster as dg

from assets.hub import Hub
from assets.jobs import dust_day
from assets.partitions import DAYS, FEEDS, PROVINCES, REFERENCE_FEED, FeedDay, in_order
from store.lake import Lake

READINGS = ("canonical/dust-reading", "canonical/station-reading")
REGISTERS = ("canonical/device", "canonical/project")
TABLES = (*READINGS, *REGISTERS, "quarantine")
AT_ONCE = 100
"""Runs asked for by one evaluation; the rest waits in the cursor, so that a first look at a large lake stays quick."""

Partitions = Set[tuple[str, str]]


@dataclass(frozen=True)
class Cursor:
    """How far each table's log was read, and the partitions that still wait."""

    versions: Mapping[str, int] = field(default_factory=dict)
    waiting: frozenset[FeedDay] = frozenset()

    @classmethod
    def parse(cls, text: str | None) -> "Cursor":
        """From its text; None is the beginning."""
        if not text:
            return cls()
        stored = json.loads(text)
        return cls(stored["versions"], frozenset(FeedDay.of(key) for key in stored["waiting"]))

    def __str__(self) -> str:
        return json.dumps({"versions": self.versions, "waiting": [at.key for at in in_order(self.waiting)]})

    @property
    def mark(self) -> str:
        """The versions in short: what makes a run key new when a partition changes again."""
        return ".".join(str(self.versions.get(table, -1)) for table in TABLES)


def look(lake: Lake, cursor: Cursor, at_once: int | None = None) -> tuple[list[FeedDay], Cursor, list[FeedDay]]:
    """What to compute now (at most `at_once`), the cursor after it, and what lies outside the partitions."""
    seen = {table: lake.changed_partitions(table, cursor.versions.get(table, -1)) for table in TABLES}
    known = frozenset[tuple[str, str]]().union(*(lake.partitions(table) for table in READINGS))
    changes = {table: changed for table, (changed, _) in seen.items()}
    wanted = {FeedDay(date.fromisoformat(day), feed) for feed, day in touched(changes, known)} | cursor.waiting
    lost = [at for at in wanted if at.province not in FEEDS or at.day < DAYS.start.date()]
    ready = in_order(at for at in wanted if at.exists)
    waiting = frozenset(wanted) - frozenset(lost) - frozenset(ready[:at_once])
    return ready[:at_once], Cursor({table: version for table, (_, version) in seen.items()}, waiting), in_order(lost)


def touched(changes: Mapping[str, Partitions], known: Partitions) -> set[tuple[str, str]]:
    """The (feed, day) whose figures depend on the changed ones; `known` are those that have readings."""
    asked: set[tuple[str, str]] = set(changes["quarantine"])
    for table in READINGS:
        for feed, day in changes[table]:
            asked |= {(feed, day)} | ({(feed, _day_before(day))} & known)
            if feed == REFERENCE_FEED:
                asked |= {(province, day) for province in PROVINCES} & known
    for table in REGISTERS:
        for feed, since in changes[table]:
            asked |= {(province, day) for province, day in known if province == feed and day >= since}
    return asked


def _day_before(day: str) -> str:
    return FeedDay(date.fromisoformat(day), "").shifted(-1).iso


@dg.sensor(
    job=dust_day,
    minimum_interval_seconds=300,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Asks for the days and provinces that changed in the lake. 湖中数据有变的日期与省份，自动重算。",
)
def lake_changes(context: dg.SensorEvaluationContext, hub: Hub) -> dg.SensorResult | dg.SkipReason:
    """One run a partition; the run key holds the log's versions, so an evaluation that is repeated asks only once."""
    before = Cursor.parse(context.cursor)
    ready, after, lost = look(hub.lake, before, AT_ONCE)
    if lost:
        context.log.warning("not computed, outside the partitions: %s", ", ".join(at.key for at in lost))
    if not ready:
        context.update_cursor(str(after))
        return dg.SkipReason("Nothing in the lake has changed.")
    return dg.SensorResult(run_requests=list(_requests(ready, after)), cursor=str(after))


def _requests(partitions: list[FeedDay], cursor: Cursor) -> Iterator[dg.RunRequest]:
    for at in partitions:
        # Runs wait in a queue of one: the control stations go first, because the provinces are compared with them.
        priority = {"dagster/priority": "1"} if at.is_reference else {}
        yield dg.RunRequest(run_key=f"{at.key}@{cursor.mark}", partition_key=at.key, tags=priority)
