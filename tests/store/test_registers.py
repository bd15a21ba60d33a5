"""Register history: late, doubled and amended uploads end in the same history as tidy ones."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from store.gold import engine, read_history, upgrade
from store.registers import landed_offset, merge_history
from store.tables import device_history, frame_schema

START = datetime(2026, 3, 1, tzinfo=UTC)
TOPIC = "canonical.device"


def upload(device: str, day: int, offset: int, name: str, received_day: int | None = None) -> dict[str, object]:
    """A canonical device row; what is not named is null."""
    observed = START + timedelta(days=day)
    return {
        "event_id": f"jiangsu:device:{device}:{int(observed.timestamp() * 1000)}",
        "province": "jiangsu",
        "device_code": device,
        "observed_at": observed,
        "received_at": START + timedelta(days=received_day if received_day is not None else day, minutes=offset),
        "quality": 2,
        "source_topic": "raw.jiangsu.device",
        "source_partition": 0,
        "source_offset": offset,
        "mapping": "jiangsu/device@0123456789ab",
        "device_name": name,
    }


def frame(*rows: dict[str, object]) -> pl.DataFrame:
    """Rows as the landing hands them over: canonical columns only."""
    schema = {c: t for c, t in frame_schema(device_history).items() if c not in ("valid_from", "valid_to")}
    return pl.DataFrame(list(rows), schema=schema)


@pytest.fixture
def made(tmp_path: Path) -> sa.Engine:
    """An empty gold database."""
    url = f"sqlite:///{tmp_path / 'gold.sqlite'}"
    upgrade(url)
    return engine(url)


def names(made: sa.Engine, as_of: datetime | None = None) -> list[tuple[object, ...]]:
    """(device, name, valid_from day, valid_to day) of the history."""
    rows = read_history(made, "device", "jiangsu", as_of).select("device_code", "device_name", "valid_from", "valid_to")
    return [
        (code, name, (began - START).days, None if ended is None else (ended - START).days)
        for code, name, began, ended in rows.iter_rows()
    ]


def test_states_follow_one_another(made: sa.Engine) -> None:
    """A state holds until the next one begins, also when the earlier one arrives later."""
    merge_history(made, "device", frame(upload("A", 5, 0, "new")), {(TOPIC, 0): 1})
    merge_history(made, "device", frame(upload("A", 1, 1, "old", received_day=6)), {(TOPIC, 0): 2})
    assert names(made) == [("A", "old", 1, 5), ("A", "new", 5, None)]
    assert names(made, START + timedelta(days=3)) == [("A", "old", 1, 5)]
    assert names(made, START + timedelta(days=5)) == [("A", "new", 5, None)]
    assert names(made, START) == []


def test_an_amendment_replaces_and_a_double_does_nothing(made: sa.Engine) -> None:
    """Of equal event ids the latest received holds, whichever arrives last."""
    first, amended = upload("A", 1, 0, "wrong"), upload("A", 1, 1, "right", received_day=2)
    merge_history(made, "device", frame(amended), {(TOPIC, 0): 2})
    merge_history(made, "device", frame(first, first), {(TOPIC, 0): 2})
    assert names(made) == [("A", "right", 1, None)]


def test_the_landed_offset_moves_with_the_rows_and_never_back(made: sa.Engine) -> None:
    """Rows and offset are one transaction; an older writer cannot set the offset back."""
    assert landed_offset(made, TOPIC, 0) is None
    merge_history(made, "device", frame(upload("A", 1, 0, "a")), {(TOPIC, 0): 10, (TOPIC, 1): 3})
    merge_history(made, "device", frame(upload("A", 1, 0, "a")), {(TOPIC, 0): 7})
    assert landed_offset(made, TOPIC, 0) == 10
    assert landed_offset(made, TOPIC, 1) == 3


def test_a_failure_leaves_neither_rows_nor_offset(made: sa.Engine) -> None:
    """A row that the database refuses (no device code) takes its whole batch and its offset back."""
    broken = upload("B", 1, 1, "b") | {"mapping": None}
    with pytest.raises(sa.exc.IntegrityError):
        merge_history(made, "device", frame(upload("A", 1, 0, "a"), broken), {(TOPIC, 0): 2})
    assert names(made) == []
    assert landed_offset(made, TOPIC, 0) is None


uploads = st.lists(
    st.tuples(st.sampled_from("AB"), st.integers(0, 3), st.integers(0, 2)), min_size=1, max_size=12
).flatmap(st.permutations)


@settings(max_examples=6, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(arrived=uploads, cuts=st.lists(st.integers(0, 12), max_size=3))
def test_neither_order_nor_batches_change_the_history(
    tmp_path_factory: pytest.TempPathFactory, arrived: list[tuple[str, int, int]], cuts: list[int]
) -> None:
    """The history is a function of the set of uploads alone."""
    rows = [upload(d, day, 10 * day + late, f"{day}/{late}", received_day=day + late) for d, day, late in arrived]
    histories = []
    for batches in (
        [sorted(rows, key=str)],
        [rows[a:b] for a, b in zip([0, *sorted(cuts)], [*sorted(cuts), None], strict=True)],
    ):
        url = f"sqlite:///{tmp_path_factory.mktemp('gold') / 'gold.sqlite'}"
        upgrade(url)
        made = engine(url)
        for batch in batches:
            merge_history(made, "device", frame(*batch), {(TOPIC, 0): 1})
        histories.append(names(made))
        made.dispose()
    assert histories[0] == histories[1]
