"""Frames and Avro bytes: the vectorised codec against fastavro, record by record."""

import random
import struct
import uuid
from datetime import UTC, datetime, timedelta
from io import BytesIO
from typing import Any

import fastavro
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.codec import decode, encode
from pipelines.codec.block import FlatField, flat_fields, read_rows
from pipelines.codec.records import RecordReader, UndecodableError, UnreadableSchemaError
from pipelines.codec.resolve import Resolution, physical, resolution
from pipelines.contract import RECORDS, TEXTS, CanonicalKind, Field
from tests.contract import CATALOG
from tests.pipelines.invented import RAW_SCHEMA, avro_body, upload

CANONICAL = CATALOG.canonical
DUST = CANONICAL["dust-reading"]

VALUES: dict[str, st.SearchStrategy[Any]] = {
    "string": st.text(max_size=12),
    "int": st.integers(-(1 << 31), (1 << 31) - 1),
    "long": st.integers(-(1 << 63), (1 << 63) - 1),
    "double": st.floats(),
    "boolean": st.booleans(),
    "timestamp-millis": st.integers(-(10**12), 4 * 10**12).map(
        lambda ms: datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=ms)
    ),
}


def records_of(kind: CanonicalKind) -> st.SearchStrategy[dict[str, Any]]:
    """Any canonical record of a kind, nulls included."""
    return st.fixed_dictionaries({field.name: values_of(field) for field in kind.fields})


def values_of(field: Field) -> st.SearchStrategy[Any]:
    """Null, or any value of a field."""
    if field.type == TEXTS:
        return st.none() | st.lists(VALUES["string"], max_size=3)
    if field.type == RECORDS:
        items = st.fixed_dictionaries({item.name: values_of(item) for item in field.items})
        return st.none() | st.lists(items, max_size=2)
    return st.none() | VALUES[field.type]


@pytest.mark.parametrize("kind", CANONICAL.values(), ids=lambda kind: str(kind.name))
@settings(max_examples=5)
@given(data=st.data())
def test_encode_equals_fastavro_and_decode_gives_it_back(kind: CanonicalKind, data: st.DataObject) -> None:
    """Every value is byte-equal to fastavro's encoding of the same record, and decoding gives the frame back."""
    records = data.draw(st.lists(records_of(kind), max_size=4))
    frame = pl.DataFrame(records, schema=kind.polars_schema, orient="row")
    values = encode(frame, kind, 70_001)
    schema = fastavro.parse_schema(kind.schema)
    expected = []
    for record in records:
        out = BytesIO(struct.pack(">bI", 0, 70_001))
        out.seek(5)
        fastavro.schemaless_writer(out, schema, record)
        expected.append(out.getvalue())
    assert values == expected
    assert decode(values, kind).equals(frame)
    assert decode(values, kind).schema == kind.polars_schema


def test_damage_in_a_canonical_topic_is_loud() -> None:
    """A canonical value that is no exact encoding stops the reader and is named."""
    frame = pl.DataFrame([{"event_id": "a"}, {"event_id": "b"}], schema=DUST.polars_schema, orient="row")
    good, bad = encode(frame, DUST, 1)
    with pytest.raises(ValueError, match="value 1 of 2 is no canonical dust-reading record"):
        decode([good, bad[:-1]], DUST)


FLAT = flat_fields(RAW_SCHEMA)
SOUND = [avro_body(upload(code=f"YN-{n}", count=n - 5, tsp=None if n % 3 else 1.5)) for n in range(40)]


def test_reads_what_was_written() -> None:
    """Plain and nullable fields of one batch come back as they were written."""
    assert FLAT is not None
    frame, others = read_rows(SOUND, FLAT)
    assert others == []
    assert frame["code"].to_list() == [f"YN-{n}" for n in range(40)]
    assert frame["count"].to_list() == [n - 5 for n in range(40)]
    assert frame["tsp"].null_count() == 26


