"""Each province's dust dialect against a slow reference, written from the dialects' documentation, not the mappings."""

import math
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone
from io import BytesIO
from typing import Any

import fastavro
import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.normalise import normalise
from pipelines.wire import RawBatch, WriterSchema
from tests.contract import CATALOG

NOW = datetime(2026, 3, 5, 12, 0, tzinfo=UTC)
CHINA = timezone(timedelta(hours=8))
POINTS = [
    "北",
    "东北偏北",
    "东北",
    "东北偏东",
    "东",
    "东南偏东",
    "东南",
    "东南偏南",
    "南",
    "西南偏南",
    "西南",
    "西南偏西",
    "西",
    "西北偏西",
    "西北",
    "西北偏北",
]
MEASURED = ("pm2_5", "pm10", "tsp", "noise", "temperature", "humidity", "pressure", "wind_speed", "wind_direction")

codes = st.text(
    st.characters(codec="utf-8", exclude_categories=["Cs", "Cc", "Zs", "Zl", "Zp"]), min_size=1, max_size=9
).filter(lambda text: text not in {"-", "--", "null", "NULL", "NaN"})
instants = st.integers(0, 20 * 3600).map(lambda seconds: NOW - timedelta(seconds=seconds))
decimals = st.integers(0, 4000).map(lambda tenths: tenths / 10)


def measured(*sentinels: float) -> st.SearchStrategy[float | None]:
    """A reading, none, or a sentinel."""
    return st.none() | decimals | st.sampled_from([float(s) for s in sentinels])


def value(said: Any, *sentinels: float, factor: float = 1.0) -> float | None:
    """What a reading means: nothing, where it is absent or a sentinel."""
    if said is None or float(said) in sentinels:
        return None
    return float(said) * factor if factor != 1.0 else float(said)


def guizhou(raw: dict[str, Any]) -> dict[str, Any]:
    """Camel case, epoch ms, pressure in kPa, wind as 0 to 15, no noise, -999 for nothing."""
    said = {name: value(raw[key], -999) for name, key in {"pm2_5": "pm25", "pm10": "pm10", "tsp": "tsp"}.items()}
    point = raw["windDir"]
    return said | {
        "device_code": raw["deviceNo"],
        "project_code": raw["projectNo"],
        "observed_at": datetime.fromtimestamp(raw["collectTime"] / 1000, UTC),
        "period": "minute",
        "noise": None,
        "temperature": value(raw["temperature"], -999),
        "humidity": value(raw["humidity"], -999),
        "pressure": value(raw["pressure"], -999, factor=10.0),
        "wind_speed": value(raw["windSpeed"], -999),
        "wind_direction": point * 22.5 if point is not None and 0 <= point <= 15 else None,
    }


def sichuan(raw: dict[str, Any]) -> dict[str, Any]:
    """Pascal case, local digits for a time, degrees with 360 for north, 32767 for nothing."""
    names = {
        "pm2_5": "Pm25",
        "pm10": "Pm10",
        "tsp": "Tsp",
        "noise": "Noise",
        "humidity": "Humidity",
        "wind_speed": "WindSpeed",
    }
    direction = value(raw["WindDirection"], -1, 32767)
    return {name: value(raw[key], -1, 32767) for name, key in names.items()} | {
        "device_code": raw["DeviceCode"],
        "project_code": raw["ProjectCode"],
        "observed_at": datetime.strptime(raw["MonitorTime"], "%Y%m%d%H%M%S").replace(tzinfo=CHINA),
        "period": "minute",
        "temperature": value(raw["Temperature"], 32767),
        "pressure": value(raw["Pressure"], 0, 32767),
        "wind_direction": 0.0 if direction == 360 else direction,
    }


def jiangsu(raw: dict[str, Any]) -> dict[str, Any]:
    """Misspelt times that tell minute from day, Chinese wind points with or without 风, a composed project code."""
    said = raw["moniterTime"] or raw["upload"]
    day = len(said) == 10
    names = {
        "pm2_5": "pm2dot5",
        "pm10": "pm10",
        "tsp": "tsp",
        "noise": "noise",
        "humidity": "humidity",
        "wind_speed": "windSpeed",
    }
    wind = (raw["windDirection"] or "").removesuffix("风")
    both = raw["recordNumber"] and raw["belongedTo"]
    return {name: value(raw[key], -1, 32767) for name, key in names.items()} | {
        "device_code": raw["deviceId"],
        "project_code": f"{raw['recordNumber']}-{raw['belongedTo']}" if both else None,
        "observed_at": datetime.strptime(said, "%Y-%m-%d" if day else "%Y-%m-%d %H:%M:%S").replace(tzinfo=CHINA),
        "period": "day" if day else "minute",
        "temperature": value(raw["temperature"], 32767),
        "pressure": None,
        "wind_direction": POINTS.index(wind) * 22.5 if wind in POINTS else None,
    }


