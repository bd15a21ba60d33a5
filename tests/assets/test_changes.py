"""What the sensor asks for when the lake changes."""

from datetime import timedelta

import dagster as dg

from assets.changes import AT_ONCE, Cursor, lake_changes, look, touched
from assets.hub import Hub
from assets.partitions import DAYS, FeedDay
from tests.assets.world import DAY, Landing

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


def test_the_sensor_asks_by_partition_and_version(hub: Hub, landing: Landing) -> None:
    """The sensor's requests carry the partition, a run key with the log's versions, and the stations' precedence."""
    landing.readings("jiangsu", DAY, "D1", [0])
    landing.station_hours(DAY, "1151A", 50.0)
    context = dg.build_sensor_context(resources={"hub": hub})
    result = lake_changes(context)
    assert isinstance(result, dg.SensorResult)
    assert [request.partition_key for request in result.run_requests or []] == [
        "2026-03-03|national",
        "2026-03-03|jiangsu",
    ]
    stations, province = result.run_requests or []
    assert stations.tags["dagster/priority"] == "1"
    assert "dagster/priority" not in province.tags
    assert (province.run_key or "").startswith("2026-03-03|jiangsu@")
    again = dg.build_sensor_context(resources={"hub": hub}, cursor=result.cursor)
    assert isinstance(lake_changes(again), dg.SkipReason)
