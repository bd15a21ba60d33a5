"""The Great Expectations suites: what they let pass, what they find, and that a broken rule is no bad data."""

import re
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import great_expectations.expectations as gxe
import polars as pl
import pytest
from great_expectations.expectations.expectation import Expectation

from quality.docs_site import offline
from quality.expectations.judge import NAMED_ROWS, ExpectationError, judge
from quality.expectations.suites import SUITES
from store.tables import DAILY, frame_schema

DAY = date(2026, 3, 3)
NOON = datetime(2026, 3, 3, 4, tzinfo=UTC)
TIME = pl.Datetime("ms", "UTC")


def readings(count: int = 60) -> pl.DataFrame:
    """Sound canonical readings of one device, one a minute."""
    times = [NOON + timedelta(minutes=number) for number in range(count)]
    return pl.DataFrame(
        {
            "event_id": [f"jiangsu:dust-reading:D1:{int(time.timestamp() * 1000)}:minute" for time in times],
            "province": "jiangsu",
            "day": DAY.isoformat(),
            "device_code": "D1",
            "observed_at": pl.Series(times, dtype=TIME),
            "received_at": pl.Series(times, dtype=TIME),
            "period": "minute",
            "quality": 1,
            "quality_notes": pl.Series([None] * count, dtype=pl.String),
            "mapping": "jiangsu/dust-reading@000000000000",
            "source_topic": "raw.jiangsu.dust-reading",
            "source_partition": 0,
            "source_offset": range(count),
        }
    )


def first_row(column: str, value: pl.Expr) -> pl.DataFrame:
    """Sound readings but for one value of the first row."""
    frame = readings().with_row_index("row")
    return frame.with_columns(pl.when(pl.col("row") == 0).then(value).otherwise(pl.col(column)).alias(column)).drop(
        "row"
    )


def test_a_sound_partition_passes_and_has_a_page(tmp_path: Path) -> None:
    """A partition without fault passes every expectation and its page lies under its day and province."""
    verdict = judge("canonical_readings", readings(), "jiangsu", DAY, tmp_path)
    assert verdict.passed
    assert (verdict.rows, verdict.rows_judged) == (60, 60)
    assert verdict.page == tmp_path / "2026-03-03" / "jiangsu" / "canonical_readings.html"
    assert "ahead_of_receipt_s" in verdict.page.read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("column", "value", "found"),
    [
        ("mapping", pl.lit(None, pl.String), "absent"),
        ("event_id", pl.lit("sichuan:dust-reading:D1:0:minute"), "misnamed"),
        ("event_id", pl.lit("jiangsu:dust-reading:D1"), "misnamed"),
        ("province", pl.lit("sichuan"), "partition"),
        ("quality", pl.lit(7), "quality"),
        ("received_at", pl.lit(NOON - timedelta(minutes=11), TIME), "ahead_of_receipt_s"),
        ("source_offset", pl.lit(1), "source_topic, source_partition, source_offset"),
    ],
)
def test_a_broken_row_is_found(column: str, value: pl.Expr, found: str, tmp_path: Path) -> None:
    """One wrong value fails the partition, and the finding names the column that tells it."""
    verdict = judge("canonical_readings", first_row(column, value), "jiangsu", DAY, tmp_path)
    assert found in [finding.column for finding in verdict.findings]


def test_a_finding_says_which_fields_are_absent(tmp_path: Path) -> None:
    """Fields that must be there are judged together, and the finding names those that are not."""
    frame = readings(1).with_columns(quality=pl.lit(None, pl.Int64), mapping=pl.lit(None, pl.String))
    (finding,) = judge("canonical_readings", frame, "jiangsu", DAY, tmp_path).findings
    assert finding.seen == ("quality, mapping",)


def test_a_finding_names_rows_by_their_key(tmp_path: Path) -> None:
    """The finding holds the event_id of the row at fault."""
    frame = first_row("quality", pl.lit(7))
    (finding,) = judge("canonical_readings", frame, "jiangsu", DAY, tmp_path).findings
    assert (finding.column, finding.rows, finding.keys) == ("quality", 1, (frame["event_id"][0],))


def test_a_finding_names_a_bounded_number_of_rows(tmp_path: Path) -> None:
    """However many rows are at fault, all are counted and only some are named, in the finding and on the page."""
    frame = readings(500).with_columns(quality=pl.lit(7))
    (finding,) = (verdict := judge("canonical_readings", frame, "jiangsu", DAY, tmp_path)).findings
    assert finding.rows == 500
    assert len(finding.keys) == NAMED_ROWS
    assert len(set(re.findall(r"jiangsu:dust-reading:D1:\d+:minute", verdict.page.read_text("utf-8")))) <= NAMED_ROWS