def shanxi(raw: dict[str, Any]) -> dict[str, Any]:
    """Everything text, a key with a dot, Dust for TSP, LEQ before DB, wind as 1 to 8, 9999 for nothing.

    A LEQ of 9999 says that no mean was measured: the instantaneous DB does not stand in for it.
    """

    def number(key: str, *sentinels: float) -> float | None:
        return value(None if raw[key] in {None, "", "-"} else raw[key], *sentinels)

    level = "DB" if raw["LEQ"] in {None, "", "-"} else "LEQ"
    wind = raw["WindDirection"]
    return {
        "device_code": raw["DeviceId"],
        "project_code": raw["ProjectId"],
        "observed_at": datetime.strptime(raw["RecDate"], "%Y-%m-%d %H:%M:%S").replace(tzinfo=CHINA),
        "period": {"Rt": "instant", "Min": "minute", "Hour": "hour", "Day": "day"}[raw["DataType"] or "Min"],
        "pm2_5": number("PM2_5", -1, 9999),
        "pm10": number("PM10", -1, 9999),
        "tsp": number("Dust", -1, 9999),
        "noise": number(level, -1, 9999),
        "temperature": number("Temperature", 9999),
        "humidity": number("Humidity", -1, 9999),
        "pressure": number("AirPressure", 0, 9999),
        "wind_speed": number("WindSpeed", -1, 9999),
        "wind_direction": (int(wind) - 1) * 45.0 if wind in list("12345678") else None,
    }


def text_of(said: float | None) -> str | None:
    """A reading as Shanxi's devices print it."""
    return None if said is None else f"{said:g}"


def spelled(form: str) -> st.SearchStrategy[str]:
    """Local time in a format."""
    return instants.map(lambda at: at.astimezone(CHINA).strftime(form))


texts = measured(-1, 9999).map(text_of) | st.sampled_from(["", "-"])
DIALECTS: dict[str, tuple[st.SearchStrategy[dict[str, Any]], Callable[[dict[str, Any]], dict[str, Any]]]] = {
    "guizhou": (
        st.fixed_dictionaries(
            {
                "deviceNo": codes,
                "projectNo": st.none() | codes,
                "collectTime": instants.map(lambda at: int(at.timestamp() * 1000)),
                "windDir": st.none() | st.integers(-2, 20),
            }
            | dict.fromkeys(["pm25", "pm10", "tsp", "temperature", "humidity", "pressure", "windSpeed"], measured(-999))
        ),
        guizhou,
    ),
    "sichuan": (
        st.fixed_dictionaries(
            {
                "ProjectCode": st.just("5101002026010101"),
                "DeviceCode": codes,
                "MonitorTime": spelled("%Y%m%d%H%M%S"),
                "Pressure": measured(0, 32767),
                "Temperature": measured(32767),
                "WindDirection": measured(-1, 32767) | st.just(360.0),
            }
            | dict.fromkeys(["Pm25", "Pm10", "Tsp", "Noise", "Humidity", "WindSpeed"], measured(-1, 32767))
        ),
        sichuan,
    ),
    "jiangsu": (
        st.fixed_dictionaries(
            {
                "deviceId": codes,
                "recordNumber": st.none() | codes,
                "belongedTo": st.none() | codes,
                "moniterTime": st.none() | spelled("%Y-%m-%d %H:%M:%S") | spelled("%Y-%m-%d"),
                "upload": spelled("%Y-%m-%d %H:%M:%S"),
                "temperature": measured(32767),
                "windDirection": st.none()
                | st.sampled_from([*POINTS, *(f"{point}风" for point in POINTS), "静风", "N?"]),
            }
            | dict.fromkeys(["pm2dot5", "pm10", "tsp", "noise", "humidity", "windSpeed"], measured(-1, 32767))
        ),
        jiangsu,
    ),
    "shanxi": (
        st.fixed_dictionaries(
            {
                "DataType": st.sampled_from([None, "", "Rt", "Min", "Hour", "Day"]),
                "PM10State": st.none() | st.just("1"),
                "ProjectId": st.none() | codes,
                "DeviceId": codes,
                "RecDate": spelled("%Y-%m-%d %H:%M:%S"),
                "WindDirection": st.none() | st.sampled_from(list("0123456789")),
                "Temperature": measured(9999).map(text_of),
                "AirPressure": measured(0, 9999).map(text_of),
            }
            | dict.fromkeys(["PM2_5", "PM10", "Dust", "DB", "LEQ", "Humidity", "WindSpeed"], texts)
        ),
        shanxi,
    ),
}


