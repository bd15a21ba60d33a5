"""Times: every format against datetime, the 12-hour clock, the future, absence and shifts."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import polars as pl
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from pipelines.mapping.times import TimeFormatError, parse_time, time_format
from tests.pipelines.tiny import RECEIVED, tiny, uploads

SHANGHAI = ZoneInfo("Asia/Shanghai")
# Format → strftime directive of the slow reference, and the digits' places in the text.
FORMATS = {
    "yyyy-MM-dd HH:mm:ss": "%Y-%m-%d %H:%M:%S",
    "yyyy-MM-dd": "%Y-%m-%d",
    "yyyyMMdd": "%Y%m%d",
    "yyyyMMddHHmmss": "%Y%m%d%H%M%S",
    "yyyyMMddHHmm": "%Y%m%d%H%M",
    "yyMMddHHmmss": "%y%m%d%H%M%S",
    "yyyy/MM/dd HH:mm": "%Y/%m/%d %H:%M",
    "yyyy-MM-ddTHH:mm:ss": "%Y-%m-%dT%H:%M:%S",
}
INSTANTS = st.datetimes(datetime(1992, 1, 1), datetime(2068, 12, 31)).map(  # noqa: DTZ001 # local times
    lambda day: day.replace(microsecond=0)
)


def _parsed(text: str | None, name: str) -> datetime | None:
    frame = pl.DataFrame({"t": [text]}, schema={"t": pl.String})
    value = frame.select(parse_time(pl.col("t"), time_format(name), "Asia/Shanghai")).item()
    return value if value is None else value.astimezone(UTC)


@pytest.mark.parametrize("name", FORMATS)
@given(local=INSTANTS)
@example(local=datetime(2024, 2, 29, 23, 59, 59))  # noqa: DTZ001 # local time
def test_a_local_time_is_read_like_the_slow_reference(name: str, local: datetime) -> None:
    """What datetime writes in a format is read back as the same instant of Shanghai."""
    text = local.strftime(FORMATS[name])
    year = local.replace(year=2000 + local.year % 100) if name.startswith("yy") and "yyyy" not in name else local
    wanted = datetime.strptime(year.strftime("%Y" + FORMATS[name][2:]), "%Y" + FORMATS[name][2:])  # noqa: DTZ007 # zone follows
    assert _parsed(text, name) == wanted.replace(tzinfo=SHANGHAI).astimezone(UTC)


@given(local=INSTANTS, change=st.integers(0, 13), digit=st.sampled_from("0123456789０x -"))
def test_a_damaged_time_is_a_date_of_the_calendar_or_nothing(local: datetime, change: int, digit: str) -> None:
    """With one character replaced, the text is read exactly when datetime takes it too."""
    text = local.strftime("%Y%m%d%H%M%S")
    text = text[:change] + digit + text[change + 1 :]
    try:
        wanted = datetime.strptime(text, "%Y%m%d%H%M%S") if text.isascii() and text.isdigit() else None  # noqa: DTZ007
    except ValueError:
        wanted = None
    if wanted is not None and wanted.year < 1000:
        wanted = None
    found = _parsed(text, "yyyyMMddHHmmss")
    assert found == (wanted.replace(tzinfo=SHANGHAI).astimezone(UTC) if wanted else None)


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("202603031200000", "yyyyMMddHHmmss"),
        ("170946720000000", "epoch_ms"),
        ("1709467200000000", "epoch_ms"),
        ("170946720", "epoch_s"),
        ("2026-02-30 00:00:00", "yyyy-MM-dd HH:mm:ss"),
        ("2026-03-03 24:00:00", "yyyy-MM-dd HH:mm:ss"),
        ("2026-03-03 23:59:60", "yyyy-MM-dd HH:mm:ss"),
        ("2026-3-3 1:02:03", "yyyy-MM-dd HH:mm:ss"),
        ("2026-03-03 12:00:00 CST", "yyyy-MM-dd HH:mm:ss"),
        ("2026-03-03T12:00:00", "yyyy-MM-dd HH:mm:ss"),
        ("0000-01-01", "yyyy-MM-dd"),
        ("1991-04-14 02:30:00", "yyyy-MM-dd HH:mm:ss"),
    ],
)
def test_impossible_and_misshapen_times_are_none(text: str, name: str) -> None:
    """15 digits, days that no month has, second 60, the hour that summer time of 1991 skipped: bad_time."""
    assert _parsed(text, name) is None


@pytest.mark.parametrize(("text", "hour"), [("20260303 0", 0), ("20260303 7", 7), ("20260303 23", 23)])
def test_an_hour_may_have_one_digit_where_the_format_says_so(text: str, hour: int) -> None:
    """H takes 0 to 23 without a leading zero."""
    assert _parsed(text, "yyyyMMdd H") == datetime(2026, 3, 3, hour, tzinfo=SHANGHAI).astimezone(UTC)


def test_milliseconds_of_a_text_are_kept() -> None:
    """yyyyMMddHHmmssSSS is exact to the millisecond."""
    wanted = datetime(2026, 3, 3, 4, 5, 6, 789000, tzinfo=UTC)
    assert _parsed("20260303120506789", "yyyyMMddHHmmssSSS") == wanted


@given(st.integers(10**12, 10**13 - 1))
def test_epochs_mean_the_same_as_number_and_as_text(instant: int) -> None:
    """Milliseconds and seconds since 1970, whatever the zone."""
    wanted = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=instant)
    assert _parsed(str(instant), "epoch_ms") == wanted
    assert _parsed(str(instant // 1000), "epoch_s") == wanted - timedelta(milliseconds=instant % 1000)


@pytest.mark.parametrize("name", ["HH:mm", "yyyy-MM", "yyyy-MM-dd hh:mm", "yyyy-MM-dd dd", "soon"])
def test_a_format_without_a_day_is_refused(name: str) -> None:
    """A format must name year, month and day once each, and nothing unknown."""
    with pytest.raises(TimeFormatError, match="format"):
        time_format(name)


TEXT = {"t": "string"}
OBSERVED = (
    "  observed_at: {from: t, time: [yyyy-MM-dd HH:mm:ss, yyyy-MM-dd], required: true}\n  period: {const: minute}\n"
)


def _judged(folder: Path, offset: timedelta) -> tuple[str | None, str | None]:
    said = (RECEIVED + offset).astimezone(SHANGHAI).strftime("%Y-%m-%d %H:%M:%S")
    found = tiny(folder, TEXT, OBSERVED, plain=False).apply(uploads(TEXT, [{"t": said}]))
    reason, notes = found.select("_reason", "_notes").row(0)
    return reason, notes


@pytest.mark.parametrize(
    ("minutes", "reason", "notes"),
    [
        (10, None, None),
        (10.1, "future_time", None),
        (12 * 60 - 10.1, "future_time", None),
        (12 * 60 - 10, None, "observed_at=twelve_hours"),
        (12 * 60 + 10, None, "observed_at=twelve_hours"),
        (12 * 60 + 10.1, "future_time", None),
        (-12 * 60 - 10, None, "observed_at=twelve_hours"),
        (-12 * 60 + 10, None, "observed_at=twelve_hours"),
        (-12 * 60 + 10.1, None, None),
        (-30 * 24 * 60, None, None),
    ],
)
def test_an_observation_is_judged_against_its_receipt(
    tmp_path: Path, minutes: float, reason: str | None, notes: str | None
) -> None:
    """Ten minutes ahead is the most; twelve hours off, to ten minutes, is a 12-hour clock; late is no fault."""
    assert _judged(tmp_path, timedelta(minutes=minutes)) == (reason, notes)


def test_a_date_alone_is_never_taken_for_a_12_hour_clock(tmp_path: Path) -> None:
    """A day's mean received at noon is midnight's, not a wrong clock's."""
    found = tiny(tmp_path, TEXT, OBSERVED, plain=False).apply(uploads(TEXT, [{"t": "2026-03-03"}]))
    assert found["_notes"].to_list() == [None]
    assert found["observed_at"][0] == datetime(2026, 3, 2, 16, tzinfo=UTC)


