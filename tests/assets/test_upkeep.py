"""What looks after the lake."""

from datetime import datetime, timedelta

from assets.hub import Hub
from assets.jobs import lake_upkeep
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
