"""How topics are kept."""

import pytest

from infra.topics import DAY_MS, Timestamps, topic_specs
from pipelines.catalog import Catalog


@pytest.mark.parametrize("timestamps", ["LogAppendTime", "CreateTime"])
def test_a_register_record_is_kept_as_long_as_its_upload(timestamps: Timestamps) -> None:
    """Compaction waits until the last upload that it could make look missing has been deleted with its segment."""
    specs = {spec.name: spec.config for spec in topic_specs(Catalog.load(), 2, 30, timestamps)}
    raw, canonical = specs["raw.jiangsu.device"], specs["canonical.device"]
    waits = int(canonical["min.compaction.lag.ms"])
    assert canonical["cleanup.policy"] == "compact"
    if timestamps == "LogAppendTime":
        assert waits > int(raw["retention.ms"]) + int(raw["segment.ms"]) == 37 * DAY_MS
    else:  # raw uploads stay for ever
        assert raw["retention.ms"] == "-1"
        assert waits == (1 << 63) - 1
