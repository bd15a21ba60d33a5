"""The nearest control station with a common valid hour, its distance and the deviation from it."""

from __future__ import annotations

from typing import Any

import polars as pl
import pytest

from pipelines.dust.reference import REFERENCE, nearest_stations, sites
from tests.pipelines.dust.frames import DAY, device, devices, hour, hours, projects

NEAR = {"longitude": 118.80, "latitude": 32.00, "station_name": "近站", "province": "national"}
FAR = {"longitude": 118.80, "latitude": 33.00, "station_name": "远站", "province": "national"}
PLACED = devices(device("A", longitude=118.80, latitude=32.05))


def rows(frame: pl.DataFrame) -> list[dict[str, Any]]:
    """Rows, after a look at the columns."""
    assert frame.schema == REFERENCE
    return frame.to_dicts()


def test_the_nearest_station_over_common_hours() -> None:
    """0.05° of latitude are 5.56 km; only hours valid on both sides are compared."""
    ours = hours(hour(8, pm10=150.0), hour(9, pm10=170.0), hour(10, pm10=999.0))
    theirs = hours(hour(8, "N", pm10=100.0, **NEAR), hour(9, "N", pm10=120.0, **NEAR), hour(8, "F", pm10=1.0, **FAR))
    (row,) = rows(nearest_stations(PLACED, ours, theirs, DAY))
    assert (row["station_code"], row["station_name"], row["hours"]) == ("N", "近站", 2)
    assert row["distance_km"] == pytest.approx(5.5597, abs=1e-3)
    assert (row["site_mean"], row["station_mean"], row["deviation"]) == (160.0, 110.0, 50.0)
    assert row["deviation_percent"] == pytest.approx(100 * 50 / 110)
    assert (row["parameter"], row["province"], row["day"]) == ("pm10", "jiangsu", DAY.isoformat())


def test_a_station_without_a_common_valid_hour_is_passed_over() -> None:
    """The nearer station has no valid hour of PM2.5, so the farther one is the reference; for PM10 it is the nearer."""
    ours = hours(hour(8, pm10=150.0, pm2_5=50.0))
    theirs = hours(
        hour(8, "N", pm10=100.0, **NEAR), hour(9, "N", pm2_5=1.0, **NEAR), hour(8, "F", pm10=1.0, pm2_5=40.0, **FAR)
    )
    coarse, fine = rows(nearest_stations(PLACED, ours, theirs, DAY))
    assert (coarse["parameter"], coarse["station_code"]) == ("pm10", "N")
    assert (fine["parameter"], fine["station_code"], fine["deviation"]) == ("pm2_5", "F", 10.0)


def test_a_station_mean_of_zero_has_no_percentage() -> None:
    """The difference is told, the percentage is not."""
    (row,) = rows(nearest_stations(PLACED, hours(hour(8, pm10=5.0)), hours(hour(8, "N", pm10=0.0, **NEAR)), DAY))
    assert (row["deviation"], row["deviation_percent"]) == (5.0, None)


def test_a_device_stands_where_its_project_is_when_nothing_else_is_known() -> None:
    """Own coordinates come first; without any there is no reference."""
    register = devices(device("A"), device("B", longitude=1.0, latitude=2.0), device("C"))
    placed = sites(register, projects({"project_code": "P-A", "longitude": 118.8, "latitude": 32.05}))
    assert placed.select("device_code", "longitude", "latitude").rows() == [
        ("A", 118.8, 32.05), ("B", 1.0, 2.0), ("C", None, None),
    ]  # fmt: skip
    ours = hours(*[hour(8, code, pm10=10.0) for code in "ABC"])
    found = rows(nearest_stations(placed, ours, hours(hour(8, "N", pm10=10.0, **NEAR)), DAY))
    assert [row["device_code"] for row in found] == ["A", "B"]


def test_nothing_to_compare_gives_a_typed_empty_frame() -> None:
    """No sites, no hours, no stations: no rows."""
    assert rows(nearest_stations(devices(), hours(), hours(), DAY)) == []
    assert rows(nearest_stations(PLACED, hours(hour(8, pm10=1.0)), hours(), DAY)) == []