def test_a_last_day_ends_at_its_midnight(tmp_path: Path) -> None:
    """`day: end` of a date alone; a time of day is what it says."""
    forms = "[yyyy-MM-dd, yyyy-MM-dd HH:mm]"
    rule = f"  observed_at: {{from: t, time: {forms}, day: end, required: true}}\n  period: {{const: minute}}\n"
    found = tiny(tmp_path, TEXT, rule, plain=False).apply(
        uploads(TEXT, [{"t": "2026-02-28"}, {"t": "2026-02-28 09:30"}])
    )
    assert found["observed_at"].to_list() == [
        datetime(2026, 2, 28, 16, tzinfo=UTC),
        datetime(2026, 2, 28, 1, 30, tzinfo=UTC),
    ]


def test_an_absent_time_may_be_the_receipt(tmp_path: Path) -> None:
    """A dialect without a time takes the receipt, and the record says so; a time that is none is still refused."""
    rule = "  observed_at: {from: t, time: epoch_ms, absent: received}\n  period: {const: minute}\n"
    found = tiny(tmp_path, TEXT, rule, plain=False).apply(uploads(TEXT, [{"t": None}, {"t": "--"}, {"t": "noon"}]))
    assert found["observed_at"].to_list() == [RECEIVED, RECEIVED, None]
    assert found["_notes"].to_list() == ["observed_at=arrival", "observed_at=arrival", None]
    assert found["_reason"].to_list() == [None, None, "bad_time"]


