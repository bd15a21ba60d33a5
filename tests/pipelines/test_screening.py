"""Row screening: each test of a value, the roll-up, and the order of notes."""

import math
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from pipelines.contract import CanonicalKind, CatalogError, Field, read_yaml
from pipelines.screening import level_of, screen, sort_notes
from pipelines.screening_file import HEAD, TESTS, read_screening
from pipelines.screening_rules import UNBOUNDED, Order, Screening, between_steps, disordered, outside
from tests.contract import CATALOG

DUST = CATALOG.canonical["dust-reading"]
FLAGS = ("quality", "quality_notes")
AT = datetime(2026, 3, 2, 8, tzinfo=UTC)
PROJECT = Path(__file__).resolve().parents[2]
STATION = CATALOG.canonical["station-reading"]


def judged(
    kind: str, values: Mapping[str, Any], notes: str | None = None, form: str | None = None
) -> tuple[int, str | None]:
    """Flag and notes of one row of a kind."""
    canonical = CATALOG.canonical[kind]
    frame = frame_of(canonical, [values]).with_columns(
        _notes=pl.lit(notes, pl.String), _form_note=pl.lit(form, pl.String)
    )
    return screen(frame, canonical, CATALOG.screening.get(kind)).select("quality", "quality_notes").row(0)


def frame_of(kind: CanonicalKind, rows: Sequence[Mapping[str, Any]]) -> pl.DataFrame:
    """Rows of a kind as they come to the screening, without notes of a mapping."""
    whole = [{name: row.get(name) for name in kind.by_name} for row in rows]
    nothing = pl.lit(None, pl.String)
    return pl.DataFrame(whole, schema=kind.polars_schema).drop(FLAGS).with_columns(_notes=nothing, _form_note=nothing)


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


def test_a_kind_without_rules_is_not_evaluated() -> None:
    """A kind without rules says so, whatever its values."""
    assert judged("conduct", {"credit_points": 4e9}) == (2, None)


@pytest.mark.parametrize(
    ("value", "found"), [(5.9e-39, True), (-5.9e-39, True), (0.0, False), (0.01, False), (math.nan, False)]
)
def test_garbled_bytes(value: float, found: bool) -> None:
    """A value nearer to zero than the field's finest step is an integer's bytes read as a float; zero is zero."""
    assert between_steps(np.array([value]), 0.01).tolist() == [found]


HOUR = timedelta(hours=1)


@pytest.mark.parametrize(
    ("kind", "values", "verdict"),
    [
        ("crane-reading", {"load": 1200.0, "moment_percent": 85.0, "tilt": 0.3}, (1, None)),
        ("crane-reading", {"moment_percent": 140.0}, (3, "moment_percent=unusual")),
        ("crane-reading", {"moment_percent": 340.0}, (4, "moment_percent=range")),
        ("crane-reading", {"moment_percent": 5.877472e-39}, (4, "moment_percent=garbled")),
        ("crane-reading", {"tilt_x": 69.54, "tilt_y": 97.26}, (4, "tilt_x=range;tilt_y=range")),
        ("crane-reading", {"load": 0.0, "ended_at": AT - HOUR}, (3, "observed_at=order;ended_at=order")),
        ("crane-reading", {"ended_at": AT + HOUR}, (9, None)),
        ("hoist-reading", {"people": 0, "load": 500.0}, (1, None)),
        ("hoist-reading", {"people": -1}, (4, "people=range")),
        ("pit-reading", {"points": [{"value": 1.0}, {"value": 32767.0}]}, (3, "points.value=unusual")),
        ("pit-reading", {"points": [{"value": None, "rate": 70000.0}]}, (4, "points.rate=range")),
        ("pit-reading", {"points": [{"value": None}]}, (9, None)),
        ("pit-reading", {"points": []}, (9, None)),
        ("pit-reading", {}, (9, None)),
        ("payroll", {"due_yuan": 6000.0, "paid_yuan": 6000.6}, (1, None)),
        ("payroll", {"due_yuan": 6000.0, "paid_yuan": 6002.0}, (3, "due_yuan=order;paid_yuan=order")),
        ("headcount", {"on_site": 3, "trades": [{"on_site": 1}, {"on_site": 2}]}, (1, None)),
        ("headcount", {"on_site": 3, "trades": [{"on_site": 1}, {"on_site": 1}]}, (3, "on_site=sum;trades=sum")),
        ("headcount", {"on_site": 3, "trades": [{"on_site": 1}, {"on_site": None}]}, (1, None)),
        ("headcount", {"on_site": 3, "trades": []}, (1, None)),
        ("headcount", {"trades": [{"on_site": -2}]}, (4, "trades.on_site=range")),
        ("attendance", {"similarity": 101.0}, (4, "similarity=range")),
        ("attendance", {"channel": "2"}, (2, None)),
        (
            "worker",
            {"certificates": [{"valid_from": AT, "valid_to": AT - 25 * HOUR}]},
            (3, "certificates.valid_from=order;certificates.valid_to=order"),
        ),
        ("worker", {"certificates": [{"valid_from": AT, "valid_to": AT - 24 * HOUR}]}, (1, None)),
        ("inspection", {"rectified_at": AT, "reviewed_at": AT - 23 * HOUR}, (1, None)),
    ],
)
def test_other_kinds(kind: str, values: dict[str, Any], verdict: tuple[int, str | None]) -> None:
    """What can be judged is; 9 where a measuring kind has measured nothing, 2 where nothing can be judged."""
    assert judged(kind, {"observed_at": AT, **values}) == verdict


