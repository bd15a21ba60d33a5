"""`sitehub report dust` and `sitehub rates` on a real gold database and lake, and the way from there to the view."""

import json
from datetime import date
from pathlib import Path

import pytest

from reports.inputs import DustReportInputs
from reports.view import build_view
from sitehub.commands.rates import rates
from sitehub.commands.report import dust
from sitehub.settings import settings
from store import gold
from store.dust_inputs import dust_inputs
from store.lake import Lake
from store.tables import HISTORIES
from tests.reports import sample

DAY = sample.DAY


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home whose gold database and lake hold Jiangsu's sample day."""
    monkeypatch.setenv("SITEHUB_HOME", str(tmp_path))
    monkeypatch.setenv("COLUMNS", "220")
    settings.cache_clear()
    made = sample.jiangsu()
    gold.upgrade(settings().gold_url)
    with gold.closing_engine(settings().gold_url) as engine:
        tables = {"dust_daily": made.daily, "upload_rate_daily": made.rates, "exceedance": made.exceedances}
        for table, frame in {**tables, "station_reference": made.reference, "rejected_daily": made.rejected}.items():
            gold.replace_partition(engine, table, "jiangsu", DAY.isoformat(), frame)
        for (day,), frame in made.recent.group_by("day"):
            gold.replace_partition(engine, "dust_daily", "jiangsu", str(day), frame)
        with engine.begin() as connection:
            gold.insert_frame(connection, HISTORIES["device"], made.devices)
            gold.insert_frame(connection, HISTORIES["project"], made.projects)
    Lake(settings().lake_url).overwrite_partition("dust_hourly", "jiangsu", DAY.isoformat(), made.hours)
    return tmp_path


def test_gold_and_lake_give_back_the_frames_of_the_report(home: Path) -> None:
    """What was stored comes back as the same view; limits and mappings come from the contract."""
    with gold.closing_engine(settings().gold_url) as engine:
        read = DustReportInputs(**dust_inputs(engine, Lake(settings().lake_url), "jiangsu", DAY))
    made, view = build_view(sample.jiangsu()), build_view(read)
    for part in (
        "summary",
        "sites",
        "heat_maps",
        "exceedances",
        "limits",
        "references",
        "rejected",
        "trend",
        "by_city",
    ):
        assert getattr(view, part) == getattr(made, part), part
    assert {name: frame.columns for name, frame in view.tables.items()} == {
        name: frame.columns for name, frame in made.tables.items()
    }
    assert [mapping.name for mapping in view.mappings] == ["jiangsu/dust-reading@1f0c8a92b7de"]
    assert (home / "gold.sqlite").exists()


def test_report_prints_the_figures_and_the_paths(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The text names the figures and one line a file; markup in a site's name stays text."""
    dust(province="jiangsu", day=DAY, kind="html")
    shown = capsys.readouterr().out
    path = home / "reports" / "dust" / "jiangsu" / "2026-03-03" / "dust-jiangsu-2026-03-03.html"
    assert str(path) in shown
    assert path.stat().st_size > 100_000
    assert "格式有误的上传 70 条" in shown
    assert sample.HOSTILE_MARKUP in shown


def test_report_as_json_has_the_summary_and_no_file_for_text(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """`--format text --json` renders nothing and prints the figures for a program."""
    dust(province="jiangsu", day=DAY, kind="text", as_json=True)
    shown = json.loads(capsys.readouterr().out)
    assert (shown["files"], shown["summary"]["malformed"], len(shown["sites"]["rows"])) == ({}, 70, 24)
    assert not (home / "reports" / "dust" / "jiangsu" / "2026-03-03" / "dust-jiangsu-2026-03-03.html").exists()


@pytest.mark.parametrize(("by", "rows"), [("vendor", 4), ("city", 14), ("project", 24), ("device", 25)])
def test_rates_carry_numerator_and_denominator(
    home: Path, capsys: pytest.CaptureFixture[str], by: str, rows: int
) -> None:
    """Whatever a row is, the rows add up to the province's row, the last one."""
    assert home.exists()
    rates(province="jiangsu", day=DAY, by=by, as_json=True)  # type: ignore[arg-type]  # a parameter of the test
    *parts, whole = json.loads(capsys.readouterr().out)["rows"]
    assert len(parts) == rows
    assert sum(row["received"] for row in parts) == whole["transmission"]["numerator"]
    assert sum(row["expected"] for row in parts) == whole["transmission"]["denominator"]


@pytest.mark.parametrize("province", ["jiangsu", "atlantis"])
def test_what_is_missing_is_said_with_the_remedy(home: Path, province: str) -> None:
    """A day without figures names the command that makes them; a feed that is no province names the provinces."""
    assert home.exists()
    with pytest.raises(SystemExit, match=r"materialise --province jiangsu --day 2026-04-01|choose one of guizhou"):
        dust(province=province, day=date(2026, 4, 1))
