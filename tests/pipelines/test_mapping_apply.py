"""Whole mappings: one outcome a row whatever the batch, first fault in field order, notes in field order, vendors."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.contract import TIMESTAMP
from pipelines.names import RawTopic
from tests.contract import CATALOG
from tests.pipelines.tiny import RECEIVED, tiny, uploads

OUTCOME = ["_reason", "_field", "_detail", "_remedy", "_notes"]
SPOILED: dict[type, list[Any]] = {
    pl.String: [None, "", "--", "12.5", "-1", "x", "2026-03-03 12:00:00", "2026-02-30", "东北", "2", "1767225600000"],
    pl.Float64: [None, 0.0, -1.0, 360.0, 32767.0, float("nan"), 1e300],
    pl.Int32: [None, 0, 3, 99, -1],
    pl.Int64: [None, 1772510400000, 17725104000000, 0],
    pl.Boolean: [None, True, False],
}


def rows_of(province: str, kind: str) -> st.SearchStrategy[list[dict[str, Any]]]:
    """Random uploads of a raw kind, most fields from a list of awkward values."""
    schema = CATALOG.raw[province, kind].polars_schema
    row = st.fixed_dictionaries({name: spoiled(dtype) for name, dtype in schema.items()})
    return st.lists(row, min_size=2, max_size=5)


def spoiled(dtype: Any) -> st.SearchStrategy[Any]:
    """Awkward values of a column type, within arrays too."""
    if isinstance(dtype, pl.List):
        return st.none() | st.lists(spoiled(dtype.inner).filter(lambda item: item is not None), max_size=2)
    if isinstance(dtype, pl.Struct):
        return st.fixed_dictionaries({part.name: spoiled(part.dtype) for part in dtype.fields})
    return st.sampled_from(SPOILED[type(dtype)])


def _frame(province: str, kind: str, rows: list[dict[str, Any]]) -> pl.DataFrame:
    frame = pl.DataFrame(rows, schema=CATALOG.raw[province, kind].polars_schema)
    return frame.with_columns(pl.lit(RECEIVED).cast(TIMESTAMP).alias("_received"))


@pytest.mark.parametrize(("province", "kind"), sorted(CATALOG.raw))
@settings(max_examples=2)  # of each of a hundred feeds
@given(data=st.data())
def test_no_result_depends_on_the_batch(province: str, kind: str, data: st.DataObject) -> None:
    """Mapping rows together gives exactly what mapping them one by one gives, in the same order."""
    rows = data.draw(rows_of(province, kind))
    mapping = CATALOG.compiled(province, kind)
    made = CATALOG.made_of(RawTopic(province, kind))
    frame = _frame(province, kind, rows)
    whole = mapping.apply(frame)
    single = pl.concat([mapping.apply(frame.slice(row, 1)) for row in range(len(rows))])
    assert whole.equals(single)
    assert whole.columns == [*mapping.fields, *OUTCOME]
    assert whole.select(mapping.fields).schema == {name: made.by_name[name].dtype for name in mapping.fields}


@pytest.mark.parametrize(("province", "kind"), sorted(CATALOG.raw))
def test_a_batch_without_rows_has_the_same_columns(province: str, kind: str) -> None:
    """An empty frame goes through: columns and types stay."""
    mapping = CATALOG.compiled(province, kind)
    assert mapping.apply(_frame(province, kind, [])).columns == [*mapping.fields, *OUTCOME]


def test_the_first_fault_in_field_order_is_told() -> None:
    """Of a missing device, a bad time and a bad number the device comes first, then the time."""
    rows: list[dict[str, Any]] = [
        {"deviceId": None, "moniterTime": "never", "pm10": float("nan")},
        {"deviceId": "d", "moniterTime": "never", "pm10": float("nan")},
        {"deviceId": "d", "moniterTime": "2026-03-03 12:00:00", "pm10": float("nan")},
    ]
    found = CATALOG.compiled("jiangsu", "dust-reading").apply(_frame("jiangsu", "dust-reading", rows))
    assert found["_field"].to_list() == ["device_code", "observed_at", "pm10"]
    assert found["_reason"].to_list() == ["missing_field", "bad_time", "bad_number"]
    expected = "expected a date of 2010 or later as yyyy-MM-dd HH:mm:ss or yyyy-MM-dd"
    assert found["_detail"][1] == f"moniterTime is text 'AAAAA', {expected}"


def test_notes_stand_in_field_order() -> None:
    """Time before values, values in the order of the canonical schema."""
    row = {"deviceId": "d", "moniterTime": "2026-03-03 00:00:00", "noise": -1.0, "pm10": -1.0, "windDirection": "上"}
    found = CATALOG.compiled("jiangsu", "dust-reading").apply(_frame("jiangsu", "dust-reading", [row]))
    assert found["_notes"][0] == "observed_at=twelve_hours;pm10=sentinel;noise=sentinel;wind_direction=unknown_code"


def test_a_vendors_link_has_its_own_unit() -> None:
    """0.08 on the link that sends mg/m3 is 80 ug/m3; on any other link it is 0.08 ug/m3. The name is the same."""
    row = {"deviceId": "d", "moniterTime": "2026-03-03 12:00:00", "pm2dot5": 0.08, "noise": 55.0}
    frame = _frame("jiangsu", "dust-reading", [row])
    values = {}
    for vendor in ("zhuzhi", "other", None):
        mapping = CATALOG.compiled("jiangsu", "dust-reading", vendor)
        assert mapping.name == CATALOG.compiled("jiangsu", "dust-reading").name
        values[vendor] = mapping.apply(frame).select("pm2_5", "noise").row(0)
    assert values == {"zhuzhi": (80.0, 55.0), "other": (0.08, 55.0), None: (0.08, 55.0)}


def test_a_composed_code_needs_all_its_parts() -> None:
    """recordNumber-belongedTo is the project's code; with one part absent there is none."""
    rows: list[dict[str, Any]] = [
        {"deviceId": "d", "recordNumber": "A1", "belongedTo": "B2"},
        {"deviceId": "d", "recordNumber": "A1"},
    ]
    found = CATALOG.compiled("jiangsu", "dust-reading").apply(_frame("jiangsu", "dust-reading", rows))
    assert found["project_code"].to_list() == ["A1-B2", None]


