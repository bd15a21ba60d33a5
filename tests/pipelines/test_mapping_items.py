"""Arrays of records: items are mapped as uploads are, and told of by their place."""

from pathlib import Path
from typing import Any

import polars as pl
import pytest

from pipelines.catalog import CatalogError
from tests.pipelines.tiny import mapped, records_of

RAW: dict[str, Any] = {
    "id": "string",
    "at": "long",
    "kind": "int",
    "data": records_of(p="string", v="string", d="double", t="string"),
}
RULES = """\
  device_code: {from: id, required: true}
  observed_at: {from: at, time: epoch_ms, required: true}
  item: {from: kind, codes: pit_items_no, required: true}
  points:
    each: data
    fields:
      point_code: {from: p, required: true}
      value: {from: v, sentinels: [-9999]}
      depth: {from: d, unit: cm}
"""
USUAL = {"id": "d", "at": 1_772_510_400_000, "kind": 2}
NOTHING = dict.fromkeys(("point_code", "depth", "value", "change", "rate", "cumulative", "y_value", "alarms"))


def pits(folder: Path, *arrays: Any, rules: str = RULES, **more: Any) -> pl.DataFrame:
    """Collections with these arrays of points."""
    return mapped(folder, "pit-reading", RAW, rules, *({**USUAL, **more, "data": array} for array in arrays))


def point(**said: Any) -> dict[str, Any]:
    """A raw point."""
    return {"p": "A", "v": None, "d": None, "t": None, **said}


def test_items_are_mapped_one_by_one(tmp_path: Path) -> None:
    """Units, texts that are numbers and absent values as in any upload; what no rule makes is null; order is kept."""
    found = pits(tmp_path, [point(v="1.5", d=250.0), point(p="B")], [], None, [point(p="C", v="-")])
    assert found["points"].to_list() == [
        [{**NOTHING, "point_code": "A", "value": 1.5, "depth": 2.5}, {**NOTHING, "point_code": "B"}],
        [],
        None,
        [{**NOTHING, "point_code": "C"}],
    ]
    assert found["_reason"].null_count() == 4


def test_the_first_bad_item_is_told_by_its_place(tmp_path: Path) -> None:
    """Field with the array's name, place in the array, raw name; an earlier field of the upload comes first."""
    bad = [point(), point(v="much"), point(p=None)]
    found = pits(tmp_path, bad)
    assert found.select("_reason", "_field").row(0) == ("bad_number", "points.value")
    assert found["_detail"][0].startswith("item data 2: v is text")
    earlier = pits(tmp_path, bad, kind=77)
    assert earlier.select("_reason", "_field").row(0) == ("bad_code", "item")


def test_notes_of_items_are_told_once(tmp_path: Path) -> None:
    """Two points without a measurement give one note, with the array's name."""
    found = pits(tmp_path, [point(v="-9999"), point(v="-9999.0")], [point()])
    assert found["_notes"].to_list() == ["points.value=sentinel", None]
    assert [item["value"] for item in found["points"][0]] == [None, None]


def test_no_result_depends_on_the_other_uploads(tmp_path: Path) -> None:
    """Alone or together, an upload has the same points and the same outcome."""
    arrays = [[point(v="1")], None, [point(v="x")], [], [point(p=None), point(v="-9999")]]
    together = pits(tmp_path, *arrays).rows()
    assert [pits(tmp_path, array).row(0) for array in arrays] == together


def test_a_required_array_holds_something(tmp_path: Path) -> None:
    """Absent or empty is refused; the array is named."""
    rules = RULES.replace("each: data", "each: data\n    required: true")
    found = pits(tmp_path, None, [], [point()], rules=rules)
    assert found["_reason"].to_list() == ["missing_field", "missing_field", None]
    assert found["_field"].to_list() == ["points", "points", None]


FAULTS = {
    "no array": (RULES.replace("each: data", "each: id"), ["points", "needs an array of records"]),
    "no such field of the items": (RULES.replace("depth:", "deepness:"), ["points.deepness", "point_code"]),
    "a raw field of the upload": (RULES.replace("from: p,", "from: id,"), ["point_code", "'id' is no field"]),
    "from in place of each": (RULES.replace("each: data", "from: data"), ["points", "from means nothing"]),
    "an array as a text": (RULES + "  structure_code: {from: data}\n", ["structure_code", "is an array"]),
    "a wrong unit within": (RULES.replace("unit: cm", "unit: kg"), ["depth", "'kg'"]),
}


@pytest.mark.parametrize("case", FAULTS)
def test_a_wrong_rule_is_told(tmp_path: Path, case: str) -> None:
    """Faults of items are told as those of fields are."""
    rules, words = FAULTS[case]
    with pytest.raises(CatalogError) as caught:
        pits(tmp_path, rules=rules)
    for word in words:
        assert word in str(caught.value)