Probe = tuple[dict[str, Any], set[str], bool]


def probes(rules: Screening, fields: Mapping[str, Field]) -> Iterator[Probe]:
    """For each rule: values just within it and just beyond, the notes of its breach, and whether it is broken."""
    for note, bounds in (("range", rules.ranges), ("unusual", rules.usual)):
        for name, (least, greatest) in bounds.items():
            possible = rules.ranges.get(name, UNBOUNDED)
            step = 1 if fields[name].type == "int" else 1e-6 * max(1, abs(least), abs(greatest))
            for value, broken in ((least, False), (greatest, False), (least - step, True), (greatest + step, True)):
                if broken and note == "unusual" and (value < possible[0] or value > possible[1]):
                    continue  # the ends may be the same: what is beyond both fails
                yield {name: typed(fields[name], value)}, {f"{name}={note}"}, broken
    for name, step in rules.finest.items():
        yield {name: step}, {f"{name}=garbled"}, False
        yield {name: step / 2}, {f"{name}=garbled"}, True
    for order in rules.orders:
        pair = order.greater, order.lesser
        greater = AT.timestamp() if fields[order.greater].type == "timestamp-millis" else 10.0
        limit = greater + order.absolute + greater * order.relative
        for lesser, broken in ((limit, False), (limit + 1, True)):
            values = {name: typed(fields[name], value) for name, value in zip(pair, (greater, lesser), strict=True)}
            yield values, {f"{name}=order" for name in pair}, broken


def typed(field: Field, value: float) -> Any:
    """The number, or the seconds since 1970, as a value of the field."""
    if field.type == "timestamp-millis":
        return datetime.fromtimestamp(value, UTC)
    return math.floor(value) if field.type == "int" else value


@pytest.mark.parametrize("name", CATALOG.screening)
def test_every_rule_is_reached(name: str) -> None:
    """Bounds and tolerances are good, what is just beyond is noted, of rows and of items."""
    kind, rules = CATALOG.canonical[name], CATALOG.screening[name]
    found = list(probes(rules, kind.by_name))
    for array, inner in rules.items.items():
        items = {item.name: item for item in kind.by_name[array].items}
        for values, notes, broken in probes(inner, items):
            whole = {array: [{item: values.get(item) for item in items}]}
            found.append((whole, {f"{array}.{note}" for note in notes}, broken))
    noted = screen(frame_of(kind, [values for values, _, _ in found]), kind, rules)["quality_notes"].to_list()
    for (values, notes, broken), text in zip(found, noted, strict=True):
        held = set((text or "").split(";"))
        assert notes <= held if broken else not notes & held, (values, text)


