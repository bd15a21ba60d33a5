"""What the sensor asks for when the lake changes."""

import shutil
from datetime import UTC, datetime, timedelta

import dagster as dg
import polars as pl
import pytest

from assets import changes
from assets.changes import AGAIN_AFTER, AT_ONCE, Cursor, failed, lake_changes, look, touched
from assets.hub import Hub
from assets.partitions import DAYS, FeedDay
from assets.runs import materialise
from pipelines.dust import rejected
from tests.assets.world import DAY, Landing

JIANGSU = FeedDay(DAY, "jiangsu")
NEXT = DAY + timedelta(days=1)
NOTHING: dict[str, set[tuple[str, str]]] = {
    "canonical/dust-reading": set(),
    "canonical/station-reading": set(),
    "canonical/device": set(),
    "canonical/project": set(),
    "quarantine": set(),
}


def keys(partitions: list[FeedDay]) -> list[str]:
    """Partition keys in the order asked for."""
    return [at.key for at in partitions]


def test_an_empty_lake_asks_for_nothing(hub: Hub) -> None:
    """Before anything has landed there is nothing to compute."""
    assert look(hub.lake, Cursor())[0] == []


def test_a_landed_day_is_asked_for_once(hub: Hub, landing: Landing) -> None:
    """A new day is asked for, and not again until it changes."""
    landing.readings("jiangsu", DAY, "D1", [0])
    ready, cursor, _ = look(hub.lake, Cursor())
    assert keys(ready) == ["2026-03-03|jiangsu"]
    assert look(hub.lake, Cursor.parse(str(cursor)))[0] == []


def test_late_data_ask_for_their_day_and_the_night_before(hub: Hub, landing: Landing) -> None:
    """A reading of a past day asks for that day again, and for the day whose night ends on it."""
    for day in (DAY, NEXT):
        landing.readings("jiangsu", day, "D1", [0])
    cursor = look(hub.lake, Cursor())[1]
    landing.readings("jiangsu", NEXT, "D1", [30])
    assert keys(look(hub.lake, cursor)[0]) == ["2026-03-03|jiangsu", "2026-03-04|jiangsu"]


def test_control_stations_ask_for_the_provinces_compared_with_them(hub: Hub, landing: Landing) -> None:
    """New station hours renew the same day of every province that has readings, the stations first."""
    landing.readings("shanxi", DAY, "D1", [0])
    cursor = look(hub.lake, Cursor())[1]
    landing.station_hours(DAY, "1151A", 50.0)
    assert keys(look(hub.lake, cursor)[0]) == ["2026-03-03|national", "2026-03-03|shanxi"]


def test_a_register_asks_for_the_days_since(hub: Hub, landing: Landing) -> None:
    """A device registered from a day on renews that day and later ones that have readings, and no earlier one."""
    for day in (DAY, NEXT):
        landing.readings("jiangsu", day, "D1", [0])
    cursor = look(hub.lake, Cursor())[1]
    landing.device("jiangsu", "D1", NEXT)
    assert keys(look(hub.lake, cursor)[0]) == ["2026-03-04|jiangsu"]


def test_a_rejected_upload_asks_for_its_day_of_receipt() -> None:
    """Quarantine counts by day of receipt."""
    assert touched(NOTHING | {"quarantine": {("sichuan", "2026-03-03")}}, frozenset()) == {("sichuan", "2026-03-03")}


def test_compaction_asks_for_nothing(hub: Hub, landing: Landing) -> None:
    """Joining files changes no figure."""
    for minute in range(3):
        landing.readings("jiangsu", DAY, "D1", [minute])
    cursor = look(hub.lake, Cursor())[1]
    hub.lake.compact("canonical/dust-reading")
    assert look(hub.lake, cursor)[0] == []


def test_days_outside_the_partitions_wait_or_are_named(hub: Hub, landing: Landing) -> None:
    """A day that has not begun waits in the cursor; a day before the first partition is named."""
    today = FeedDay.of(f"{DAYS.get_last_partition_key()}|jiangsu")
    landing.readings("jiangsu", today.shifted(1).day, "D1", [0])
    landing.readings("jiangsu", DAYS.start.date() - timedelta(days=1), "D1", [0])
    ready, cursor, lost = look(hub.lake, Cursor())
    assert ready == []
    assert cursor.waiting == {today.shifted(1)}
    assert [at.iso for at in lost] == ["2018-12-31"]


