"""Numbers: parsing, units, sentinels, whole numbers, against exact fractions."""

import math
import re
from fractions import Fraction
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.mapping.units import UnitError, conversion
from tests.contract import CATALOG
from tests.pipelines.tiny import tiny, uploads

# From the definitions of the units, by hand: value * factor + offset.
EXACT: dict[tuple[str, str], tuple[Fraction, Fraction]] = {
    ("ug/m3", "ug/m3"): (Fraction(1), Fraction(0)),
    ("mg/m3", "ug/m3"): (Fraction(1000), Fraction(0)),
    ("ng/m3", "ug/m3"): (Fraction(1, 1000), Fraction(0)),
    ("kPa", "hPa"): (Fraction(10), Fraction(0)),
    ("Pa", "hPa"): (Fraction(1, 100), Fraction(0)),
    ("km/h", "m/s"): (Fraction(10, 36), Fraction(0)),
    ("dBA", "dBA"): (Fraction(1), Fraction(0)),
    ("kelvin", "degC"): (Fraction(1), Fraction(-27315, 100)),
    ("degF", "degC"): (Fraction(5, 9), Fraction(-160, 9)),
    ("percent", "percent"): (Fraction(1), Fraction(0)),
    ("万元", "yuan"): (Fraction(10000), Fraction(0)),
    ("minute", "s"): (Fraction(60), Fraction(0)),
    ("m2", "m2"): (Fraction(1), Fraction(0)),
}
UNITS = CATALOG.root / "units.txt"
TEXT = {"x": "string"}
NUMBER = {"x": "double"}


@pytest.mark.parametrize("pair", EXACT, ids="→".join)
def test_units_convert_as_their_definitions_say(pair: tuple[str, str]) -> None:
    """Factor and offset are the exact ones, rounded once."""
    found = conversion(UNITS, *pair)
    assert (found.factor, found.offset) == tuple(float(part) for part in EXACT[pair])


@given(st.sampled_from(list(EXACT)), st.floats(-1e6, 1e6))
def test_a_converted_value_is_within_rounding_of_the_exact_one(pair: tuple[str, str], value: float) -> None:
    """value * factor + offset differs from exact arithmetic by floating-point rounding only."""
    factor, offset = EXACT[pair]
    found = conversion(UNITS, *pair)
    exact = Fraction(value) * factor + offset
    tolerance = 4 * math.ulp(max(abs(float(Fraction(value) * factor)), abs(float(offset)), 1e-300))
    assert abs(Fraction(value * found.factor + found.offset) - exact) <= tolerance


@pytest.mark.parametrize(("source", "target"), [("mg/m3", "m/s"), ("dBA", "ug/m3"), ("furlongs/m3x", "ug/m3")])
def test_units_that_do_not_convert_are_refused(source: str, target: str) -> None:
    """A sound level is no concentration, and an unknown unit is none at all."""
    with pytest.raises(UnitError):
        conversion(UNITS, source, target)


def _reference(text: str) -> float | str | None:
    """A number as text, read slowly: the value, None when absent, or the reason of refusal."""
    text = text.strip()
    if text in ("", "-", "--", "null", "NULL", "NaN"):
        return None
    if not re.fullmatch(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?", text):
        return "bad_number"
    value = float(text)
    if value == 9999:
        return None
    return value * 1000 if math.isfinite(value * 1000) else "bad_number"


@pytest.fixture(scope="module")
def milligrams(tmp_path_factory: pytest.TempPathFactory) -> object:
    """A mapping with one field sent as text in mg/m3, 9999 meaning not measured."""
    return tiny(tmp_path_factory.mktemp("m"), TEXT, "  pm10: {from: x, unit: mg/m3, sentinels: [9999]}\n")


NUMBERISH = st.text("0123456789.+-eE naN,１", max_size=9) | st.floats().map(repr) | st.integers().map(str)


@given(texts=st.lists(NUMBERISH | st.sampled_from(["9999", "9999.0", "1e999", "--", "inf", "1_000"]), min_size=1))
def test_numbers_as_text_are_read_like_the_slow_reference(milligrams: object, texts: list[str]) -> None:
    """Every text is a value, absent, or bad_number, exactly as a reading one by one says."""
    frame = uploads(TEXT, [{"x": text} for text in texts])
    found = milligrams.apply(frame)  # type: ignore[attr-defined] # a fixture's type is not known here
    for text, value, reason in zip(texts, found["pm10"], found["_reason"], strict=True):
        wanted = _reference(text)
        assert (reason if reason else value) == wanted, text


def test_a_sentinel_becomes_null_with_a_note(tmp_path: Path) -> None:
    """What a device sends for "no sensor" is no measurement, and the record says so."""
    mapping = tiny(tmp_path, NUMBER, "  pm10: {from: x, unit: ug/m3, sentinels: [-1, 32767]}\n")
    found = mapping.apply(uploads(NUMBER, [{"x": -1.0}, {"x": 32767.0}, {"x": 0.0}, {"x": None}]))
    assert found["pm10"].to_list() == [None, None, 0.0, None]
    assert found["_notes"].to_list() == ["pm10=sentinel", "pm10=sentinel", None, None]
    assert found["_reason"].null_count() == 4


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_a_number_that_is_none_is_refused(tmp_path: Path, value: float) -> None:
    """NaN and infinity are never measurements."""
    found = tiny(tmp_path, NUMBER, "  pm10: {from: x, unit: ug/m3}\n").apply(uploads(NUMBER, [{"x": value}]))
    assert found.select("_reason", "_field").row(0) == ("bad_number", "pm10")
    assert "x is number" in found["_detail"][0]
    assert found["_remedy"][0].startswith("Send x as a finite number in ug/m3")


@pytest.mark.parametrize(
    ("value", "wanted"), [(60.0, 60), (60.5, "bad_number"), (3e9, "bad_number"), (-1.0, -1), (None, None)]
)
def test_a_whole_number_must_be_one_and_fit(tmp_path: Path, value: float | None, wanted: int | str | None) -> None:
    """A canonical int takes no fraction and nothing beyond 32 bits."""
    found = tiny(tmp_path, NUMBER, "  sample_count: {from: x}\n").apply(uploads(NUMBER, [{"x": value}]))
    assert found["sample_count"].dtype == pl.Int32
    assert (found["_reason"][0] or found["sample_count"][0]) == wanted


def test_an_alias_is_taken_for_what_it_means(tmp_path: Path) -> None:
    """360 degrees are north, like 0; what lies beyond stays for the screening to flag."""
    rule = "  wind_direction: {from: x, unit: degree, alias: {360: 0}}\n"
    found = tiny(tmp_path, NUMBER, rule).apply(uploads(NUMBER, [{"x": 360.0}, {"x": 359.9}, {"x": 361.0}]))
    assert found["wind_direction"].to_list() == [0.0, 359.9, 361.0]