def test_the_page_shows_rules_that_load(tmp_path: Path) -> None:
    """The example of docs/screening.md uses every key and is a rule file."""
    page = (PROJECT / "docs" / "screening.md").read_text("utf-8")
    file = tmp_path / "headcount.yaml"
    file.write_text(page.split("```yaml\n")[1].split("```")[0], "utf-8")
    assert set(read_yaml(file)) == {*HEAD, *TESTS}
    assert read_screening(file, CATALOG.canonical).items["trades"].ranges == {"on_site": (0, 20000)}


def test_every_rule_file_says_why() -> None:
    """Title, Chinese title, and where the bounds come from."""
    for name in CATALOG.screening:
        content = read_yaml(PROJECT / "quality" / "screening" / f"{name}.yaml")
        assert all(content[key] for key in ("title", "zh", "source")), name


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
    frame = frame_of(DUST, [{"noise": 60.0}, {"noise": 10.0}, {}])
    rules = CATALOG.screening["dust-reading"]
    whole = screen(frame, DUST, rules)
    assert whole["quality"].to_list() == [1, 4, 9]
    assert pl.concat([screen(frame[n], DUST, rules) for n in range(3)]).equals(whole)


def test_items_are_those_of_their_row() -> None:
    """What is found in an array's items is noted at the row that they belong to, arrays without items between."""
    rows = [[{"value": 1.0}], None, [], [{"value": 2.0}, {"value": 1e6}], [{"value": 3.0}]]
    kind = CATALOG.canonical["pit-reading"]
    frame = frame_of(kind, [{"points": points} for points in rows])
    whole = screen(frame, kind, CATALOG.screening["pit-reading"])
    assert whole["quality"].to_list() == [1, 9, 9, 4, 1]
    assert whole["quality_notes"].to_list() == [None, None, None, "points.value=range", None]


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("kind: dust-reading\nmeasured: [noise]\nrange: {loudness: [0, 1]}\n", "loudness: is no canonical field"),
        ("kind: dust-reading\nmeasured: [noise]\nrange: {noise: [5, 1]}\n", "Write .least, greatest."),
        ("kind: dust-reading\nmeasured: [noise]\nlimit: {}\nrange: {}\n", "keys are missing or unknown"),
        ("kind: noise\nmeasured: [noise]\nrange: {}\n", "is no kind, or not the file's name"),
        ("kind: dust-reading\nmeasured: [noise]\nrange: {}\norder: [{greater: tsp}]\n", "is no rule"),
        ("kind: dust-reading\norder: [{greater: tsp, lesser: pm10, near: 1}]\n", "is no rule"),
        ("kind: dust-reading\norder: [{greater: tsp, lesser: observed_at}]\n", "is not comparable to observed_at"),
        ("kind: dust-reading\nrange: {period: [0, 1]}\n", "period: is string"),
        ("kind: dust-reading\nrange: {observed_at: [0, 1]}\n", "observed_at: is timestamp-millis"),
        ("kind: dust-reading\nfinest: {noise: 0}\n", "Write a number above 0"),
        ("kind: dust-reading\nitems: {points: {range: {}}}\n", "points: is no array of records"),
        ("kind: dust-reading\nsum: [{total: noise, parts: tsp}]\n", "is no rule"),
        ("kind: dust-reading\nsum: [{total: noise, parts: a.tsp}]\n", "is no number of an array's items"),
        ("kind: dust-reading\n", "keys are missing or unknown"),
    ],
)
def test_wrong_rules_are_named(tmp_path: Path, text: str, named: str) -> None:
    """A wrong rule file says which file, where, and how it should be."""
    file = tmp_path / "dust-reading.yaml"
    file.write_text(text, "utf-8")
    with pytest.raises(CatalogError, match=named):
        read_screening(file, CATALOG.canonical)