def test_a_key_with_a_dot_is_called_by_its_key() -> None:
    """Shanxi's "PM2.5" is named so in messages, not by its Avro name."""
    row = {"DeviceId": "d", "RecDate": "2026-03-03 12:00:00", "DataType": "Min", "PM2_5": "１２"}
    found = CATALOG.compiled("shanxi", "dust-reading").apply(_frame("shanxi", "dust-reading", [row]))
    assert found["_detail"][0] == "PM2.5 is text '９９', expected a finite number in ug/m3"


def test_a_message_shows_the_shape_of_a_value_never_the_value(tmp_path: Path) -> None:
    """A name or a citizen number in the wrong field does not reach headers or logs; forty signs are enough.

    Only what has the shape of a time is shown: it is a time that does not exist.
    """
    rows = [{"x": "y" * 500}, {"x": "张三 520102199001011234"}]
    found = tiny(tmp_path, {"x": "string"}, "  pm10: {from: x, unit: ug/m3}\n").apply(uploads({"x": "string"}, rows))
    assert f"'{'A' * 40}'" in found["_detail"][0]
    assert f"'字字 {'9' * 18}'" in found["_detail"][1]
    assert "张" not in found["_detail"][1]
    assert "520102" not in found["_detail"][1]
    times = [{"deviceId": "d", "moniterTime": text} for text in ("2026-02-30 12:00:00", "张三")]
    found = CATALOG.compiled("jiangsu", "dust-reading").apply(_frame("jiangsu", "dust-reading", times))
    assert [detail.split(",")[0] for detail in found["_detail"]] == [
        "moniterTime is text '2026-02-30 12:00:00'",
        "moniterTime is text '字字'",
    ]


@pytest.mark.parametrize(
    ("province", "row", "wanted"),
    [("guizhou", {"aiFlag": True}, True), ("jiangsu", {"isAi": "否"}, False), ("shanxi", {"Ai": "1"}, True)],
)
def test_booleans_come_as_such_or_by_a_table(province: str, row: dict[str, Any], wanted: bool) -> None:
    """Devices say true, 否 or 1."""
    assert CATALOG.compiled(province, "device").apply(_frame(province, "device", [row]))["has_ai"][0] is wanted


def test_a_contract_sum_in_ten_thousands_becomes_yuan() -> None:
    """Jiangsu sends 万元."""
    frame = _frame("jiangsu", "project", [{"projectPrice": 1234.5}])
    assert CATALOG.compiled("jiangsu", "project").apply(frame)["cost_yuan"][0] == 12_345_000.0


def test_a_station_hour_is_dated_by_its_start() -> None:
    """The label 0 of 3 March names the hour from 23 to 24 o'clock of 2 March."""
    frame = _frame("national", "station-reading", [{"code": "1001A", "date": "20260303", "hour": 0}])
    found = CATALOG.compiled("national", "station-reading").apply(frame)
    assert found.select("observed_at", "period").row(0) == (datetime(2026, 3, 2, 15, tzinfo=UTC), "hour")
