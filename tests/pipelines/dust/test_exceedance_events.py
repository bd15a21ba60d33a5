"""Exceedances as records of the hub's own topic."""

from datetime import UTC, date, datetime

import polars as pl

from pipelines.codec import decode, encode
from pipelines.dust.exceedance import EXCEEDANCES
from pipelines.dust.exceedance_events import exceedance_events
from pipelines.dust.findings import day_of
from tests.contract import CATALOG

KIND = CATALOG.hub["exceedance"]


def table(*devices: tuple[str, str]) -> pl.DataFrame:
    """Rows of the gold table: an hour from 22:00 local on 2 March for each province and device."""
    row = {
        "day": "2026-03-02", "project_code": None, "parameter": "pm10", "averaging": "1h", "judgement": "difference",
        "level": "alarm", "value": 91.5, "reference_value": 40.0, "limit_value": 80.0, "unit": "ug/m3",
        "standard": "DB32/4437-2022", "limit_id": "jiangsu-pm10", "began": datetime(2026, 3, 2, 14, tzinfo=UTC),
        "ended": datetime(2026, 3, 2, 15, tzinfo=UTC),
    }  # fmt: skip
    rows = [{**row, "province": province, "device_code": device} for province, device in devices]
    return pl.DataFrame(rows, schema=EXCEEDANCES).with_columns(code_version=pl.lit("1.0"))


def test_every_row_becomes_one_record() -> None:
    """The gold columns under the record's names, named by province, device, start and limit; and it can be encoded."""
    made = exceedance_events(table(("jiangsu", "D-1"), ("sichuan", "D:2")), KIND)
    assert made["event_id"].to_list() == [
        "jiangsu:exceedance:D-1:1772460000000:jiangsu-pm10",
        "sichuan:exceedance:D:2:1772460000000:jiangsu-pm10",
    ]
    assert made.select("observed_at", "limit", "reference_value", "day").row(0) == (
        datetime(2026, 3, 2, 14, tzinfo=UTC), 80.0, 40.0, "2026-03-02",
    )  # fmt: skip
    assert decode(encode(made, KIND, 5), KIND).equals(made)
    assert exceedance_events(table(), KIND).is_empty()


def test_a_key_tells_province_and_local_day() -> None:
    """Whatever stands in the device's code; half past midnight in China is the new day."""
    keys = exceedance_events(table(("sichuan", "D:2")), KIND)["event_id"]
    assert day_of(keys[0].encode()) == ("sichuan", date(2026, 3, 2))
    assert day_of(b"jiangsu:exceedance:D:1772469000000:x") == ("jiangsu", date(2026, 3, 3))
