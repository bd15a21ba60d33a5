"""Code tables and identifiers, against tables and check digits computed otherwise."""

from datetime import date
from pathlib import Path

import polars as pl
import pytest
import stdnum.cn.ric
import stdnum.cn.uscc
from hypothesis import given
from hypothesis import strategies as st

from pipelines.mapping.identifiers import IDENTIFIERS
from tests.pipelines.tiny import tiny, uploads

TEXT = {"w": "string"}
POINTS = ["北", "东北偏北", "东北", "东北偏东", "东", "东南偏东", "东南", "东南偏南"]
POINTS += ["南", "西南偏南", "西南", "西南偏西", "西", "西北偏西", "西北", "西北偏北"]
LETTERS = ["N", "NNE", "NE", "ENE", "E", "ESE", "SE", "SSE", "S", "SSW", "SW", "WSW", "W", "WNW", "NW", "NNW"]
# Table → code → degrees, from the description of each table.
WIND = {
    "wind_points_zh": {name + wind: 360 / 16 * place for place, name in enumerate(POINTS) for wind in ("", "风")},
    "wind_letters": {letters: 360 / 16 * place for place, letters in enumerate(LETTERS)},
    "wind_1_8": {str(code): (code - 1) * 45.0 for code in range(1, 9)},
    "wind_0_15": {str(code): code * 22.5 for code in range(16)},
    "wind_1_16": {str(code): code % 16 * 22.5 for code in range(1, 17)},
}


@pytest.mark.parametrize("table", WIND)
def test_wind_codes_are_degrees_clockwise_from_north(tmp_path: Path, table: str) -> None:
    """Each known code of each table becomes its degrees, all in 0 <= d < 360."""
    rule = f"  wind_direction: {{from: w, codes: {table}}}\n"
    codes = WIND[table]
    found = tiny(tmp_path, TEXT, rule).apply(uploads(TEXT, [{"w": code} for code in codes]))
    assert found["_reason"].null_count() == len(codes)
    assert found["wind_direction"].to_list() == list(codes.values())


@pytest.mark.parametrize("table", [name for name in WIND if name[-1].isdigit()])
def test_number_codes_are_the_same_as_integer_as_double_and_as_text(tmp_path: Path, table: str) -> None:
    """3, 3.0 and "3" are one code; 3.5 is none."""
    rule = f"  wind_direction: {{from: w, codes: {table}, unknown: note}}\n"
    answers = []
    for kind, value in (("int", 3), ("double", 3.0), ("string", " 3 ")):
        raw = {"w": kind}
        answers.append(tiny(tmp_path, raw, rule).apply(uploads(raw, [{"w": value}]))["wind_direction"][0])
    assert answers == [WIND[table]["3"]] * 3
    half = tiny(tmp_path, {"w": "double"}, rule).apply(uploads({"w": "double"}, [{"w": 3.5}]))
    assert half.select("wind_direction", "_notes").row(0) == (None, "wind_direction=unknown_code")


def test_an_unknown_code_is_refused_or_noted_as_the_mapping_says(tmp_path: Path) -> None:
    """unknown: reject names the code and the table; unknown: note keeps the upload with a null."""
    strict = tiny(tmp_path, TEXT, "  wind_direction: {from: w, codes: wind_1_8}\n").apply(uploads(TEXT, [{"w": "9"}]))
    assert strict.select("_reason", "_field").row(0) == ("bad_code", "wind_direction")
    assert "'9'" in strict["_detail"][0]
    assert "1, 2, 3, 4, 5, 6, 7, 8" in strict["_remedy"][0]
    rule = "  wind_direction: {from: w, codes: wind_1_8, unknown: note}\n"
    mild = tiny(tmp_path, TEXT, rule).apply(uploads(TEXT, [{"w": "9"}, {"w": "--"}]))
    assert mild["_reason"].to_list() == [None, None]
    assert mild["_notes"].to_list() == ["wind_direction=unknown_code", None]


def _valid(name: str, texts: list[str]) -> list[bool]:
    frame = pl.DataFrame({"t": texts}, schema={"t": pl.String})
    return frame.select(IDENTIFIERS[name].valid(pl.col("t")).fill_null(False)).to_series().to_list()