def values_of(province: str, raws: list[dict[str, Any]], as_json: list[bool]) -> list[bytes]:
    """The uploads as their province's vendors send them, as JSON or as framed Avro."""
    kind = CATALOG.raw[province, "dust-reading"]
    schema = fastavro.parse_schema(kind.schema)
    keys = {field.name: field.json for field in kind.fields}
    values = []
    for raw, bare in zip(raws, as_json, strict=True):
        if bare:
            values.append(orjson.dumps({keys[name]: said for name, said in raw.items()}))
        else:
            out = BytesIO()
            fastavro.schemaless_writer(out, schema, raw)
            values.append(b"\0\0\0\0\1" + out.getvalue())
    return values


@pytest.mark.parametrize("province", DIALECTS)
@settings(max_examples=12)
@given(data=st.data())
def test_dialect_equals_its_reference(province: str, data: st.DataObject) -> None:
    """Accepted values equal what the dialect's documentation says they mean, for JSON and Avro alike."""
    uploads, reference = DIALECTS[province]
    raws = data.draw(st.lists(uploads, min_size=4, max_size=8))
    as_json = data.draw(st.lists(st.booleans(), min_size=len(raws), max_size=len(raws)))
    kind = CATALOG.raw[province, "dust-reading"]
    batch = RawBatch(
        topic=kind.topic,
        partitions=[0] * len(raws),
        offsets=range(len(raws)),
        timestamps=[int(NOW.timestamp() * 1000)] * len(raws),
        keys=[None] * len(raws),
        values=values_of(province, raws, as_json),
        headers=[[]] * len(raws),
    )
    normalised = normalise(batch, CATALOG, {1: WriterSchema(kind.schema, frozenset({kind.subject}))})
    assert normalised.rejected.rows() == []
    for raw, row in zip(raws, normalised.accepted.to_dicts(), strict=True):
        expected = reference(raw)
        at = expected["observed_at"].astimezone(UTC)
        discriminated = f"{int(at.timestamp() * 1000)}:{expected['period']}"
        assert row["event_id"] == f"{province}:dust-reading:{expected['device_code']}:{discriminated}"
        for name in ("device_code", "project_code", "observed_at", "period"):
            assert row[name] == expected[name], name
        for name in MEASURED:
            agree = row[name] is expected[name] or math.isclose(row[name], expected[name], rel_tol=1e-15)
            assert agree, (name, row[name], expected[name])


def test_shanxis_two_messages_of_a_minute_are_taken_as_they_come() -> None:
    """Noise and particulates come apart, the latter without DataType and with a pass mark: one event, no note."""
    minute = {"DeviceId": "D1", "RecDate": "2026-03-05 10:00:00"}
    noise = {"DataType": "Min", "ProjectId": "", "DB": "61.2", "LEQ": "", **minute}
    dust = {"Dust": "90", "PM10": "60", "PM10State": "1", "PM2.5": "30", **minute}
    batch = RawBatch(
        topic="raw.shanxi.dust-reading",
        partitions=[0, 0],
        offsets=range(2),
        timestamps=[int(NOW.timestamp() * 1000)] * 2,
        keys=[None] * 2,
        values=[orjson.dumps(noise), orjson.dumps(dust)],
        headers=[[]] * 2,
    )
    normalised = normalise(batch, CATALOG, {})
    assert normalised.rejected.rows() == []
    assert normalised.accepted["event_id"].n_unique() == 1
    assert normalised.accepted.select("period", "noise", "pm10", "quality_notes").rows() == [
        ("minute", 61.2, None, None),
        ("minute", None, 60.0, None),
    ]
