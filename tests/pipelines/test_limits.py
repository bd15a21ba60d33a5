"""Limits: the ones in force on a day, the most specific one for a site, clear errors for a wrong file."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from pipelines.contract import CatalogError
from pipelines.limits import Limits, most_specific

LIMITS = Limits.load()
DAY = date(2026, 3, 2)

WRONG = """
- id: x
  standard: S
  title: T
  parameter: {parameter}
  averaging: 1h
  judgement: {judgement}
  level: alarm
  value: 1
  unit: ug/m3
  effective_from: 2026-01-01
  effective_to: null
  provenance: assumed
  source: none
{more}
"""


def ids(province: str, adcode: str | None, phase: str | None, day: date = DAY) -> set[str]:
    """The limits that a site is judged by."""
    return {limit.id for limit in most_specific(LIMITS.in_force(province, day), adcode, phase)}


NOISE = {"noise-day-2025", "noise-night-2025"}


@pytest.mark.parametrize(
    ("adcode", "phase", "expected"),
    [
        ("510104", "structure", "sichuan-tsp-15min"),
        ("510104", "earthwork", "sichuan-tsp-15min-earthwork"),
        ("510411", "demolition", "sichuan-west-tsp-15min-earthwork"),
        ("513401", None, "sichuan-west-tsp-15min"),
        (None, None, "sichuan-tsp-15min"),
    ],
)
def test_sichuan_by_place_and_phase(adcode: str | None, phase: str | None, expected: str) -> None:
    """The smaller area and the named phase come before the general limit."""
    assert ids("sichuan", adcode, phase) == {expected, *NOISE}


def test_limits_of_the_other_provinces() -> None:
    """Jiangsu has two, Taiyuan one, the rest of Shanxi and Guizhou none for dust."""
    assert ids("jiangsu", "320102", None) == {"jiangsu-tsp-15min", "jiangsu-pm10-1h-difference", *NOISE}
    assert ids("shanxi", "140105", None) == {"taiyuan-pm10-1h", *NOISE}
    assert ids("shanxi", "140202", None) == ids("guizhou", "520102", "earthwork") == NOISE


def test_the_standard_of_the_day_applies() -> None:
    """Before its date of effect a limit is not there; of two editions the one of the day is."""
    assert ids("jiangsu", "320102", None, date(2022, 12, 31)) == {"noise-day-2011", "noise-night-2011"}
    assert ids("guizhou", None, None, date(2025, 12, 31)) == {"noise-day-2011", "noise-night-2011"}
    assert ids("guizhou", None, None, date(2026, 1, 1)) == NOISE


def test_every_limit_says_where_it_comes_from() -> None:
    """Rows for the report carry standard, dates, provenance and source."""
    rows = LIMITS.rows("sichuan", DAY)
    assert len(rows) == 6
    assert all(row["standard"] and row["source"] and row["provenance"] for row in rows)
    assert rows[0]["effective_from"] <= DAY


@pytest.mark.parametrize(
    ("parameter", "judgement", "more", "said"),
    [
        ("pm1", "absolute", "", "x.parameter: is none of the known ones"),
        ("pm10", "difference", "", "x.reference: goes with judgement difference"),
        ("pm10", "count", "", "x.counts: goes with judgement count"),
        ("noise", "absolute", "  averaging: 24h", "x.averaging: does not fit the parameter"),
        ("pm10", "absolute", "  averaging: night", "x.averaging: does not fit the parameter"),
        (
            "pm10",
            "difference",
            "  averaging: 24h\n  reference: city",
            "x.averaging: the reference is known by the hour",
        ),
        ("pm10", "absolute", "  colour: red", "unexpected keyword argument 'colour'"),
    ],
)
def test_a_wrong_file_is_refused_with_its_field(
    tmp_path: Path, parameter: str, judgement: str, more: str, said: str
) -> None:
    """The message names the file, the limit and the field."""
    (tmp_path / "mine.yaml").write_text(WRONG.format(parameter=parameter, judgement=judgement, more=more), "utf-8")
    with pytest.raises(CatalogError, match=r"mine\.yaml") as error:
        Limits.load(tmp_path)
    assert said in str(error.value)


def test_an_id_is_used_once(tmp_path: Path) -> None:
    """Two limits of one name could not be told apart in the tables."""
    text = WRONG.format(parameter="pm10", judgement="absolute", more="")
    (tmp_path / "mine.yaml").write_text(text + text, "utf-8")
    with pytest.raises(CatalogError, match="used twice"):
        Limits.load(tmp_path)


def test_a_file_of_another_shape_is_refused(tmp_path: Path) -> None:
    """An empty file is no list of limits: it is more likely a slip than a wish."""
    (tmp_path / "mine.yaml").write_text("", "utf-8")
    with pytest.raises(CatalogError, match="Write a list of limits"):
        Limits.load(tmp_path)


def test_break_points_must_rise(tmp_path: Path) -> None:
    """A table out of order would rate dirtier air better."""
    (tmp_path / "aqi.yaml").write_text(
        "index: [{standard: S, label: S, effective_from: 2026-01-01, effective_to: null, provenance: assumed,"
        " source: x, index: [0, 50], day: {pm10: [50, 0]}, hour: {}}]",
        "utf-8",
    )
    with pytest.raises(CatalogError, match=r"S\.day\.pm10"):
        Limits.load(tmp_path)