USCC_ALPHABET = "0123456789ABCDEFGHJKLMNPQRTUWXY"
USCC_BODY = st.tuples(st.text("0123456789", min_size=8, max_size=8), st.text(USCC_ALPHABET, min_size=9, max_size=9))


@given(st.lists(USCC_BODY.map("".join), min_size=1), st.sampled_from(USCC_ALPHABET + "IOSVZ"), st.integers(0, 17))
def test_credit_codes_are_judged_like_the_standard_library_for_them(bodies: list[str], other: str, at: int) -> None:
    """A right check character passes; one character changed passes exactly when python-stdnum says so."""
    right = [body + stdnum.cn.uscc.calc_check_digit(body) for body in bodies]
    assert all(_valid("uscc", right))
    changed = [code[:at] + other + code[at + 1 :] for code in right]
    # GB 32100 allows letters in the first two places; python-stdnum does not.
    judged = [code for code in changed if code[:2].isdigit()]
    assert _valid("uscc", judged) == [stdnum.cn.uscc.is_valid(code) for code in judged]


@given(
    st.dates(date(1900, 1, 1), date(2026, 1, 1)),
    st.integers(0, 999),
    st.integers(0, 17),
    st.sampled_from("0123456789X"),
)
def test_citizen_numbers_are_judged_by_their_check_digit_and_date(day: date, serial: int, at: int, other: str) -> None:
    """Made valid by python-stdnum's check digit they pass; a changed one passes only with right check and date."""
    body = f"360426{day:%Y%m%d}{serial:03d}"
    right = body + stdnum.cn.ric.calc_check_digit(body + "0")
    changed = right[:at] + other + right[at + 1 :]
    sound = (
        changed[:17].isdigit() and changed[-1] == stdnum.cn.ric.calc_check_digit(changed) and _is_date(changed[6:14])
    )
    assert _valid("citizen", [right, changed]) == [
        True,
        sound and changed[0] != "0" and changed[6:8] in ("18", "19", "20"),
    ]


def _is_date(text: str) -> bool:
    try:
        date(int(text[:4]), int(text[4:6]), int(text[6:]))
    except ValueError:
        return False
    return True


def test_an_identifier_is_never_shown(tmp_path: Path) -> None:
    """A refused identifier is described by its length alone; a small letter is no fault."""
    body = "91350100M000100Y4"
    right = body + stdnum.cn.uscc.calc_check_digit(body)
    wrong = right[:-1] + ("0" if right[-1] != "0" else "1")
    rule = "  project_code: {from: w, identifier: uscc}\n"
    found = tiny(tmp_path, TEXT, rule).apply(uploads(TEXT, [{"w": right.lower()}, {"w": wrong}, {"w": None}]))
    assert found["project_code"].to_list()[0] == right
    assert found["_reason"].to_list() == [None, "bad_identifier", None]
    assert wrong not in found["_detail"][1] + found["_remedy"][1]
    assert "18 characters" in found["_detail"][1]


def test_a_doubtful_identifier_can_be_kept_and_noted(tmp_path: Path) -> None:
    """invalid: note keeps what was sent: nothing is lost."""
    rule = "  project_code: {from: w, identifier: project_code16, invalid: note}\n"
    found = tiny(tmp_path, TEXT, rule).apply(uploads(TEXT, [{"w": "5101002103010101"}, {"w": "510100-1"}]))
    assert found["project_code"].to_list() == ["5101002103010101", "510100-1"]
    assert found["_notes"].to_list() == [None, "project_code=invalid_identifier"]


def test_the_date_in_a_project_code_is_not_judged() -> None:
    """Codes in use hold dates that no calendar has: the shape counts."""
    impossible = "331122" + "209930" + "0002"
    start = "3311222019030002"
    assert _valid("project_code16", [impossible, start, "0" + start[1:], start + "1"]) == [True, True, False, False]


def test_adcodes_have_six_digits() -> None:
    """GB/T 2260 codes begin with 1 to 8."""
    assert _valid("adcode", ["520100", "820000", "920000", "5201", "52010０"]) == [True, True, False, False, False]
