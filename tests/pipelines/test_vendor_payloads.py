"""Payloads of real devices and platforms, put to the nearest feed: accepted with the right doubts, or refused rightly.

The examples are read where they lie beside the project. None speaks a feed's own names, so as it is each is refused.
What a link has to do to it, and what a person would say of it then, is written here.
"""

import csv
import json
from collections.abc import Callable, Mapping
from datetime import datetime
from functools import cache
from typing import Any
from zoneinfo import ZoneInfo

import orjson
import pytest

from pipelines.names import raw_topic
from pipelines.normalise import Normalised, normalise
from tests.contract import CATALOG
from tests.pipelines.invented import batch_of
from tests.real_data import shared

LOCAL = ZoneInfo("Asia/Shanghai")
JIANGSU = {"recordNumber": "JS-1", "belongedTo": "320100"}
SICHUAN = {"ProjectCode": "5101002602020101"}
SAID, COMPACT = "%Y-%m-%d %H:%M:%S", "%Y%m%d%H%M%S"
# Yunzhu's warning bits → Sichuan's alarm word; the bits 13 to 18 say "limits" without which.
BITS = {0: 128, 1: 1, 2: 32, 3: 2, 4: 256, **dict.fromkeys((5, 6, 7, 8), 32), **dict.fromkeys((9, 10, 11, 12), 64)}

Payload = Mapping[str, Any]


@cache
def examples() -> list[dict[str, Any]]:
    """The examples of the file, in its order."""
    found: list[dict[str, Any]] = json.loads(shared("crane/smart_site_payloads.json").read_text("utf-8"))["examples"]
    return found


def read(province: str, kind: str, *uploads: Payload) -> Normalised:
    """What the hub makes of JSON uploads."""
    return normalise(batch_of(*map(orjson.dumps, uploads), topic=raw_topic(province, kind)), CATALOG, {})


def jiangsu_crane(payload: Payload) -> Payload:
    """Liyang's client: texts to numbers, epoch to local time, the words that are all 0 to one alarm word. The rated
    moment belongs to the machinery register."""
    own = {"load": "weight", "safeLoad": "ratedWeight", "range": "range", "rotation": "rotation", "height": "height",
           "windSpeed": "windSpeed", "dip": "obliquity", "momentPercent": "momentPercent"}  # fmt: skip
    at = datetime.fromtimestamp(payload["dateTime"] / 1000, LOCAL)
    words = [value for name, value in payload.items() if name.endswith(("Broken", "Danger", "danger"))]
    return {
        **JIANGSU,
        "deviceId": payload["relationId"],
        "updateTime": at.strftime(SAID),
        **{name: float(payload[said]) for name, said in own.items()},
        "alarm": sum(int(word) for word in words),
    }


def sichuan_crane(payload: Payload) -> Payload:
    """Yunzhu's crane: other names, UTC to local time, bits of one table to those of another."""
    own = {"Weight": "liftingCapacity", "SafeLoad": "safeLiftingCapacity", "MomentPercent": "momentPercent",
           "Margin": "amplitude", "Rotation": "round", "Height": "height", "DipX": "dipAngleX", "DipY": "dipAngleY",
           "WindSpeed": "windSpeed"}  # fmt: skip
    return {
        **SICHUAN,
        "DeviceCode": payload["deviceId"],
        "DataType": 0,
        "MonitorTime": datetime.fromisoformat(payload["deviceTime"]).astimezone(LOCAL).strftime(COMPACT),
        **{name: payload[said] for name, said in own.items() if said in payload},
        "Alarm": sum({BITS[bit] for bit, digit in enumerate(reversed(payload["warning"])) if digit == "1"}),
    }


def sichuan_hoist(payload: Payload) -> Payload:
    """DEYE's black box: texts to numbers, day and time to one, no alarm to an alarm text without digits set. Which cage
    it is the link must know."""
    own = {"Weight": "RealtimeWeight", "Speed": "RealtimeSpeed", "Height": "RealtimeHeight", "DipX": "RealtimeDipX",
           "DipY": "RealtimeDipY", "WindSpeed": "RealtimeWindSpeed"}  # fmt: skip
    return {
        **SICHUAN,
        "DeviceCode": payload["HxzId"],
        "DataType": 0,
        "CageType": 0,
        "MonitorTime": datetime.fromisoformat(f"{payload['Date']} {payload['Time']}").strftime(COMPACT),
        **{name: float(payload[said]) for name, said in own.items()},
        "NumOfPeople": int(payload["RealtimePeople"]),
        "Floor": int(payload["RealtimeFloor"]),
        "UpperLimit": int(payload["LimitAlarm"] == "1"),
        "LowerLimit": int(payload["LimitAlarm"] == "2"),
        "AlarmCode": "00000000" if payload["NoAlarm"] == "1" else None,
    }


