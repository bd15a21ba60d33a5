"""Frames as uploads: through the one path of every feed to canonical readings, one in, exactly one out."""

from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.catalog import CatalogError
from pipelines.hj212.frame import build_frame
from pipelines.hj212.tables import factors
from pipelines.normalise import Normalised, normalise
from pipelines.wire import RawBatch
from tests.contract import CATALOG
from tests.pipelines.hj212.published import published
from tests.pipelines.tiny import tiny, uploads

TOPIC = "raw.jiangsu.hj212"
RECEIVED = 1_772_331_330_000  # 2026-03-01 10:15:30 in Beijing
HEAD = "QN=20260301101500001;ST=39;CN={cn};PW=123456;MN=A1;Flag=5;CP=&&DataTime={time}"


def frame(values: str = "a34002-Rtd=80,a34002-Flag=N", *, cn: str = "2011", time: str = "20260301101500") -> bytes:
    """A sound frame of a site's device."""
    return build_frame(f"{HEAD.format(cn=cn, time=time)};{values}&&".encode())


def made_of(*values: bytes | None) -> Normalised:
    """What a batch of values becomes."""
    count = len(values)
    batch = RawBatch(TOPIC, [1] * count, range(count), [RECEIVED] * count, [b"A1"] * count, values, [()] * count)
    done = normalise(batch, CATALOG, {})
    assert sorted([*done.accepted["source_offset"], *done.rejected["source_offset"]]) == list(range(count))
    return done


def reading(value: bytes) -> dict[str, Any]:
    """The canonical record of one frame."""
    [row] = made_of(value).accepted.to_dicts()
    return row


def refusal(value: bytes) -> tuple[str, str, str]:
    """Reason, field and detail of one refused frame."""
    [row] = made_of(value).rejected.to_dicts()
    assert row["remedy"]
    return row["reason"], row["field"], row["detail"]


def test_a_minute_of_dust_noise_and_weather() -> None:
    """Means with least and greatest, in canonical units, dated by the START of the minute as the packet says it."""
    values = (
        "a34004-Avg=35.2,a34004-Min=30,a34004-Max=41,a34004-Flag=N;a34002-Avg=61;a34001-Avg=120;"
        "Leq-Avg=58.3,Leq-Min=50,Leq-Max=71,Leq-Flag=N;a01001-Avg=16.4;a01002-Avg=57;a01006-Avg=101.32;"
        "a01007-Avg=1.8;a01008-Avg=360"
    )
    row = reading(frame(values, cn="2051", time="20260301101400"))
    known = {
        "event_id": "jiangsu:dust-reading:A1:1772331240000:minute", "province": "jiangsu", "device_code": "A1",
        "period": "minute", "quality": 1, "quality_notes": None, "source_topic": TOPIC, "schema_id": None,
        "pm2_5": 35.2, "pm2_5_min": 30.0, "pm2_5_max": 41.0, "pm10": 61.0, "tsp": 120.0, "noise": 58.3,
        "noise_min": 50.0, "noise_max": 71.0, "temperature": 16.4, "humidity": 57.0, "wind_speed": 1.8,
        "wind_direction": 0.0,
    }  # fmt: skip
    assert {name: row[name] for name in known} == known
    assert row["pressure"] == pytest.approx(1013.2)
    assert row["mapping"].startswith("jiangsu/hj212@")


@pytest.mark.parametrize(
    ("cn", "period", "values", "noise"),
    [
        ("2011", "instant", "LA-Rtd=50.1", 50.1),
        ("2011", "instant", "a50001-Rtd=49;LA-Rtd=50.1", 50.1),
        ("2051", "minute", "L10-Data=53.0;Leq-Data=50.0;LMx-Data=54.0;LMn-Data=42.0", 50.0),
        ("2061", "hour", "LA-Avg=51;Leq-Data=50.0", 50.0),
        ("2031", "day", "Ldn-Data=50.0;LMx-Data=54.0", None),  # Ldn weighs the night: it is no mean of the day
    ],
)
def test_noise_as_each_command_sends_it(cn: str, period: str, values: str, noise: float | None) -> None:
    """The mean level before the level of an instant, the standard's codes before the makers'."""
    row = reading(frame(values, cn=cn))
    assert (row["period"], row["noise"]) == (period, noise)
    assert (row["noise_max"] == 54.0) == ("LMx" in values)


