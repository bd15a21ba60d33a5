"""Records that are not flat: read one by one, as strictly as flat ones; arrays in any blocks that Avro allows."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.fuzz.judge import is_exact, is_right
from pipelines.codec.records import RecordReader, UndecodableError
from tests.pipelines.invented import avro_body

POINT: dict[str, Any] = {
    "type": "record",
    "name": "Point",
    "fields": [
        {"name": "code", "type": ["null", "string"]},
        {"name": "depth", "type": ["null", "double"]},
        {"name": "state", "type": {"type": "enum", "name": "State", "symbols": ["ON", "OFF", "LOST"]}},
        {"name": "count", "type": "int"},
        {"name": "sound", "type": "boolean"},
        {"name": "mark", "type": {"type": "fixed", "name": "Mark", "size": 2}},
    ],
}
SITE: dict[str, Any] = {
    "type": "record",
    "name": "Site",
    "fields": [{"name": "deepest", "type": ["null", POINT]}, {"name": "name", "type": "string"}],
}
PIT: dict[str, Any] = {
    "type": "record",
    "name": "Pit",
    "fields": [
        {"name": "points", "type": {"type": "array", "items": POINT}},
        {"name": "limits", "type": {"type": "map", "values": ["null", "long"]}},
        {"name": "after", "type": "string"},
    ],
}

texts = st.text(max_size=6)
points = st.fixed_dictionaries(
    {
        "code": st.none() | texts,
        "depth": st.none() | st.floats(allow_nan=False),
        "state": st.sampled_from(["ON", "OFF", "LOST"]),
        "count": st.integers(-(1 << 31), (1 << 31) - 1),
        "sound": st.booleans(),
        "mark": st.binary(min_size=2, max_size=2),
    }
)
sites = st.fixed_dictionaries({"deepest": st.none() | points, "name": texts})
limits = st.dictionaries(texts, st.none() | st.integers(-(1 << 63), (1 << 63) - 1), max_size=3)
pits = st.fixed_dictionaries({"points": st.lists(points, max_size=4), "limits": limits, "after": texts})


def number(value: int) -> bytes:
    """A number as Avro writes it."""
    return avro_body({"n": value}, {"type": "record", "name": "N", "fields": [{"name": "n", "type": "long"}]})


def in_blocks(pit: dict[str, Any], sized: bool) -> bytes:
    """A pit whose every point is a block of its own, with its size in bytes or without."""
    blocks = b""
    for point in pit["points"]:
        body = avro_body(point, POINT)
        blocks += (number(-1) + number(len(body)) if sized else number(1)) + body
    whole = avro_body({**pit, "points": []}, PIT)
    return blocks + whole


@given(pits, st.booleans())
def test_blocks_of_any_kind_are_the_same_record(pit: dict[str, Any], sized: bool) -> None:
    """One block or many, with sizes or without: the record that was written."""
    reader = RecordReader(PIT, PIT)
    assert reader.read(avro_body(pit, PIT)) == pit
    assert reader.read(in_blocks(pit, sized)) == pit


def test_the_fuzz_knows_of_blocks_too() -> None:
    """An array in blocks is rightly taken for a record, though fastavro writes it as one block; half of it is not."""
    schema: dict[str, Any] = {**PIT, "fields": [field for field in PIT["fields"] if field["name"] != "limits"]}
    point = {"code": "A", "depth": None, "state": "OFF", "count": 3, "sound": True, "mark": b"xy"}
    apart = 2 * (number(1) + avro_body(point, POINT)) + avro_body({"points": [], "after": "z"}, schema)
    assert RecordReader(schema, schema).read(apart) == {"points": [point, point], "after": "z"}
    assert not is_exact(apart, schema)
    assert is_right(apart, schema, refused=False)
    assert is_right(apart[:-1], schema, refused=True)
    assert not is_right(apart[:-1], schema, refused=False)


@given(sites, st.data())
def test_what_is_accepted_is_exactly_what_the_bytes_say(site: dict[str, Any], data: st.DataObject) -> None:
    """Without arrays a record has one encoding: of changed bytes only what is written back unchanged is a record."""
    body = bytearray(avro_body(site, SITE))
    for _ in range(data.draw(st.integers(1, 3))):
        body[data.draw(st.integers(0, len(body) - 1))] = data.draw(st.integers(0, 255))
    changed = bytes(body)
    try:
        record = RecordReader(SITE, SITE).read(changed)
    except UndecodableError:
        assert not is_exact(changed, SITE)
    else:
        assert avro_body(record, SITE) == changed


POINT_BODY = avro_body(
    {"code": "A", "depth": None, "state": "OFF", "count": 3, "sound": True, "mark": b"xy"}, POINT
)  # 02 02 41, 00, 02, 06, 01, 78 79
REST = number(0) + number(0) + number(0)


@pytest.mark.parametrize(
    ("body", "why"),
    [
        (number(1) + b"\1" + POINT_BODY[1:] + REST, "points: code: there is no branch -1 of 2"),
        (number(1) + POINT_BODY[:4] + b"\6" + POINT_BODY[5:] + REST, "points: state: there is no symbol 3 of 3"),
        (number(1) + POINT_BODY[:5] + b"\x86\0" + POINT_BODY[6:] + REST, "points: count: a number has more bytes"),
        (number(1) + POINT_BODY[:5] + number(1 << 31) + POINT_BODY[6:] + REST, "points: count: a number overflows"),
        (number(1) + POINT_BODY[:6] + b"\2" + POINT_BODY[7:] + REST, "points: sound: a boolean is neither"),
        (number(-1) + number(8) + POINT_BODY + REST, "points: a block of 9 bytes is said to have 8"),
        (number(1) + POINT_BODY[:-1], "points: mark: the bytes end in it"),
        (number(2) + POINT_BODY, "points: code: the bytes end in a number"),
        (number(0) + number(1) + b"\2\xff" + number(0) + REST, "limits: a text that is no UTF-8"),
        (number(0) + number(0) + number(-1), "after: a length below 0"),
        (b"\x80" * 1_000_000, "points: the bytes end in a number, or it has too many"),
        (number(1 << 62) + bytes(300), "bytes end in it"),
        (REST + b"\0", "the record ends at byte 3 of 4"),
    ],
)
def test_what_is_wrong_is_named_with_its_field(body: bytes, why: str) -> None:
    """A lenient reader would take some of them for a record."""
    with pytest.raises(UndecodableError, match=why):
        RecordReader(PIT, PIT).read(body)
