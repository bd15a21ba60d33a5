"""Register history: late, doubled and amended uploads end in the same history as tidy ones."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import groupby, pairwise
from pathlib import Path

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from store.gold import engine, read_history, upgrade
from store.registers import AGE, landed_offset, merge_history
from store.tables import HISTORIES
from tests.store.rows import Row, frame, row

START = datetime(2026, 3, 1, tzinfo=UTC)
TOPIC = "canonical.device"


def event(kind: str, subject: str, day: int, offset: int, received_day: int | None = None, **known: object) -> Row:
    """A canonical row of a register; what is not named is null."""
    received = START + timedelta(days=received_day if received_day is not None else day, minutes=offset)
    return row(kind, subject, START + timedelta(days=day), offset, received_at=received, **known)


def upload(device: str, day: int, offset: int, name: str, received_day: int | None = None) -> Row:
    """A canonical device row."""
    return event("device", device, day, offset, received_day, device_code=device, device_name=name)


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
    merge_history(made, "device", frame("device", upload("A", 5, 0, "new")), {(TOPIC, 0): 1})
    merge_history(made, "device", frame("device", upload("A", 1, 1, "old", received_day=6)), {(TOPIC, 0): 2})
    assert names(made) == [("A", "old", 1, 5), ("A", "new", 5, None)]
    assert names(made, START + timedelta(days=3)) == [("A", "old", 1, 5)]
    assert names(made, START + timedelta(days=5)) == [("A", "new", 5, None)]
    assert names(made, START) == []


def test_an_amendment_replaces_and_a_double_does_nothing(made: sa.Engine) -> None:
    """Of equal event ids the latest received holds, whichever arrives last."""
    first, amended = upload("A", 1, 0, "wrong"), upload("A", 1, 1, "right", received_day=2)
    merge_history(made, "device", frame("device", amended), {(TOPIC, 0): 2})
    merge_history(made, "device", frame("device", first, first), {(TOPIC, 0): 2})
    assert names(made) == [("A", "right", 1, None)]


def test_the_landed_offset_moves_with_the_rows_and_never_back(made: sa.Engine) -> None:
    """Rows and offset are one transaction; an older writer cannot set the offset back."""
    assert landed_offset(made, TOPIC, 0) is None
    merge_history(made, "device", frame("device", upload("A", 1, 0, "a")), {(TOPIC, 0): 10, (TOPIC, 1): 3})
    merge_history(made, "device", frame("device", upload("A", 1, 0, "a")), {(TOPIC, 0): 7})
    assert landed_offset(made, TOPIC, 0) == 10
    assert landed_offset(made, TOPIC, 1) == 3


def test_a_failure_leaves_neither_rows_nor_offset(made: sa.Engine) -> None:
    """A row that the database refuses (no device code) takes its whole batch and its offset back."""
    broken = upload("B", 1, 1, "b") | {"mapping": None}
    with pytest.raises(sa.exc.IntegrityError):
        merge_history(made, "device", frame("device", upload("A", 1, 0, "a"), broken), {(TOPIC, 0): 2})
    assert names(made) == []
    assert landed_offset(made, TOPIC, 0) is None


def work(project: str, code: str, day: int, late: int, offset: int) -> Row:
    """A canonical hazardous work whose arrays grow with its amendments: null, then empty, then filled."""
    name = f"{project}/{code}, day {day}, amended {late} times"
    documents = [{"document_class": "scheme", "title": f"方案{number}", "reference": None} for number in range(late)]
    known: Row = {"project_code": project, "work_code": code, "work_class": "excavation", "work_name": name}
    arrays: Row = {"attachments": documents, "monitor_device_codes": [None, [], ["D1", "D2"]][late]}
    return event("hazardous-work", f"{project}/{code}", day, offset, day + late, **known, **arrays)


def slow_history(rows: list[Row]) -> Iterator[tuple[object, ...]]:
    """(project, work, name, documents, devices, valid_from, valid_to), by the rule as it is said."""
    held = {row["event_id"]: row for row in sorted(rows, key=lambda row: [row[name] for name in AGE])}
    states = sorted(held.values(), key=lambda row: (row["project_code"], row["work_code"], row["observed_at"]))
    for subject, of_subject in groupby(states, key=lambda row: (row["project_code"], row["work_code"])):
        ordered = list(of_subject)
        ends = [*(state["observed_at"] for state in ordered[1:]), None]
        for state, until in zip(ordered, ends, strict=True):
            arrays = state["attachments"], state["monitor_device_codes"]
            yield *subject, state["work_name"], *arrays, state["observed_at"], until


works = st.lists(
    st.tuples(st.sampled_from([("P", "1"), ("P", "2"), ("Q", "1"), ("Q", "2")]), st.integers(0, 3), st.integers(0, 2)),
    min_size=1,
    max_size=16,
)


@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(arrived=works.flatmap(st.permutations), cuts=st.lists(st.integers(0, 16), max_size=4))
def test_the_history_is_a_function_of_the_uploads_alone(
    made: sa.Engine, arrived: list[tuple[tuple[str, str], int, int]], cuts: list[int]
) -> None:
    """Late, doubled, amended, in any order and batches: works of a project, told apart by two fields, with arrays."""
    rows = [work(*subject, day, late, offset=10 * day + late) for subject, day, late in arrived]
    with made.begin() as connection:
        connection.execute(sa.delete(HISTORIES["hazardous-work"]))
    for begin, end in pairwise([0, *sorted(cuts), len(rows)]):
        merge_history(made, "hazardous-work", frame("hazardous-work", *rows[begin:end]), {})
    found = read_history(made, "hazardous-work", "jiangsu", None).select(
        "project_code", "work_code", "work_name", "attachments", "monitor_device_codes", "valid_from", "valid_to"
    )
    parsed = [
        (project, code, name, json.loads(documents), devices and json.loads(devices), *validity)
        for project, code, name, documents, devices, *validity in found.iter_rows()
    ]
    assert parsed == list(slow_history(rows))


def test_times_within_an_array_are_texts_in_utc(made: sa.Engine) -> None:
    """A worker's certificates, as SQL's own functions for JSON read them."""
    certificate = {"certificate_kind": "special", "valid_to": START}
    known: Row = {"project_code": "P", "person_id": "x", "role": "labour", "certificates": [certificate]}
    merge_history(made, "worker", frame("worker", event("worker", "P/x", 1, 0, **known)), {})
    query = "select json_extract(certificates, '$[0].valid_to') from worker_history"
    with made.connect() as connection:
        assert connection.exec_driver_sql(query).scalar_one() == "2026-03-01T00:00:00Z"


def test_what_a_risk_point_states_of_its_own_validity_is_kept_beside(made: sa.Engine) -> None:
    """Its fields have the names of the history's own columns."""
    known: Row = {"project_code": "P", "risk_code": "1", "risk_level": "major", "valid_from": START, "valid_to": None}
    merge_history(made, "risk-point", frame("risk-point", event("risk-point", "P/1", 1, 0, **known)), {})
    row = read_history(made, "risk-point", "jiangsu", None).row(0, named=True)
    assert (row["stated_valid_from"], row["valid_from"]) == (START, START + timedelta(days=1))