def sichuan_dust(payload: Payload) -> Payload:
    """Yunzhu's dust: other names, kPa to hPa. The example has neither device nor time: they are given."""
    own = {"Pm25": "pm25", "Pm10": "pm10", "Tsp": "tsp", "Noise": "noise", "WindDirection": "windDirect",
           "WindSpeed": "windSpeed", "Temperature": "temp", "Humidity": "humid"}  # fmt: skip
    return {
        **SICHUAN,
        "DeviceCode": "D-1",
        "MonitorTime": "20190701112446",
        **{name: float(payload[said]) for name, said in own.items()},
        "Pressure": payload["atoms"] * 10,
    }


Link = Callable[[Payload], Payload]
Verdict = tuple[int, str | None]


@pytest.mark.parametrize(
    ("number", "part", "feed", "link", "verdict"),
    [
        # An unset float: kept, and seen to be none.
        (0, "payload", ("jiangsu", "crane-reading"), jiangsu_crane, (4, "moment_percent=garbled")),
        # No crane stands at 70 and 97 degrees.
        (1, "payload", ("sichuan", "crane-reading"), sichuan_crane, (4, "tilt_x=range;tilt_y=range")),
        # Outside of what the maker states (nobody in the cage, a negative tilt), and quite possible.
        (2, "payload", ("sichuan", "hoist-reading"), sichuan_hoist, (1, None)),
        # Fractions upside down, though PM2.5 above PM10 by so little may be; no air at 120 hPa.
        (
            3,
            "payload_values_in_source_order",
            ("sichuan", "dust-reading"),
            sichuan_dust,
            (4, "pm2_5=order;pm10=order;tsp=order;pressure=range"),
        ),
    ],
)
def test_a_payload_is_judged_as_a_person_would(
    number: int, part: str, feed: tuple[str, str], link: Link, verdict: Verdict
) -> None:
    """As it is the feed refuses it: it names no project as the feed does. Linked, it is accepted and duly doubted."""
    payload = examples()[number][part]
    refused = read(*feed, payload).rejected.select("reason", "field").rows()
    assert refused[0][0] == "missing_field"
    accepted = read(*feed, link(payload)).accepted
    assert accepted.select("quality", "quality_notes").rows() == [verdict]


def test_values_of_a_payload_arrive() -> None:
    """Units and times of the linked examples: t to kg, local time to UTC, a nearly unset float as it was said."""
    crane = read("jiangsu", "crane-reading", jiangsu_crane(examples()[0]["payload"])).accepted.to_dicts()[0]
    assert (crane["rated_load"], crane["radius"], crane["height"], crane["alarms"]) == (3000, 24.37, 2.54, [])
    assert crane["moment_percent"] == float("5.877472E-39")
    assert crane["observed_at"].isoformat() == "2019-08-23T03:24:07+00:00"
    hoist = read("sichuan", "hoist-reading", sichuan_hoist(examples()[2]["payload"])).accepted.to_dicts()[0]
    assert (hoist["load"], hoist["people"], hoist["tilt_x"], hoist["alarms"]) == (500, 0, -1.13, [])


def test_a_warning_word_says_what_its_bits_say() -> None:
    """The document calls bit 10 a collision on the left; its own table calls it a zone, and so does the hub."""
    said = examples()[4]["documented_example"]
    assert [bit for bit, digit in enumerate(reversed(said["warning"])) if digit == "1"] == said["bits_really_set"]
    payload = {"deviceId": "C-1", "deviceTime": "2019-07-01T11:24:46Z", "warning": said["warning"]}
    row = read("sichuan", "crane-reading", sichuan_crane(payload)).accepted.to_dicts()[0]
    assert row["alarms"] == ["moment", "collision", "zone"]
    assert row["quality"] == 9