@pytest.mark.parametrize(
    "wrong",
    [
        {"period": pl.lit("week")},
        {"event_id": pl.lit("guizhou:dust-reading:D1:0:minute")},
        {"observed_at": pl.col("observed_at") + timedelta(days=1)},
        {"source_offset": pl.lit(0)},
    ],
)
def test_a_large_partition_is_judged_by_its_suspects(
    wrong: dict[str, pl.Expr], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of rows too many to be judged each, the one that breaks a rule is judged whether or not its turn comes."""
    monkeypatch.setattr("quality.expectations.judge.ROWS_JUDGED", 10)
    assert judge("canonical_readings", readings(), "jiangsu", DAY, tmp_path).rows_judged < 15
    last = pl.int_range(pl.len()) == 59
    frame = readings().with_columns(pl.when(last).then(to).otherwise(name).alias(name) for name, to in wrong.items())
    verdict = judge("canonical_readings", frame, "jiangsu", DAY, tmp_path)
    assert not verdict.passed
    assert (verdict.rows, verdict.rows_judged < 15) == (60, True)


def test_a_reading_twelve_hours_off_may_be_ahead_of_its_receipt(tmp_path: Path) -> None:
    """The accepted twelve-hour clock is not a fault of the hub."""
    frame = readings(1).with_columns(
        received_at=pl.col("observed_at") - timedelta(hours=12), quality_notes=pl.lit("observed_at=twelve_hours")
    )
    assert judge("canonical_readings", frame, "jiangsu", DAY, tmp_path).passed


def test_a_rule_that_cannot_run_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A rule that raises is a fault of the suite, not a finding: text is no number to be compared with 600."""
    monkeypatch.setitem(SUITES, "canonical_readings", replace(SUITES["canonical_readings"], rules=_compares_text))
    with pytest.raises(ExpectationError, match="device_code"):
        judge("canonical_readings", readings(), "jiangsu", DAY, tmp_path)


def _compares_text() -> list[Expectation]:
    return [gxe.ExpectColumnValuesToBeBetween(column="device_code", min_value=0)]


@pytest.mark.parametrize("table", sorted(set(SUITES) & set(DAILY)))
def test_every_rule_of_a_gold_table_can_run(table: str, tmp_path: Path) -> None:
    """Each suite fits the columns of its table: also a row of nothing but nulls is judged, not stumbled over."""
    row = {"province": "jiangsu", "day": DAY.isoformat()}
    verdict = judge(table, pl.DataFrame([row], schema=frame_schema(DAILY[table])), "jiangsu", DAY, tmp_path)
    assert "absent" in [finding.column for finding in verdict.findings]


def test_a_partition_without_rows_passes(tmp_path: Path) -> None:
    """Nothing to judge is no fault, and the page says so instead of showing an older verdict."""
    verdict = judge("canonical_readings", readings().clear(), "jiangsu", DAY, tmp_path)
    assert verdict.passed
    assert "no rows" in verdict.page.read_text(encoding="utf-8")


def test_rates_that_exceed_their_whole_are_found(tmp_path: Path) -> None:
    """More received than expected, or more valid than received, fails."""
    row = {"province": "jiangsu", "day": "2026-03-03", "device_code": "D1", "registered": True}
    counts = {"expected": 1440, "received": 1441, "valid": 1442, "on_time": 1441, "late": 0}
    frame = pl.DataFrame([row | counts], schema=frame_schema(DAILY["upload_rate_daily"]))
    (finding,) = judge("upload_rate_daily", frame, "jiangsu", DAY, tmp_path).findings
    assert finding.seen == ("received > expected, valid > received",)


DAILY_ROW = {"device_code": "D1", "subject": "device", "readings": 1440, "duplicates": 0, "pm10": 50.0} | {
    name: value for p in ("pm2_5", "pm10", "tsp") for name, value in ((f"{p}_hours", 24), (f"{p}_valid", True))
} | {"pm2_5": 30.0, "tsp": 70.0}  # fmt: skip
RATES_ROW = {
    "device_code": "D1", "registered": True, "interval_s": 60, "expected": 1440, "received": 1000, "valid": 900,
    "on_time": 990, "late": 10, "hours_expected": 24, "hours_returned": 10,
}  # fmt: skip
EXCEEDANCE_ROW = {
    "device_code": "D1", "parameter": "tsp", "averaging": "15min", "judgement": "absolute", "level": "alarm",
    "value": 900.0, "limit_value": 500.0, "unit": "ug/m3", "standard": "x", "limit_id": "jiangsu-tsp-15min",
    "began": NOON, "ended": NOON + timedelta(minutes=15),
}  # fmt: skip
STATES_ROW = {
    "device_code": "D1", "state": "online", "began": NOON, "ended": NOON + timedelta(hours=1), "holds": False,
    "interval_s": 60, "last_reading_at": NOON,
}  # fmt: skip
REFERENCE_ROW = {
    "device_code": "D1", "station_code": "S", "distance_km": 1.0, "parameter": "pm10", "hours": 20, "site_mean": 90.0,
    "station_mean": 50.0, "deviation": 40.0,
}  # fmt: skip
REJECTED_ROW = {"vendor": "v", "kind": "dust-reading", "reason": "bad_time", "field": "", "count": 1}
ROWS = {
    "dust_daily": DAILY_ROW,
    "upload_rate_daily": RATES_ROW,
    "device_states": STATES_ROW,
    "exceedance": EXCEEDANCE_ROW,
    "station_reference": REFERENCE_ROW,
    "rejected_daily": REJECTED_ROW,
}


def figures(table: str, copies: int, **changed: object) -> pl.DataFrame:
    """A sound row of a gold table but for the changed columns, some times over."""
    row = {"province": "jiangsu", "day": DAY.isoformat()} | ROWS[table] | changed
    return pl.DataFrame([row] * copies, schema=frame_schema(DAILY[table]))


@pytest.mark.parametrize("table", sorted(ROWS))
def test_sound_figures_pass(table: str, tmp_path: Path) -> None:
    """What the rules of a table let pass."""
    assert judge(table, figures(table, 1), "jiangsu", DAY, tmp_path).findings == ()


@pytest.mark.parametrize(
    ("table", "changed", "found"),
    [
        ("dust_daily", {"pm10_valid": False}, "valid_against_hours"),
        ("dust_daily", {"pm10_hours": 19}, "valid_against_hours"),
        ("dust_daily", {"pm10": float("nan")}, "implausible"),
        ("dust_daily", {"pm10": 1e9}, "implausible"),
        ("dust_daily", {"noise_night": 900.0}, "implausible"),
        ("dust_daily", {"aqi": 60}, "index_without_standard"),
        ("upload_rate_daily", {"late": 11}, "unbalanced"),
        ("upload_rate_daily", {"expected": None}, "unbalanced"),
        ("device_states", {"state": "asleep"}, "state"),
        ("device_states", {"last_reading_at": None}, "contradiction"),
        ("exceedance", {"ended": NOON}, "lasted_s"),
        ("exceedance", {"began": NOON - timedelta(days=9)}, "of_another_day"),
        ("exceedance", {"level": "panic"}, "unknown"),
        ("station_reference", {"deviation": 5.0}, "wrong_deviation"),
        ("station_reference", {"hours": 0}, "hours"),
    ],
)
def test_figures_that_contradict_themselves_are_found(
    table: str, changed: dict[str, object], found: str, tmp_path: Path
) -> None:
    """One wrong column fails the partition, and the finding names the rule."""
    verdict = judge(table, figures(table, 1, **changed), "jiangsu", DAY, tmp_path)
    assert [finding.column for finding in verdict.findings] == [found]


@pytest.mark.parametrize(
    ("table", "key"),
    [("exceedance", "device_code, limit_id, began"), ("rejected_daily", "vendor, kind, reason, field")],
)
def test_a_row_twice_is_found(table: str, key: str, tmp_path: Path) -> None:
    """A key stands once in a partition."""
    (finding,) = judge(table, figures(table, 2), "jiangsu", DAY, tmp_path).findings
    assert finding.column == key


def test_a_page_loads_nothing_from_elsewhere(tmp_path: Path) -> None:
    """Data Docs are readable offline: no address of another machine, no script."""
    page = judge("canonical_readings", readings(), "jiangsu", DAY, tmp_path).page.read_text(encoding="utf-8")
    assert not re.search(r"(?:src|href)=\"https?:", page)
    assert "<script" not in page
    assert offline('<link href="https://example.org/x.css"><script src="https://example.org/x.js"></script>') == ""


def test_the_site_lists_every_page(tmp_path: Path) -> None:
    """The front page links each day and province, and that list links each table."""
    for province in ("jiangsu", "shanxi"):
        judge("rejected_daily", pl.DataFrame(schema=frame_schema(DAILY["rejected_daily"])), province, DAY, tmp_path)
    front = (tmp_path / "index.html").read_text(encoding="utf-8")
    assert re.findall(r'href="([^"]+)"', front) == ["2026-03-03/jiangsu/index.html", "2026-03-03/shanxi/index.html"]
    listed = (tmp_path / "2026-03-03" / "shanxi" / "index.html").read_text(encoding="utf-8")
    assert re.findall(r'href="([^"]+)"', listed) == ["rejected_daily.html"]
