"""Whole record batches, unpacked at once, against aiokafka's own parser. No Kafka."""

import gc
import struct
import weakref
from typing import Any

import pytest
from aiokafka.consumer import fetcher
from aiokafka.consumer.fetcher import READ_COMMITTED, PartitionRecords
from aiokafka.record.default_records import DefaultRecordBatchBuilder, _DefaultRecordBatchBuilderPy
from aiokafka.record.memory_records import MemoryRecords
from aiokafka.structs import TopicPartition
from hypothesis import given
from hypothesis import strategies as st

from streams.record_batches import WholeBatch, WholeBatches, deliver_whole_batches
from streams.unpacking import LOG_APPEND_TIME, since, unpack

PLACE = TopicPartition("raw.x.y", 3)
CONTROL, TRANSACTIONAL = 0x20, 0x10
Fields = tuple[bytes | None, bytes | None, list[tuple[str, bytes | None]], int]

TEXTS = st.none() | st.binary(max_size=90) | st.just(b"x" * 9000)
HEADERS = st.lists(st.tuples(st.text(max_size=4), st.none() | st.binary(max_size=5)), max_size=2)
FIELDS: st.SearchStrategy[Fields] = st.tuples(TEXTS, TEXTS, HEADERS, st.integers(0, 1 << 42))


def batch(base: int, records: list[Fields], compression: int = 0, *, attributes: int = 0, producer: int = -1) -> bytes:
    """A record batch as a broker would answer it; its checksum is left as it was built."""
    builder = DefaultRecordBatchBuilder(2, compression, bool(attributes & TRANSACTIONAL), producer, 0, 0, 1 << 20)
    for number, (key, value, headers, timestamp) in enumerate(records):
        assert builder.append(number, timestamp, key, value, headers) is not None
    content = bytearray(builder.build())
    struct.pack_into(">q", content, 0, base)
    content[22] |= attributes & 0xFF
    return bytes(content)


def fetched(content: bytes, parser: Any, at: int = 0, aborted: list[tuple[int, int]] | None = None) -> list[Any]:
    """What aiokafka's fetcher makes of a fetched stretch of the log."""
    return list(PartitionRecords(PLACE, parser(content), aborted, at, None, None, False, READ_COMMITTED))


def whole(content: bytes, at: int = 0, aborted: list[tuple[int, int]] | None = None) -> list[WholeBatch]:
    """The same as whole batches."""
    return [item.value for item in fetched(content, WholeBatches, at, aborted)]


def rows(records: list[Any]) -> list[tuple[Any, ...]]:
    """aiokafka's records as plain tuples."""
    return [(r.offset, r.timestamp, r.key, r.value, tuple(r.headers)) for r in records]


def unpacked(batches: list[WholeBatch], at: int = 0) -> list[tuple[Any, ...]]:
    """The same of whole batches."""
    if not batches:
        return []
    made = since(unpack(batches, *PLACE), at)
    assert made.topic == PLACE.topic
    assert made.partitions == [PLACE.partition] * len(made)
    columns = (made.offsets, made.timestamps, made.keys, made.values, made.headers)
    return list(zip(*columns, strict=True))


@given(
    st.lists(
        st.tuples(
            st.lists(FIELDS, min_size=1, max_size=5),
            st.sampled_from([0, 1, 3, 4]),
            st.sampled_from([0, LOG_APPEND_TIME]),
            st.integers(0, 3),
        ),
        max_size=5,
    ),
    st.integers(0, 12),
)
def test_unpacked_at_once_is_what_aiokafka_reads(batches: list[Any], at: int) -> None:
    """Null keys and values, headers, compression, both clocks, gaps, and a fetch from within a batch."""
    content, base = b"", 0
    for records, compression, clock, gap in batches:
        base += gap
        if base + len(records) > at:  # a broker answers from the batch that holds the offset
            content += batch(base, records, compression, attributes=clock)
        base += len(records)
    wanted = rows(fetched(content, MemoryRecords, at))
    assert unpacked(whole(content, at), at) == wanted


