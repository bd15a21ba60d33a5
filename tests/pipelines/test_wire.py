"""What an upload comes wrapped in."""

import struct
import uuid
from dataclasses import replace

import pytest
from confluent_kafka.schema_registry import (
    header_schema_id_serializer,
    prefix_schema_id_serializer,
)
from confluent_kafka.schema_registry.serde import SchemaId
from confluent_kafka.serialization import MessageField, SerializationContext
from hypothesis import given
from hypothesis import strategies as st

from pipelines.wire import SCHEMA_HEADER, VALUE_LIMIT, unframe, unframed, writer_ids
from tests.pipelines.invented import TOPIC, batch_of

GUID = uuid.UUID("0f0e0d0c-0b0a-4908-8706-050403020100")


def test_prefix_as_confluent_writes_it() -> None:
    """The id before the value is read as confluent-kafka's serialiser wrote it."""
    value = prefix_schema_id_serializer(b"body", None, SchemaId("AVRO", schema_id=70_000))
    found = unframe(batch_of(value))
    assert found.avro == {70_000: [0]}
    assert found.bodies == {0: b"body"}


def test_guid_header_as_confluent_writes_it() -> None:
    """The GUID in the header is read as confluent-kafka's serialiser wrote it, and the whole value is the body."""
    headers: list[tuple[str, bytes]] = []
    context = SerializationContext(TOPIC, MessageField.VALUE, headers=headers)  # type: ignore[arg-type] # any list of pairs
    value = header_schema_id_serializer(b"\0body", context, SchemaId("AVRO", guid=str(GUID)))
    batch = batch_of(value, headers=headers)
    assert unframe(batch).bodies == {0: b"\0body"}
    assert writer_ids(batch) == {GUID}


def test_id_in_the_header() -> None:
    """A header may also carry the id form, as confluent-kafka's deserialiser accepts it."""
    batch = batch_of(b"body", headers=[("other", b"x"), (SCHEMA_HEADER, struct.pack(">bI", 0, 9))])
    assert unframe(batch).avro == {9: [0]}


def test_of_two_schema_headers_the_last_counts() -> None:
    """Confluent's readers make a dictionary of the headers: the hub reads the same schema as they."""
    ids = [(SCHEMA_HEADER, struct.pack(">bI", 0, writer)) for writer in (8, 9)]
    assert unframe(batch_of(b"body", headers=ids)).avro == {9: [0]}


@pytest.mark.parametrize("header", [b"", b"\0\0\0\1", b"\1" + bytes(15), b"\2" + bytes(16), b"\1\0\0\0\1"])
def test_broken_schema_header_is_unframed(header: bytes) -> None:
    """A schema header of another form is refused and named, not guessed at."""
    fault = unframe(batch_of(b'{"code": "A"}', headers=[(SCHEMA_HEADER, header)])).faults[0]
    assert (fault.reason, fault.field) == ("unframed", SCHEMA_HEADER)


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (None, "empty"),
        (b"", "empty"),
        (b"{" + b" " * VALUE_LIMIT, "oversized"),
    ],
)
def test_what_is_no_upload(value: bytes | None, reason: str) -> None:
    """Nothing and too much are refused whatever the feed."""
    assert unframe(batch_of(value)).faults[0].reason == reason


@pytest.mark.parametrize("value", [b"\0\0\0\1", b"[1]", b"  ", b"\xef\xbb\xbf{}", b"##0000"])
def test_what_is_neither_avro_nor_json_is_left_to_the_feed(value: bytes) -> None:
    """Which of them a feed understands is its mapping's business; the reason for the others begins with the bytes."""
    found = unframe(batch_of(value))
    assert (found.other, found.bodies, found.faults) == ([0], {0: value}, {})
    assert unframed(value).detail == f"{len(value)} bytes beginning with 0x{value[:1].hex()}"


def test_largest_value_is_taken() -> None:
    """The limit itself still passes."""
    assert unframe(batch_of(b"{" + b" " * (VALUE_LIMIT - 1))).json == [0]


@given(
    st.lists(st.none() | st.binary(max_size=12) | st.binary(max_size=8).map(lambda b: b"\0\0\0\0\2" + b), max_size=20)
)
def test_every_row_once(values: list[bytes | None]) -> None:
    """Whatever the bytes, a row is framed Avro, JSON, something else or refused, and only one of them."""
    found = unframe(batch_of(*values))
    rows = [row for rows in found.avro.values() for row in rows] + found.json + found.other + list(found.faults)
    assert sorted(rows) == list(range(len(values)))


def test_rows_stay_in_order_whatever_values_begin_with() -> None:
    """JSON that begins in different ways, and an id before the value and in a header, are one group in order."""
    json = unframe(batch_of(b'{"a": 1}', b' {"b": 2}', b'{"a": 3}'))
    assert json.json == [0, 1, 2]
    values = (b"\0\0\0\0\x09body", b"body", b"\0\0\0\0\x09body")
    framed = batch_of(*values)
    headers = [framed.headers[0], [(SCHEMA_HEADER, b"\0\0\0\0\x09")], framed.headers[2]]
    assert unframe(replace(framed, headers=headers)).avro == {9: [0, 1, 2]}