@pytest.mark.parametrize(
    ("fields", "damaged"),
    [
        ([("a", "int", True)], b"\x04\x02"),  # third branch of a union of two
        ([("a", "int", True)], b"\x01\x02"),  # branch -1
        ([("a", "int", True)], b"\x02\x82\x00"),  # a number with a superfluous byte
        ([("a", "int", False)], b"\xff\xff\xff\xff\x7f"),  # more than 32 bits
        ([("a", "int", True)], b""),
        ([("a", "long", False)], b"\xff" * 9 + b"\x03"),  # more than 64 bits
        ([("a", "long", False)], b"\xff" * 10 + b"\x01"),  # more than ten bytes
        ([("a", "long", False)], b"\xff"),
        ([("a", "boolean", False)], b"\x02"),
        ([("a", "string", False)], b"\x01"),  # a length below zero
        ([("a", "string", False)], b"\x02\xff"),  # no UTF-8
        ([("a", "string", False)], b"\x80\x80\x80\x80\x80\x10"),  # a length beyond the record
        ([("a", "string", False), ("b", "string", False)], b"\x02x"),  # cut
        ([("a", "double", False)], bytes(9)),  # a byte too many
        ([("a", "double", False)], b""),
    ],
)
def test_lenient_readings_are_refused(fields: list[tuple[str, str, bool]], damaged: bytes) -> None:
    """Bytes that a lenient reader would take for a value are no record, in a batch as alone."""
    flat = tuple(FlatField(*field) for field in fields)
    schema = {
        "type": "record",
        "name": "R",
        "fields": [{"name": f.name, "type": ["null", f.type] if f.nullable else f.type} for f in flat],
    }
    assert read_rows([damaged], flat)[1] == [0]
    frame, faults = Resolution(schema, schema).read([damaged, damaged])
    assert (frame.height, sorted(faults)) == (0, [0, 1])


@given(st.randoms(use_true_random=False), st.integers(1, 6))
def test_damage_stays_with_its_record(rng: random.Random, flips: int) -> None:
    """Bytes changed in one record never change another, and what is still accepted is exactly what the bytes say."""
    bodies = [bytearray(body) for body in SOUND]
    victim = rng.randrange(len(bodies))
    for _ in range(flips):
        bodies[victim][rng.randrange(len(bodies[victim]))] = rng.randrange(256)
    frame, faults = Resolution(RAW_SCHEMA, RAW_SCHEMA).read([bytes(body) for body in bodies])
    assert set(faults) <= {victim}
    for body, record in zip([b for n, b in enumerate(bodies) if n not in faults], frame.to_dicts(), strict=True):
        assert avro_body(record) == bytes(body)


@given(st.data())
def test_what_is_exact_is_what_reads_and_writes_back(data: st.DataObject) -> None:
    """Any bytes, and changed encodings: those are exact that fastavro reads whole and writes back unchanged."""
    assert FLAT is not None
    changed = st.tuples(st.sampled_from(SOUND), st.integers(0, 60), st.binary(max_size=12)).map(
        lambda parts: parts[0][: parts[1]] + parts[2] + parts[0][parts[1] + len(parts[2]) :]
    )
    bodies = data.draw(st.lists(changed | st.binary(max_size=20) | st.sampled_from(SOUND), max_size=8))
    frame, others = read_rows(bodies, FLAT)
    reader = RecordReader(RAW_SCHEMA, physical(RAW_SCHEMA))
    read = []
    for position, body in enumerate(bodies):
        try:
            read.append(reader.read(body))
            assert position not in others
        except UndecodableError:
            assert position in others
    assert frame.to_dicts() == read or frame.equals(pl.DataFrame(read, schema=frame.schema, orient="row"))


def test_evolution_by_column_equals_evolution_by_record() -> None:
    """Missing columns take the default, numbers are promoted, unknown columns fall away, as Avro resolves them."""
    writer = {
        "type": "record",
        "name": "Earlier",
        "fields": [
            {"name": "gone", "type": "string"},
            {"name": "code", "type": "string"},
            {"name": "at", "type": {"type": "int"}},
            {"name": "PM2_5", "type": ["null", {"type": "long", "logicalType": "timestamp-millis"}]},
            {"name": "pm10", "type": "float"},
        ],
    }
    record = {"gone": "x", "code": "A", "at": 5, "PM2_5": 7, "pm10": 1.25}
    body = avro_body(record, physical(writer))
    frame, faults = Resolution(writer, RAW_SCHEMA).read([body, body])
    assert not faults
    nothing = dict.fromkeys(["site", "tsp", "noise", "count", "humidity"])
    assert frame.to_dicts()[1] == {"code": "A", "at": 5, "PM2_5": 7.0, "pm10": 1.25, **nothing}
    one_by_one, _ = Resolution(writer, RAW_SCHEMA).read([body, b"damaged", body])
    assert one_by_one.equals(frame)


