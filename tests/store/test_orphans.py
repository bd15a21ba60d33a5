"""What no register knows is told by who sent it."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from pipelines.catalog import Catalog
from sitehub.commands.orphans import orphans as command
from sitehub.settings import settings
from store.gold import closing_engine, upgrade
from store.lake import Lake
from store.orphans import ORPHANS, orphans
from store.registers import merge_history
from tests.contract import CATALOG
from tests.store.rows import frame, row

START = datetime(2026, 3, 1, tzinfo=UTC)


def reading(device: str, minute: int, **known: object) -> dict[str, Any]:
    """A crane reading of a minute, received an hour after."""
    at = START + timedelta(minutes=minute)
    return row("crane-reading", device, at, minute, received_at=at + timedelta(hours=1), device_code=device, **known)


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Jiangsu: devices D1 (of project P1) and D2 (of P2, which nobody registered); readings of others as well."""
    monkeypatch.setattr(Catalog, "read", lambda _folder: CATALOG)
    monkeypatch.setenv("SITEHUB_HOME", str(tmp_path))
    settings.cache_clear()
    lake = Lake(settings().lake_url)
    upgrade(settings().gold_url)
    with closing_engine(settings().gold_url) as gold:
        devices = [row("device", f"D{n}", START, n, device_code=f"D{n}", project_code=f"P{n}") for n in (1, 2)]
        for kind, rows in (("device", devices), ("project", [row("project", "P1", START, 0, project_code="P1")])):
            merge_history(gold, kind, frame(kind, *rows), {})
            lake.append_canonical(kind, frame(kind, *rows), {})
    sent = [
        reading("D1", 1, project_code="P1"),
        reading("D2", 2),
        *[reading(f"X{n}", 10 + n, vendor="acme", project_code="P1") for n in range(5)],
        reading("X1", 20, vendor="acme"),
        reading("X1", 2000),
    ]
    lake.append_canonical("crane-reading", frame("crane-reading", *sent), {})
    station = row("station-reading", "S1", START, 0, province="national", device_code="S1")
    lake.append_canonical("station-reading", frame("station-reading", station), {})
    yield tmp_path
    settings.cache_clear()


def found(province: str | None = None, since: date | None = None) -> list[dict[str, Any]]:
    """The rows without times."""
    with closing_engine(settings().gold_url) as gold:
        table = orphans(Lake(settings().lake_url), gold, CATALOG, province, since)
    assert table.schema == ORPHANS
    return [
        {name: value for name, value in each.items() if name in ("unknown", "vendor", "kind", "codes", "records")}
        for each in table.iter_rows(named=True)
    ]


@pytest.mark.usefixtures("home")
def test_strangers_are_told_by_vendor_and_kind() -> None:
    """Readings of devices never registered, on a vendor's topic and on the shared one; a device of no known project."""
    of_acme = {"unknown": "device", "vendor": "acme", "kind": "crane-reading", "codes": 5, "records": 6}
    shared = {"unknown": "device", "vendor": None, "kind": "crane-reading", "codes": 1, "records": 1}
    of_project = {"unknown": "project", "vendor": None, "kind": "device", "codes": 1, "records": 1}
    assert found() == [shared, of_acme, of_project]
    assert found("jiangsu", date(2026, 3, 2)) == [shared]
    assert found("shanxi") == []


@pytest.mark.usefixtures("home")
def test_the_command_prints_them_with_times_and_examples(capsys: pytest.CaptureFixture[str]) -> None:
    """One line each, and the sums below."""
    command()
    shown = capsys.readouterr().out.splitlines()
    assert len(shown) == 1 + 3 + 2
    assert shown[2].split() == [
        *("device", "jiangsu", "acme", "crane-reading", "5", "6"),
        *("2026-03-01", "01:10Z", "2026-03-01", "01:20Z", "X0", "X1", "X2"),
    ]
    assert shown[4] == "7 records name devices that are not registered"
    assert shown[5] == "1 records name projects that are not registered"
