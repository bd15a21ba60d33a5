"""Row screening: each test of a value, the roll-up, and the order of notes."""

import math
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from pipelines.catalog import Catalog
from pipelines.contract import CatalogError
from pipelines.screening import Order, disordered, level_of, outside, read_screening, screen, sort_notes

CATALOG = Catalog.load()
DUST = CATALOG.canonical["dust-reading"]
FLAGS = ("quality", "quality_notes")
STATION = CATALOG.canonical["station-reading"]


def judged(
    kind: str, values: Mapping[str, float], notes: str | None = None, form: str | None = None
) -> tuple[int, str | None]:
    """Flag and notes of one row of a kind."""
    canonical = CATALOG.canonical[kind]
    row = {name: values.get(name) for name in canonical.by_name}
    frame = (
        pl.DataFrame([row], schema=canonical.polars_schema)
        .drop(FLAGS)
        .with_columns(_notes=pl.lit(notes, pl.String), _form_note=pl.lit(form, pl.String))
    )
    return screen(frame, canonical, CATALOG.screening.get(kind)).select("quality", "quality_notes").row(0)


@pytest.mark.parametrize(("value", "found"), [(-0.1, True), (0.0, False), (5.0, False), (5.1, True), (math.nan, False)])
def test_gross_range(value: float, found: bool) -> None:
    """The bounds are good; what is absent is not judged."""
    assert outside(np.array([value]), (0, 5)).tolist() == [found]


@pytest.mark.parametrize(
    ("greater", "lesser", "found"),
    [(100.0, 115.0, False), (100.0, 115.1, True), (math.nan, 9.0, False), (0.0, 5.0, False)],
)
def test_order_within_tolerance(greater: float, lesser: float, found: bool) -> None:
    """The lesser fraction may pass the greater by the absolute and the relative tolerance together."""
    assert disordered(Order("g", "l", 5, 0.1), np.array([greater]), np.array([lesser])).tolist() == [found]


@pytest.mark.parametrize(
    ("values", "verdict"),
    [
        ({"pm2_5": 35.0, "pm10": 80.0, "tsp": 120.0, "noise": 60.0}, (1, None)),
        ({"pm2_5": 100.0, "pm10": 40.0}, (3, "pm2_5=order;pm10=order")),
        ({"pm2_5": 100.0, "tsp": 40.0}, (3, "pm2_5=order;tsp=order")),
        ({"pm2_5": 100.0, "pm10": -5.0}, (4, "pm10=range")),
        (
            {"humidity": 100.1, "wind_direction": 361.0, "noise": 19.0},
            (4, "noise=range;humidity=range;wind_direction=range"),
        ),
        ({"wind_direction": 360.0, "humidity": 0.0, "pressure": 1013.0}, (1, None)),
        ({"longitude": 106.7, "latitude": 26.6}, (9, None)),
        ({"longitude": 26.6, "latitude": 106.7}, (4, "longitude=range;latitude=range")),
        ({"pm10_max": 10001.0}, (4, "pm10_max=range")),
    ],
)
def test_dust_reading(values: dict[str, float], verdict: tuple[int, str | None]) -> None:
    """A site reading is flagged by the worst finding, each named in field order; coordinates are no measurement."""
    assert judged("dust-reading", values) == verdict


def test_station_order_is_not_judged() -> None:
    """At a control station PM2.5 above PM10 is real and stays good."""
    assert judged("station-reading", {"pm2_5": 90.0, "pm10": 60.0}) == (1, None)
    assert judged("station-reading", {"aqi": 501.0}) == (4, "aqi=range")


def test_registers_are_not_evaluated() -> None:
    """A kind without rules says so, whatever its values."""
    assert judged("project", {"progress": 400.0}) == (2, None)


@pytest.mark.parametrize(
    ("notes", "values", "verdict"),
    [
        ("observed_at=twelve_hours", {"noise": 60.0}, (3, "observed_at=twelve_hours")),
        ("observed_at=arrival", {"noise": 60.0}, (1, "observed_at=arrival")),
        ("pm2_5=sentinel", {"noise": 60.0}, (1, "pm2_5=sentinel")),
        ("pm2_5=sentinel;noise=sentinel", {}, (9, "pm2_5=sentinel;noise=sentinel")),
        (
            "observed_at=twelve_hours;noise=sentinel",
            {"pm10": -1.0},
            (4, "observed_at=twelve_hours;pm10=range;noise=sentinel"),
        ),
    ],
)
def test_notes_of_the_mapping_are_merged(notes: str, values: dict[str, float], verdict: tuple[int, str | None]) -> None:
    """Notes of mapping and screening stand together in field order, and each counts by its own level."""
    assert judged("dust-reading", values, notes) == verdict


def test_form_note_stands_last() -> None:
    """What concerns the whole upload stands after all fields and has no level."""
    assert judged("dust-reading", {"noise": 200.0}, form="json=unknown_keys") == (4, "noise=range;json=unknown_keys")
    assert level_of("json=unknown_keys") is None
    assert sort_notes("json=x;b=y;a=z", {"a": 0, "b": 1}) == "a=z;b=y;json=x"


def test_row_is_judged_alone() -> None:
    """A row's flag does not depend on its neighbours."""
    rows = [{"noise": 60.0}, {"noise": 10.0}, {}]
    frame = pl.DataFrame([{name: row.get(name) for name in DUST.by_name} for row in rows], schema=DUST.polars_schema)
    frame = frame.drop(FLAGS).with_columns(_notes=pl.lit(None, pl.String), _form_note=pl.lit(None, pl.String))
    rules = CATALOG.screening["dust-reading"]
    whole = screen(frame, DUST, rules)
    assert whole["quality"].to_list() == [1, 4, 9]
    assert pl.concat([screen(frame[n], DUST, rules) for n in range(3)]).equals(whole)


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("kind: dust-reading\nmeasured: [noise]\nrange: {loudness: [0, 1]}\n", "loudness: is no canonical field"),
        ("kind: dust-reading\nmeasured: [noise]\nrange: {noise: [5, 1]}\n", "Write .least, greatest."),
        ("kind: dust-reading\nmeasured: [noise]\nlimit: {}\nrange: {}\n", "keys are missing or unknown"),
        ("kind: noise\nmeasured: [noise]\nrange: {}\n", "is no kind, or not the file's name"),
        ("kind: dust-reading\nmeasured: [noise]\nrange: {}\norder: [{greater: tsp}]\n", "is no rule"),
    ],
)
def test_wrong_rules_are_named(tmp_path: Path, text: str, named: str) -> None:
    """A wrong rule file says which file, where, and how it should be."""
    file = tmp_path / "dust-reading.yaml"
    file.write_text(text, "utf-8")
    with pytest.raises(CatalogError, match=named):
        read_screening(file, CATALOG.canonical)