def test_a_word_of_another_platform_is_no_state() -> None:
    """Jiangsu's state of an unloading platform is one number: eight digits are none, their meaning is not guessed."""
    word = examples()[6]["documented_example"]["warning"]
    upload = {**JIANGSU, "deviceId": "U-1", "updateTime": "2019-07-01 11:24:46", "dataType": int(word)}
    row = read("jiangsu", "platform-reading", upload).accepted.to_dicts()[0]
    assert (row["alarms"], row["quality"], row["quality_notes"]) == (
        None,
        9,
        "alarms=unknown_code;warnings=unknown_code",
    )


def test_a_heartbeat_is_a_reading_of_nothing() -> None:
    """Its fields have no home beside device and time: it is accepted, and nothing was measured."""
    assert examples()[7]["kind"] == "dust_heartbeat"
    upload = {"deviceNo": "D-1", "collectTime": 1561951486000}
    assert read("guizhou", "dust-reading", upload).accepted["quality"].to_list() == [9]


def test_a_vehicle_at_the_gate_was_not_washed_by_that() -> None:
    """A passage says nothing of a wash: refused, for the result is missing."""
    assert examples()[8]["kind"] == "vehicle"
    upload = {"deviceNo": "G-1", "leaveTime": 1561951486000, "carNo": "川A12345"}
    refused = read("guizhou", "vehicle-wash", upload).rejected.select("reason", "field").rows()
    assert refused == [("missing_field", "wash_result")]


# Examples that list fields only: the raw field that takes each, or why none does.
HOMES = {
    5: (
        ("sichuan", "hoist-reading"),
        {
            "warning": "AlarmCode", "currentLoad (t)": "Weight", "currentRatedLoad": "(of the machinery register)",
            "loadPercent": "WeightPercent", "personCount": "NumOfPeople", "floor": "Floor", "speed": "Speed",
            "windSpeed": "WindSpeed", "height": "Height", "windScale": "(said by the speed)", "dipAngleX": "DipX",
            "dipAngleY": "DipY",
        },
    ),
    8: (
        ("guizhou", "vehicle-wash"),
        {
            "vehicleNumber (plate)": "carNo", "entryOrExit (0/1)": "(only vehicles that leave are washed)",
            "entryOrExitTime": "leaveTime", "registeredVehicle": "(of no demand)",
        },
    ),
    9: (
        ("jiangsu", "crane-reading"),
        {
            "lifting_weight": "load", "tower_range": "range", "moment_percentage": "momentPercent",
            "rotation": "rotation", "height": "height", "wind_speed": "windSpeed", "dipangle": "dip",
            "multiple_rate": "multiplyingPower", "alarm_state": "alarm", "on_line": "cranestatus",
        },
    ),
}  # fmt: skip


@pytest.mark.parametrize("number", HOMES)
def test_listed_fields_have_a_home(number: int) -> None:
    """Each listed field goes to a raw field that a rule reads, or it is said why not."""
    feed, homes = HOMES[number]
    assert list(homes) == examples()[number]["fields"]
    taken = {source for rule in CATALOG.raw[feed].mapping.rules.values() for source in rule.raw_fields}
    assert {home for home in homes.values() if not home.startswith("(")} <= taken


def test_every_example_is_looked_at() -> None:
    """The file holds ten examples, and each stands in a test of this file."""
    assert len(examples()) == 10


def test_a_real_cranes_black_box_is_good() -> None:
    """Four minutes of a crane at work: every row accepted and good. Its words of alarms have no published table."""
    own = {"load": "Load", "range": "Radius", "rotation": "Angle", "height": "Height", "windSpeed": "WindSpeed",
           "dip": "Obliquity", "safeLoad": "Safeload", "momentPercent": "MomentPercent"}  # fmt: skip
    with shared("crane/potain_bbox_2026-05-07_143020_143430.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    uploads = [
        {
            **JIANGSU,
            "deviceId": "C-1",
            "updateTime": row["Time"].replace("2026", "2025"),
            "multiplyingPower": int(row["Fall"]),
            **{name: float(row[said]) for name, said in own.items()},
        }
        for row in rows
    ]
    normalised = read("jiangsu", "crane-reading", *uploads)
    assert len(rows) == 126
    assert normalised.accepted.group_by("quality", "quality_notes").len().rows() == [(1, None, 126)]
