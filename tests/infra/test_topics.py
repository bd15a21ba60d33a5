"""How topics are kept."""

from typing import Any

import pytest

from infra.topics import DAY_MS, Timestamps, TopicSpec, create_topics, list_topics, topic_specs
from sitehub.settings import Settings
from streams.reading import spans
from tests.contract import CATALOG


@pytest.mark.parametrize("timestamps", ["LogAppendTime", "CreateTime"])
def test_a_register_record_is_kept_as_long_as_its_upload(timestamps: Timestamps) -> None:
    """Compaction waits until the last upload that it could make look missing has been deleted with its segment."""
    specs = {spec.name: spec.config for spec in topic_specs(CATALOG, 2, 30, timestamps, 38)}
    raw, canonical = specs["raw.jiangsu.device"], specs["canonical.device"]
    waits = int(canonical["min.compaction.lag.ms"])
    assert canonical["cleanup.policy"] == "compact"
    if timestamps == "LogAppendTime":
        assert waits > int(raw["retention.ms"]) + int(raw["segment.ms"]) == 37 * DAY_MS
    else:  # raw uploads stay for ever
        assert raw["retention.ms"] == "-1"
        assert waits == (1 << 63) - 1


def test_a_rejected_upload_is_kept_longer_than_its_upload() -> None:
    """As long as the ledger sees an upload it finds it in quarantine; whoever sets less is told why not."""
    settings = Settings(_env_file=None, raw_retention_days=60)  # type: ignore[call-arg]  # pydantic-settings' own
    kept = settings.raw_retention_days, settings.raw_timestamps, settings.quarantine_retention_days
    specs = {spec.name: spec.config for spec in topic_specs(CATALOG, 2, *kept)}
    raw, rejected = specs["raw.jiangsu.device"], specs["quarantine.jiangsu"]
    assert int(rejected["retention.ms"]) > int(raw["retention.ms"]) + int(raw["segment.ms"]) == 67 * DAY_MS
    with pytest.raises(ValueError, match="needs rejected uploads for 68 days, 8 more than raw ones"):
        Settings(_env_file=None, raw_retention_days=60, quarantine_retention_days=67)  # type: ignore[call-arg]


def test_topics_can_be_used_once_they_are_created(stack: Any) -> None:
    """The broker answers a moment before it leads their partitions: who asked for offsets at once was refused."""
    made = {f"just-made-{number}": 4 for number in range(40)}
    create_topics(stack.bootstrap_servers, [TopicSpec(name, count, {}) for name, count in made.items()])
    assert set(spans(stack.bootstrap_servers, made).values()) == {(0, 0)}
    assert made.keys() <= list_topics(stack.bootstrap_servers).keys()