def test_what_is_too_much_for_one_evaluation_waits(hub: Hub, landing: Landing) -> None:
    """An evaluation asks for a bounded number of runs, and the next one for the rest."""
    for number in range(4):
        landing.readings("jiangsu", DAY + timedelta(days=number), "D1", [0])
    first, cursor, _ = look(hub.lake, Cursor(), at_once=3)
    second, rest, _ = look(hub.lake, Cursor.parse(str(cursor)), at_once=3)
    assert keys(first + second) == [f"2026-03-0{day}|jiangsu" for day in (3, 4, 5, 6)]
    assert not rest.waiting
    assert AT_ONCE >= 100


def asked(hub: Hub, instance: dg.DagsterInstance, cursor: str | None = None) -> dg.SensorResult:
    """What an evaluation of the sensor asks for."""
    result = lake_changes(dg.build_sensor_context(instance, cursor=cursor, resources={"hub": hub}))
    assert isinstance(result, dg.SensorResult), result
    return result


def test_the_sensor_asks_by_partition_and_version(hub: Hub, landing: Landing, instance: dg.DagsterInstance) -> None:
    """The sensor's requests carry the partition, a run key with the log's versions, and the stations' precedence."""
    landing.readings("jiangsu", DAY, "D1", [0])
    landing.station_hours(DAY, "1151A", 50.0)
    result = asked(hub, instance)
    assert [request.partition_key for request in result.run_requests or []] == [
        "2026-03-03|national",
        "2026-03-03|jiangsu",
    ]
    stations, province = result.run_requests or []
    assert stations.tags["dagster/priority"] == "1"
    assert "dagster/priority" not in province.tags
    assert (province.run_key or "").startswith("2026-03-03|jiangsu@")
    again = dg.build_sensor_context(instance, cursor=result.cursor, resources={"hub": hub})
    assert isinstance(lake_changes(again), dg.SkipReason)


def test_a_lake_made_anew_is_read_from_the_beginning(hub: Hub, landing: Landing, instance: dg.DagsterInstance) -> None:
    """A cursor beyond the versions of a new lake does not hide its days, nor is a run key used twice."""
    for minute in range(3):
        landing.readings("jiangsu", DAY, "D1", [minute])
    before = asked(hub, instance)
    shutil.rmtree(hub.lake_url)
    fresh = hub.model_copy(update={"lake_url": f"{hub.lake_url}/"})  # a process of its own has no table open
    Landing(fresh).readings("jiangsu", DAY, "D1", [0])
    after = asked(hub, instance, before.cursor)
    (old,), (new,) = before.run_requests or [], after.run_requests or []
    assert old.partition_key == new.partition_key
    assert old.run_key != new.run_key


def test_a_register_asks_for_computed_days_without_readings(hub: Hub, landing: Landing) -> None:
    """A day on which nobody sent anything has figures too: what was expected is counted anew."""
    landing.readings("jiangsu", DAY, "D1", [0])
    cursor = look(hub.lake, Cursor())[1]
    landing.device("jiangsu", "D1", DAY - timedelta(days=2))
    silent = {FeedDay(DAY - timedelta(days=back), "jiangsu") for back in (1, 3)}
    assert keys(look(hub.lake, cursor, silent)[0]) == ["2026-03-02|jiangsu", "2026-03-03|jiangsu"]


def test_a_failed_partition_is_asked_for_again(
    hub: Hub, landing: Landing, instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A run that failed is asked for again once, after a while, until a run succeeds."""
    landing.readings("jiangsu", DAY, "D1", [0])
    cursor = asked(hub, instance).cursor

    def full(_: pl.DataFrame) -> pl.DataFrame:
        raise OSError("disk full for a minute")

    with monkeypatch.context() as patched:
        patched.setattr(rejected, "rejected_counts", full)
        assert not next(materialise(instance, [JIANGSU], hub)).succeeded
    now = datetime.now(UTC)
    assert failed(instance, now) == {}
    assert list(failed(instance, now + AGAIN_AFTER)) == [JIANGSU]
    monkeypatch.setattr(changes, "AGAIN_AFTER", timedelta())
    (request,) = asked(hub, instance, cursor).run_requests or []
    assert request.partition_key == JIANGSU.key
    assert request.run_key == (asked(hub, instance, cursor).run_requests or [])[0].run_key
    assert next(materialise(instance, [JIANGSU], hub)).succeeded
    assert failed(instance, now + AGAIN_AFTER) == {}
