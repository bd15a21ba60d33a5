"""`sitehub publish` as an operator uses it: what the gold tables hold, in the hub's own topics, on a real Kafka."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from pipelines.codec import decode
from sitehub.commands.publish import publish
from sitehub.settings import settings
from store.gold import closing_engine, replace_partition, upgrade
from store.tables import device_states, dust_daily, exceedance, frame_schema
from streams.reading import read, settled_spans
from streams.records import Record
from tests.conftest import Stack
from tests.contract import CATALOG

DAY = "2026-03-02"
TOPIC = "hub.exceedance"
STATES = "hub.device-state"
MIDNIGHT = datetime(2026, 3, 1, 16, tzinfo=UTC)
"""Local midnight of DAY."""


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


def judged(day: int, *states: tuple[str, float, float], holds: bool) -> None:
    """Put a day into the gold tables: states of one device in a row, each with its hours of the day; the last holds."""
    began = MIDNIGHT + timedelta(days=day)
    local_day = f"2026-03-0{2 + day}"
    rows = [
        {
            "province": "jiangsu", "day": local_day, "device_code": "D-1", "state": state, "interval_s": 60,
            "began": began + timedelta(hours=first), "ended": began + timedelta(hours=last),
            "holds": holds and number == len(states), "device_kind": "dust", "code_version": "1.0",
            "last_reading_at": began + timedelta(hours=last, minutes=-1) if state == "online" else None,
        }
        for number, (state, first, last) in enumerate(states, start=1)
    ]  # fmt: skip
    with closing_engine(settings().gold_url) as gold:
        frame = pl.DataFrame(rows, schema=frame_schema(device_states))
        replace_partition(gold, "device_states", "jiangsu", local_day, frame)


def run(capsys: pytest.CaptureFixture[str], topic: str = TOPIC) -> tuple[int, int, int]:
    """What the command says it did: written, withdrawn, unchanged."""
    publish(as_json=True)
    said: dict[str, Any] = json.loads(capsys.readouterr().out)
    assert said.keys() == {TOPIC, STATES}
    return said[topic]["written"], said[topic]["withdrawn"], said[topic]["unchanged"]


def log(stack: Stack, topic: str) -> list[Record]:
    """Every record of the topic."""
    wanted = settled_spans(stack.bootstrap_servers, {topic: stack.topics()[topic]})
    return [record for found in read(stack.bootstrap_servers, wanted) for record in found]


def test_the_topic_follows_the_table(stack: Stack, hub: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Two found; one changed and one taken back by late data; where the day is not known none is taken back."""
    for values, done in [((91.5, 85.0), (2, 0, 0)), ((92.0,), (1, 1, 0))]:
        computed(*values)
        assert run(capsys) == done
    with pytest.MonkeyPatch.context() as other:
        other.setenv("SITEHUB_GOLD_URL", f"sqlite:///{hub / 'other.sqlite'}")
        settings.cache_clear()
        assert run(capsys) == (0, 0, 0)
    records = log(stack, TOPIC)
    assert len(records) == 4
    kind = CATALOG.hub["exceedance"]
    held = decode([record.value for record in records if record.value is not None], kind)
    assert sorted(held["value"]) == [85.0, 91.5, 92.0]
    keys = {record.key.decode() for record in records if record.key}
    assert keys == set(held["event_id"]) == {
        f"jiangsu:exceedance:D-1:{1772409600000 + hour * 3_600_000}:jiangsu-pm10" for hour in (1, 2)
    }  # fmt: skip


@pytest.mark.usefixtures("hub")
def test_a_state_over_midnight_is_told_once(stack: Stack, capsys: pytest.CaptureFixture[str]) -> None:
    """One record across two days; what late data join into it is withdrawn, and nothing else is said again."""
    judged(0, ("offline", 0, 20), ("online", 20, 21), ("offline", 21, 23), ("online", 23, 24), holds=True)
    judged(1, ("offline", 0, 0.01), ("online", 0.01, 9), holds=True)
    assert run(capsys, STATES) == (4, 0, 0)
    judged(1, ("offline", 0, 0.01), ("online", 0.01, 10), holds=True)
    assert run(capsys, STATES) == (0, 0, 4)
    judged(0, ("offline", 0, 20), ("online", 20, 24), holds=True)
    assert run(capsys, STATES) == (1, 2, 1)
    held = {record.key: record.value for record in log(stack, STATES)}
    kind = CATALOG.hub["device-state"]
    told = decode([value for value in held.values() if value is not None], kind).sort("observed_at")
    began = MIDNIGHT + timedelta(hours=20)
    assert told.select("state", "observed_at", "ended_at", "expected_interval_s").rows() == [
        ("offline", MIDNIGHT, began, 60),
        ("online", began, None, 60),
    ]