def test_nested_writer_goes_record_by_record() -> None:
    """A writer schema that no frame can read (enum, map, array, swapped null) is still resolved."""
    writer = {
        "type": "record",
        "name": "DustReading",
        "fields": [
            {"name": "code", "type": ["string", "null"]},
            {"name": "at", "type": "long"},
            {"name": "extra", "type": {"type": "map", "values": {"type": "array", "items": "long"}}},
            {"name": "state", "type": {"type": "enum", "name": "State", "symbols": ["ON", "OFF"]}},
        ],
    }
    body = avro_body({"code": "A", "at": 3, "extra": {"a": [1, 2]}, "state": "OFF"}, writer)
    nameless = avro_body({"code": None, "at": 3, "extra": {}, "state": "ON"}, writer)
    frame, faults = Resolution(writer, RAW_SCHEMA).read([body, body + b"\0", nameless])
    assert frame.select("code", "at").rows() == [("A", 3)]
    assert sorted(faults) == [1, 2]


def test_a_writer_schema_that_refers_elsewhere_is_named() -> None:
    """A schema with a type that it does not hold cannot be read, and says so."""
    writer = {"type": "record", "name": "R", "fields": [{"name": "code", "type": f"other.{uuid.uuid4().hex[:4]}X"}]}
    with pytest.raises(UnreadableSchemaError, match="cannot be read"):
        Resolution(writer, RAW_SCHEMA)


NULL_TREE: dict[str, Any] = {"type": "record", "name": "N0", "fields": [{"name": "n", "type": "null"}]}
for level in range(1, 20):
    halves = [{"name": "a", "type": NULL_TREE}, {"name": "b", "type": f"N{level - 1}"}]
    NULL_TREE = {"type": "record", "name": f"N{level}", "fields": halves}
DEEP: Any = "long"
for _ in range(400):
    DEEP = {"type": "array", "items": DEEP}


@pytest.mark.parametrize(
    "extra",
    [
        {"type": "record", "name": "N", "fields": [{"name": "n", "type": ["null", "N"]}]},
        {"type": "array", "items": "null"},
        {"type": "array", "items": {"type": "record", "name": "E", "fields": [{"name": "n", "type": "null"}]}},
        {"type": "array", "items": {"type": "fixed", "name": "F", "size": 0}},
        NULL_TREE,
        DEEP,
    ],
    ids=["recursive", "nulls", "empty records", "empty fixed", "a million nulls", "deep"],
)
@pytest.mark.parametrize("private", [{}, {"__fastavro_parsed": True, "__named_schemas": {}}])
def test_a_schema_that_bytes_do_not_bound_is_refused(extra: Any, private: dict[str, Any]) -> None:
    """A writer schema under which ten bytes cost any depth or any number of items is never read with."""
    writer = {**RAW_SCHEMA, "fields": [{"name": "extra", "type": extra}, *RAW_SCHEMA["fields"]], **private}
    with pytest.raises(UnreadableSchemaError, match="schema"):
        resolution(writer, RAW_SCHEMA)


@pytest.mark.parametrize("item", ["double", "float", "boolean", "long", {"type": "fixed", "name": "F", "size": 4}])
def test_an_array_longer_than_its_bytes_ends_at_once(item: Any) -> None:
    """A block of 2^62 items that the reader would skip ends where the bytes do."""
    writer = {**RAW_SCHEMA, "fields": [{"name": "x", "type": {"type": "array", "items": item}}, *RAW_SCHEMA["fields"]]}
    _, faults = resolution(writer, RAW_SCHEMA).read([b"\xfe\xff\xff\xff\xff\xff\xff\xff\x7f\0"])
    assert sorted(faults) == [0]
