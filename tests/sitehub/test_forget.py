"""Where a person stands, as the operator asks for it."""

import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from pipelines.catalog import Catalog
from pipelines.mapping.people import PersonKey
from sitehub.commands.forget import forget
from sitehub.settings import PROJECT_ROOT, settings
from store.gold import closing_engine, upgrade
from store.lake import Lake
from store.registers import merge_history
from tests.contract import CATALOG
from tests.store.rows import Row, frame, row

START = datetime(2026, 3, 1, tzinfo=UTC)
PERSON, OTHER = (f"{n:08x}-{n:032x}" for n in (1, 2))
PARTITIONS = {"canonical.attendance": 4, "canonical.machinery": 2, "canonical.worker": 1, "canonical.inspection": 2}


def land(kind: str, *rows: Row) -> None:
    """Rows in the lake, and of a register in its history."""
    Lake(settings().lake_url).append_canonical(kind, frame(kind, *rows), {})
    if kind in ("worker", "machinery"):
        with closing_engine(settings().gold_url) as gold:
            merge_history(gold, kind, frame(kind, *rows), {})


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The folder of the settings."""
    monkeypatch.setenv("SITEHUB_HOME", str(tmp_path))
    settings.cache_clear()
    yield tmp_path
    settings.cache_clear()


@pytest.fixture
def landed(home: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A person at work, beside another: as the subject, in lists of texts and of records, as a party's code."""
    monkeypatch.setattr(Catalog, "read", lambda _folder: CATALOG)
    monkeypatch.setattr("streams.topics.topic_partitions", lambda _servers: PARTITIONS)
    upgrade(settings().gold_url)
    for offset, person in enumerate((PERSON, OTHER)):
        came = [row("attendance", person, START + timedelta(days=day), 2 * day + offset) for day in range(3)]
        land("attendance", *(each | {"person_id": person} for each in came))
        land("worker", row("worker", f"P/{person}", START, offset, person_id=person, project_code="P", role="labour"))
        operators = [{"person_id": person}, {"person_id": None}]
        machine = {"machine_code": f"M{offset}", "machine_type": "crane", "operators": operators}
        land("machinery", row("machinery", f"M{offset}", START, offset, **machine))
        sheet = {"project_code": "P", "sheet_no": f"{offset}", "inspector_person_ids": [person]}
        land("inspection", row("inspection", f"P/{offset}", START, offset, **sheet))
        land("conduct", row("conduct", person, START, offset, party_code=person))
    return home


@pytest.mark.usefixtures("landed")
def test_all_places_of_a_person_are_named(capsys: pytest.CaptureFixture[str]) -> None:
    """Tables, states, partitions by the keys, and the uploads with the day from which on they are gone."""
    forget(person=PERSON, as_json=True)
    found = json.loads(capsys.readouterr().out)
    rows = {each["table"].removeprefix("canonical/"): each["rows"] for each in found["lake"]}
    assert rows == {"attendance": 3, "conduct": 1, "inspection": 1, "machinery": 1, "worker": 1}
    assert {each["table"]: each["states"] for each in found["histories"]} == {
        "machinery_history": 1,
        "worker_history": 1,
    }
    topics = {each["topic"]: each for each in found["canonical"]}
    assert len(topics["canonical.attendance"]["partitions"]) == 1
    assert topics["canonical.worker"] == {"topic": "canonical.worker", "partitions": [0], "kept": "newest of each key"}
    assert topics["canonical.conduct"]["partitions"] == []  # there is no such topic
    raw = {each["topic"]: each for each in found["raw"]}
    came = {"partition": 0, "uploads": 3, "first": 0, "last": 4, "until": "2026-04-09"}
    assert raw["raw.jiangsu.attendance"] == {"topic": "raw.jiangsu.attendance", **came}


@pytest.mark.usefixtures("landed")
def test_a_table_for_the_eye(capsys: pytest.CaptureFixture[str]) -> None:
    """With what becomes of it; of whom nothing has landed it says so."""
    forget(person=PERSON)
    shown = capsys.readouterr().out
    assert "canonical/attendance" in shown
    assert "for 38 days" in shown
    forget(person=f"{3:08x}-{3:032x}")
    assert capsys.readouterr().out.startswith("Nothing has landed of this person.")


def test_a_number_is_refused_and_not_repeated(capsys: pytest.CaptureFixture[str]) -> None:
    """Whoever types a citizen number by mistake does not find it in a log."""
    with pytest.raises(SystemExit) as ended:
        forget(person="11010519491231002X")
    assert ended.value.code == 2
    assert "1949" not in capsys.readouterr().err


@pytest.mark.usefixtures("landed")
def test_what_is_deleted_from_the_lake_does_not_come_back() -> None:
    """Another writer goes on after it, from the offset where it stood."""
    from deltalake import DeltaTable

    lake, app = Lake(settings().lake_url), "canonical.attendance/0"
    day = row("attendance", OTHER, START, 7, person_id=OTHER)
    lake.append_canonical("attendance", frame("attendance", day), {app: 8})
    DeltaTable(lake.table_uri("canonical/attendance")).delete(f"person_id = '{PERSON}'")
    lake.append_canonical("attendance", frame("attendance", day | {"source_offset": 8}), {app: 9})
    assert lake.read("attendance").collect()["person_id"].unique().to_list() == [OTHER]
    assert lake.transaction_version("canonical/attendance", app) == 9


def test_the_page_makes_a_pseudonym(
    home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Its Python, run as it stands, gives what the normaliser makes of the number."""
    key = PersonKey(bytes(range(32)))
    (home / "person.key").write_text(key.secret.hex() + "\n")
    monkeypatch.setattr("getpass.getpass", lambda _prompt: " 11010519491231002x ")
    [code] = re.findall(r"```python\n(.*?)```", (PROJECT_ROOT / "docs" / "people.md").read_text("utf-8"), re.DOTALL)
    exec(compile(code, "docs/people.md", "exec"), {})
    assert capsys.readouterr().out.strip() == key.pseudonym("11010519491231002X")