def test_what_was_aborted_is_skipped_and_leaves_no_gap() -> None:
    """Control batches and aborted records never arrive, and the next batch says that nothing else lies before it."""
    one: Fields = (b"k", b"v", [], 1)
    control: Fields = (b"\0\0\0\0", b"\0" * 6, [], 1)
    content = b"".join(
        (
            batch(0, [one, one], attributes=TRANSACTIONAL, producer=7),
            batch(2, [one], attributes=TRANSACTIONAL, producer=8),
            batch(3, [control], attributes=TRANSACTIONAL | CONTROL, producer=7),
            batch(4, [one], attributes=TRANSACTIONAL, producer=7),
            batch(9, [one]),
        )
    )
    aborted = [(7, 0)]
    found = whole(content, aborted=aborted)
    assert unpacked(found) == rows(fetched(content, MemoryRecords, aborted=aborted))
    assert [(b.begin, b.end, len(b)) for b in found] == [(2, 3, 1), (4, 5, 1), (5, 10, 1)]


def test_a_name_that_is_no_text_and_its_neighbours_are_read() -> None:
    """A byte of a header's name that is no UTF-8 is written as its number."""

    class NoText(str):
        def encode(self, *_: Any) -> bytes:
            return b"trace\xff"

    builder = _DefaultRecordBatchBuilderPy(2, 0, 0, -1, -1, 0, 1 << 20)
    for number in range(3):
        builder.append(number, 5, b"k", b"v", [(NoText("x"), b"1")] if number == 1 else [])
    headers = [row[-1] for row in unpacked(whole(bytes(builder.build())))]
    assert headers == [(), (("trace\\xff", b"1"),), ()]


@given(st.integers(0, 200), st.integers(0, 255))
def test_damage_is_judged_as_aiokafka_judges_it(at: int, byte: int) -> None:
    """A batch that is not exactly as its format has it is left to aiokafka's parser, its neighbours are not.

    Such a batch has passed its checksum, so no broker gives one; one whose offsets overlap its neighbours' is loud.
    """
    sound = [batch(base, [(b"key", b"value" * 9, [("h", b"1")], 5 + n) for n in range(3)]) for base in (0, 3, 6)]
    hurt = bytearray(sound[1])
    hurt[min(61 + at, len(hurt) - 1)] = byte
    content = sound[0] + bytes(hurt) + sound[2]
    try:
        wanted = [row for one in whole(content) for row in rows(one.records())]
    except Exception as refused:  # noqa: BLE001 (aiokafka's own)
        with pytest.raises(type(refused)):
            unpacked(whole(content))
        return
    offsets = [row[0] for row in wanted]
    if offsets == sorted({*offsets}):
        assert unpacked(whole(content)) == wanted
    else:
        with pytest.raises(RuntimeError, match="overlap"):
            unpacked(whole(content))


def test_a_batch_goes_when_nobody_holds_it() -> None:
    """A fetched megabyte does not wait for the garbage collector, which comes seldom in a worker."""
    gc.collect()
    gc.disable()
    try:
        (one,) = whole(batch(0, [(b"k", b"v", [], 1)]))
        gone = weakref.ref(one)
        assert unpacked([one])
        del one
        assert gone() is None
    finally:
        gc.enable()


def test_the_fetcher_takes_its_records_where_they_are_replaced(monkeypatch: pytest.MonkeyPatch) -> None:
    """aiokafka's fetcher looks MemoryRecords up in its own module."""
    monkeypatch.setattr(fetcher, "MemoryRecords", MemoryRecords)
    deliver_whole_batches()
    made: Any = fetcher.MemoryRecords
    assert made is WholeBatches
    assert "MemoryRecords" in fetcher.Fetcher._proc_fetch_request.__code__.co_names