@pytest.mark.parametrize(
    ("flag", "value", "note", "quality"),
    [
        ("N", 80.0, None, 1),
        ("F", None, "stopped", 9),
        ("B", None, "no_communication", 9),
        ("M", 80.0, "maintenance", 4),
        ("D", 80.0, "fault", 4),
        ("C", 80.0, "calibration", 4),
        ("T", 80.0, "over_range", 4),
        ("S", 80.0, "manual", 3),
        ("H", 80.0, "unknown_flag", 3),
        ("", 80.0, None, 1),
    ],
)
def test_flags_become_notes_and_quality(flag: str, value: float | None, note: str | None, quality: int) -> None:
    """What was not measured is null, what is doubtful is kept and said so."""
    row = reading(frame(f"a34002-Rtd=80,a34002-Flag={flag}"))
    assert (row["pm10"], row["quality"]) == (value, quality)
    assert row["quality_notes"] == (note and f"pm10={note}")


def test_the_flag_is_that_of_the_value_taken() -> None:
    """A fault of the instrument whose value is not taken says nothing of the other's."""
    row = reading(frame("LA-Rtd=90,LA-Flag=D;Leq-Rtd=58,Leq-Flag=N"))
    assert (row["noise"], row["quality_notes"]) == (58.0, None)
    row = reading(frame("LA-Rtd=,LA-Flag=B;a34002-Rtd=70"))  # nothing is said that a flag could judge
    assert (row["noise"], row["quality_notes"]) == (None, None)


def test_values_that_the_feed_does_not_know_are_noted() -> None:
    """Carbon monoxide is not asked for: the raw topic alone keeps it, and the record says so."""
    row = reading(frame("a21005-Rtd=1.1;a34002-Rtd=80"))
    assert (row["pm10"], row["quality_notes"]) == (80.0, "frame=unknown_keys")


@pytest.mark.parametrize(
    ("value", "reason", "field", "detail"),
    [
        (b"#0101", "unframed", "##", "5 bytes beginning with 0x2330"),
        (frame()[:-2], "undecodable", "CR LF", f"{len(frame()) - 2} bytes that do not end with CR LF"),
        (frame(cn="9014"), "bad_code", "CN", "CN 9014 (answer to an upload) uploads no readings"),
        (frame(cn="wang"), "bad_code", "CN", "the command uploads no readings"),
        (frame("w01018-Rtd=2"), "missing_field", "CP", "none of its 1 values is one that this feed takes"),
        (
            frame("02-Rtd=2"), "missing_field", "CP",
            "none of its 1 values is one that this feed takes (a21026 二氧化硫)",
        ),
        (frame("a34002-Rtd=1;a34002-Rtd=2"), "undecodable", "CP", "name 3 of CP stands there twice"),
        (frame("a34002-Rtd=x"), "bad_number", "pm10", "a34002-Rtd is text 'A', expected a finite number in ug/m3"),
        (frame(time="2026030110"), "bad_time", "observed_at", ""),
        (frame(time="20260301103000"), "future_time", "observed_at", ""),
    ],
)  # fmt: skip
def test_each_refusal_names_reason_and_place(value: bytes, reason: str, field: str, detail: str) -> None:
    """Never with a value in it."""
    found = refusal(value)
    assert found[:2] == (reason, field)
    assert found[2] == detail or not detail


def test_a_split_packet_is_one_upload_with_all_its_frames() -> None:
    """Both parts in one record, in any order, are one reading; a lone part is refused with what is missing."""
    head = "ST=39;CN=2011;PW=1;MN=A1;Flag=7;PNUM=2;PNO={n};CP=&&DataTime=20260301101500"
    one = build_frame(f"QN=1;{head.format(n=1)};a34002-Rtd=80&&".encode())
    two = build_frame(f"QN=2;{head.format(n=2)};LA-Rtd=60&&".encode())
    for value in (one + two, two + one):
        row = reading(value)
        assert (row["pm10"], row["noise"]) == (80.0, 60.0)
    assert refusal(two) == ("undecodable", "PNO", "not the 2 parts of one upload, but 2")
    assert refusal(one + one)[1] == "PNO"