def test_a_label_at_the_end_of_an_hour_is_moved_to_its_start(tmp_path: Path) -> None:
    """shift: -1h dates a mean by its beginning, across midnight too."""
    rule = "  observed_at: {from: t, time: yyyyMMdd H, shift: -1h, required: true}\n  period: {const: hour}\n"
    found = tiny(tmp_path, TEXT, rule, plain=False).apply(uploads(TEXT, [{"t": "20260303 0"}]))
    assert found["observed_at"][0] == datetime(2026, 3, 2, 23, tzinfo=SHANGHAI)


def test_the_form_of_a_time_tells_the_period(tmp_path: Path) -> None:
    """A date alone is a day's mean, a full time a minute's; the first of several fields that is not absent counts."""
    raw = {"t": "string", "u": "string"}
    rules = (
        "  observed_at: {from: [t, u], time: [yyyy-MM-dd HH:mm:ss, yyyy-MM-dd], required: true}\n"
        "  period: {from: [t, u], by_format: {yyyy-MM-dd: day, yyyy-MM-dd HH:mm:ss: minute}, required: true}\n"
    )
    rows = [{"t": "2026-03-02"}, {"t": "2026-03-02 10:00:00"}, {"t": "", "u": "2026-03-02 11:00:00"}, {}]
    found = tiny(tmp_path, raw, rules, plain=False).apply(uploads(raw, rows))
    assert found["period"].to_list() == ["day", "minute", "minute", None]
    assert found["_reason"].to_list() == [None, None, None, "missing_field"]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("1000-01-01 00:00:00", "bad_time"),
        ("1970-01-01 08:00:00", "bad_time"),
        ("2000-01-01 00:00:00", "bad_time"),
        ("2010-01-01 07:59:59", "bad_time"),
        ("2010-01-01 08:00:00", None),
    ],
)
def test_an_observation_older_than_any_monitor_is_a_dead_clock(tmp_path: Path, text: str, reason: str | None) -> None:
    """Years before 2010 are refused with the bound in words; other times, such as a permit's, may be older."""
    rules = "  observed_at: {from: t, time: yyyy-MM-dd HH:mm:ss, required: true}\n  period: {const: minute}\n"
    found = tiny(tmp_path, {"t": "string"}, rules, plain=False).apply(uploads_of_texts(text))
    assert found["_reason"].to_list() == [reason]
    if reason:
        assert found["_detail"][0] == f"t is text '{text}', expected a date of 2010 or later as yyyy-MM-dd HH:mm:ss"


def uploads_of_texts(*texts: str) -> pl.DataFrame:
    """Uploads that say no more than a time `t`."""
    return uploads({"t": "string"}, [{"t": text} for text in texts]).drop("at")
