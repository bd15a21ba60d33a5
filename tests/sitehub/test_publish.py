"""`sitehub publish` as an operator uses it: the gold table's exceedances in hub.exceedance, on a real Kafka."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from pipelines.catalog import Catalog
from pipelines.codec import decode
from sitehub.commands.publish import publish
from sitehub.settings import settings
from store.gold import closing_engine, replace_partition, upgrade
from store.tables import dust_daily, exceedance, frame_schema
from streams.reading import read, spans
from tests.conftest import Stack

DAY = "2026-03-02"
TOPIC = "hub.exceedance"


@pytest.fixture
def hub(stack: Stack, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A home on the session's stack with an empty gold database; the topic and its schema are there."""
    stack.provision()
    for name, value in stack.environment(tmp_path).items():
        monkeypatch.setenv(name, value)
    settings.cache_clear()
    upgrade(settings().gold_url)
    yield tmp_path
    settings.cache_clear()


def computed(*values: float) -> None:
    """Put a day into the gold tables: one exceedance for each value, an hour apart."""
    day = {"province": "jiangsu", "day": DAY, "device_code": "D-1"}
    rows = [
        {
            **day,
            "limit_id": "jiangsu-pm10", "began": datetime(2026, 3, 2, hour, tzinfo=UTC),
            "ended": datetime(2026, 3, 2, hour + 1, tzinfo=UTC), "project_code": "JS-1-320100", "parameter": "pm10",
            "averaging": "1h", "judgement": "difference", "level": "alarm", "value": value, "reference_value": 40.0,
            "limit_value": 80.0, "unit": "ug/m3", "standard": "DB32/4437-2022", "code_version": "1.0",
        }
        for hour, value in enumerate(values, start=1)
    ]  # fmt: skip
    daily = pl.DataFrame([{**day, "subject": "site"}], schema=frame_schema(dust_daily))
    with closing_engine(settings().gold_url) as gold:
        replace_partition(gold, "dust_daily", "jiangsu", DAY, daily)
        found = pl.DataFrame(rows, schema=frame_schema(exceedance))
        replace_partition(gold, "exceedance", "jiangsu", DAY, found)


def run(capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    """What the command says it did."""
    publish(as_json=True)
    said: dict[str, Any] = json.loads(capsys.readouterr().out)
    return said


def test_the_topic_follows_the_table(stack: Stack, hub: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Two found; one changed and one taken back by late data; where the day is not known none is taken back."""
    for values, done in [((91.5, 85.0), (2, 0, 0)), ((92.0,), (1, 1, 0))]:
        computed(*values)
        said = run(capsys)
        assert (said["written"], said["withdrawn"], said["unchanged"]) == done
    with pytest.MonkeyPatch.context() as other:
        other.setenv("SITEHUB_GOLD_URL", f"sqlite:///{hub / 'other.sqlite'}")
        settings.cache_clear()
        assert run(capsys) == {"topic": TOPIC, "written": 0, "withdrawn": 0, "unchanged": 0}
    records = [
        record
        for found in read(stack.bootstrap_servers, spans(stack.bootstrap_servers, {TOPIC: stack.topics()[TOPIC]}))
        for record in found
    ]
    assert len(records) == 4
    kind = Catalog.load().hub["exceedance"]
    held = decode([record.value for record in records if record.value is not None], kind)
    assert sorted(held["value"]) == [85.0, 91.5, 92.0]
    keys = {record.key.decode() for record in records if record.key}
    assert keys == set(held["event_id"]) == {
        f"jiangsu:exceedance:D-1:{1772409600000 + hour * 3_600_000}:jiangsu-pm10" for hour in (1, 2)
    }  # fmt: skip