def test_frames_avro_and_json_share_a_topic() -> None:
    """A forwarder that decodes frames itself may send the raw record as JSON."""
    done = made_of(
        frame(), b'{"MN": "A1", "CN": "2011", "DataTime": "20260301101500", "a34002-Rtd": "80"}', b"{}", None
    )
    ours, theirs = done.accepted.drop("source_offset").rows()
    assert ours == theirs
    assert done.rejected["reason"].to_list() == ["missing_field", "empty"]


def test_published_packets_become_a_reading_or_are_refused_for_what_is_wrong() -> None:
    """Those with a wrong length or sum are refused for that; readings of dust are accepted."""
    packets = published()
    done = made_of(*(found.frame for found in packets))
    accepted = [packets[row].number for row in done.accepted["source_offset"]]
    assert accepted == [1, 2, 4, 5, 7, 44, 66, 68, 70]
    damaged = done.rejected.filter(pl.col("field").is_in(["length", "CRC"]))
    assert [packets[row].number for row in damaged["row"]] == [p.number for p in packets if not p.is_sound]


@given(st.lists(st.binary(max_size=60) | st.binary(max_size=40).map(build_frame) | st.just(frame()), max_size=5))
def test_any_bytes_become_exactly_one_record_each(values: list[bytes]) -> None:
    """No bytes crash, and nothing is lost or doubled."""
    made_of(*values)


@pytest.mark.parametrize("province", ["jiangsu", "shanxi"])
def test_units_are_the_standards_but_for_particulates(province: str) -> None:
    """Table B.2 says ng/m3 where devices send ug/m3."""
    for name, rule in CATALOG.raw[province, "hj212"].mapping.rules.items():
        code = rule.sources[-1].partition("_")[0]
        if name.startswith(("pm", "tsp")):
            assert (rule.unit, factors()[code].unit) == ("ug/m3", "ng/m3")
        elif code in factors() and rule.unit != "dBA":
            assert rule.unit == factors()[code].unit


@pytest.mark.parametrize(
    ("rule", "problem"),
    [
        ("flag: nothing, flags: hj212_flag", "flag names no flags of its values"),
        ("flag: at, flags: hj212_flag", "flag names no flags of its values"),
        ("flag: [f, f], flags: hj212_flag", "flag names no flags of its values"),
        ("flag: f", "no code table None"),
        ("flag: f, flags: wind_1_8", "is not of type string"),
        ("flag: f, flags: hj212_period", "says 'day'"),
    ],
)
def test_a_wrong_flag_rule_is_told(rule: str, problem: str, tmp_path: Any) -> None:
    """When the catalog loads, not when uploads come."""
    with pytest.raises(CatalogError, match=problem):
        tiny(tmp_path, {"v": "double", "f": "string"}, f"  pm10: {{from: v, unit: ug/m3, {rule}}}\n")


def test_flags_stand_beside_values_of_any_feed(tmp_path: Any) -> None:
    """The rule is the grammar's, not the protocol's."""
    raw = {"v": "double", "f": "string"}
    rules = "  pm10: {from: v, unit: ug/m3, flag: f, flags: hj212_flag}\n"
    found = tiny(tmp_path, raw, rules).apply(uploads(raw, [{"v": 5.0, "f": " B "}, {"v": 6.0, "f": "N"}, {"v": 7.0}]))
    assert found["pm10"].to_list() == [None, 6.0, 7.0]
    assert found["_notes"].to_list() == ["pm10=no_communication", None, None]


def test_a_protocol_that_nobody_knows_is_told(tmp_path: Any) -> None:
    """With the choices."""
    with pytest.raises(CatalogError, match=r"decoder: 'hj300' is no protocol\. Use one of hj212"):
        tiny(tmp_path, {}, "", more="decoder: hj300\n")
