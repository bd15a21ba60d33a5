"""What looks after the lake."""

from datetime import date, datetime, timedelta

from deltalake import DeltaTable

from assets.hub import Hub
from assets.jobs import join_hourly, lake_join, lake_upkeep, schedules
from pipelines.dust.readings import ZONE
from tests.assets.world import Landing


def test_the_upkeep_takes_the_bytes_of_old_rejected_uploads(hub: Hub, landing: Landing) -> None:
    """After their retention of 38 days they are counted as before, and nobody can read what was sent."""
    today = datetime.now(ZONE).date()
    for days in (40, 30):
        landing.rejected("shanxi", today - timedelta(days=days), "bad_time")
    assert lake_upkeep.execute_in_process(resources={"hub": hub}).success
    found = hub.lake.read_quarantine().sort("received_at").collect()
    assert found["value"].to_list() == [None, b"x"]
    assert found["reason"].to_list() == ["bad_time"] * 2


def test_small_files_are_joined_every_hour(hub: Hub, landing: Landing) -> None:
    """Each commit looks through all the files of its table: a day of one every five seconds would slow it down."""
    for minute in range(3):
        landing.readings("shanxi", date(2026, 3, 3), "D1", [minute])
    table, before = DeltaTable(hub.lake.table_uri("canonical/dust-reading")), hub.lake.read("dust-reading").collect()
    assert len(table.file_uris()) == 3
    assert lake_join.execute_in_process(resources={"hub": hub}).success
    table.update_incremental()
    assert len(table.file_uris()) == 1
    assert hub.lake.read("dust-reading").collect().equals(before)
    assert join_hourly in schedules
    assert (join_hourly.job_name, join_hourly.cron_schedule) == (lake_join.name, "45 * * * *")
