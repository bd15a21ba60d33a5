"""Record batches unpacked all at once (整批解包): a loop over the records' lengths, everything else by columns.

What does not come out exactly goes through aiokafka's own parser (streams/header_names.py), batch by batch.
`tests/streams/test_record_batches.py` compares the two.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from operator import ge
from typing import Any, Final

import numpy as np

from pipelines.codec.varints import Places, read_number, read_numbers, signed
from pipelines.wire import COLUMNS, RawBatch
from streams.record_batches import HEAD, WholeBatch

LOG_APPEND_TIME: Final = 0x08

Header = tuple[str, bytes]


class UnlikeError(ValueError):
    """A batch is not laid out as expected."""


def unpack(batches: Sequence[WholeBatch], topic: str, partition: int) -> RawBatch:
    """All records of consecutive batches of a partition, at least one. RuntimeError where offsets do not increase."""
    columns = _unpack(batches)
    offsets = columns[0]
    if any(map(ge, offsets, offsets[1:])):
        raise RuntimeError(f"record batches of {topic}-{partition} overlap behind offset {offsets[0]}")
    return RawBatch(topic, [partition] * len(offsets), *columns)


def _unpack(batches: Sequence[WholeBatch]) -> tuple[list[Any], ...]:
    try:
        return _unpack_alike(batches)
    except UnlikeError:
        if len(batches) == 1:
            return _unpack_singly(batches[0])
    middle = len(batches) // 2
    halves = zip(_unpack(batches[:middle]), _unpack(batches[middle:]), strict=True)
    return tuple([*first, *second] for first, second in halves)


def _unpack_singly(batch: WholeBatch) -> tuple[list[Any], ...]:
    records = batch.records()
    return (
        [record.offset for record in records],
        [record.timestamp for record in records],
        [record.key for record in records],
        [record.value for record in records],
        [tuple(record.headers) for record in records],
    )


def since(uploads: RawBatch, offset: int) -> RawBatch:
    """The records from an offset on."""
    first = bisect_left(uploads.offsets, offset)
    if first == 0:
        return uploads
    columns = (getattr(uploads, name)[first:] for name in COLUMNS)
    return RawBatch(uploads.topic, *columns)


def _unpack_alike(batches: Sequence[WholeBatch]) -> tuple[list[Any], ...]:
    """COLUMNS of the batches but the first; UnlikeError where anything is not exactly as format 2 has it."""
    heads = [HEAD.unpack_from(batch._content) for batch in batches]
    counts = [head[-1] for head in heads]
    area = b"".join(batch.area for batch in batches)
    starts, ends = _bounds(area, sum(counts))
    cursor = Cursor(area, starts, ends)
    cursor.skip(1)  # attributes, none of which is in use
    late, after = cursor.number(), cursor.number()
    keys, values = cursor.texts(), cursor.texts()
    has_headers = cursor.number()
    headers = _headers(area, has_headers, cursor.at, ends)
    if not cursor.sound or (np.where(has_headers == 0, cursor.at, ends) != ends).any():
        raise UnlikeError
    offsets = np.repeat([head[0] for head in heads], counts) + after
    last = np.repeat([head[0] + head[6] for head in heads], counts)
    if (after < 0).any() or (offsets > last).any():
        raise UnlikeError
    appended = np.repeat([bool(head[5] & LOG_APPEND_TIME) for head in heads], counts)
    timestamps = np.where(
        appended, np.repeat([head[8] for head in heads], counts), np.repeat([head[7] for head in heads], counts) + late
    )
    return offsets.tolist(), timestamps.tolist(), keys, values, headers


def _bounds(area: bytes, count: int) -> tuple[Places, Places]:
    """First byte of each record behind its length, and the byte behind it."""
    fronts: list[int] = []
    front = fronts.append
    at = 0
    try:
        while at < len(area):
            front(at)
            low = area[at]
            if low < 0x80:
                at += 1 + (low >> 1)
            elif (high := area[at + 1]) < 0x80:
                at += 2 + ((low & 0x7F | high << 7) >> 1)
            else:
                length, behind = read_number(area, at)
                at = behind + max(length, 0)
    except IndexError as cut:
        raise UnlikeError from cut
    if len(fronts) != count or at != len(area):
        raise UnlikeError
    places = np.array(fronts, dtype=np.int64)
    sizes, number, exact = read_numbers(np.frombuffer(area, dtype=np.uint8), places)
    if not exact.all():
        raise UnlikeError
    return places + sizes, places + sizes + signed(number)


class Cursor:
    """A place in each record, moved on through all records at once; `sound` while none went beyond its end."""

    def __init__(self, area: bytes, starts: Places, ends: Places) -> None:
        """Places at the records' beginnings."""
        self._area = area
        self._content = np.frombuffer(area + b"\0", dtype=np.uint8)
        self._ends = ends
        self.at = starts
        self.sound = True

    def skip(self, steps: Places | int) -> None:
        """Move on."""
        at = self.at + steps
        self.sound = self.sound and bool((at <= self._ends).all())
        self.at = np.minimum(at, self._ends)

    def number(self) -> Places:
        """The number in each record."""
        sizes, number, exact = read_numbers(self._content, self.at)
        self.sound = self.sound and bool(exact.all())
        self.skip(sizes)
        return signed(number)

    def texts(self) -> list[bytes | None]:
        """The bytes in each record, None where it has null."""
        lengths = self.number()
        self.sound = self.sound and bool((lengths >= -1).all())
        begins = self.at
        self.skip(np.clip(lengths, 0, len(self._area)))
        ends = self.at
        if (lengths >= 0).all():
            return [self._area[begin:end] for begin, end in zip(begins.tolist(), ends.tolist(), strict=True)]
        return [
            None if length < 0 else self._area[begin:end]
            for begin, end, length in zip(begins.tolist(), ends.tolist(), lengths.tolist(), strict=True)
        ]


def _headers(area: bytes, counts: Places, begins: Places, ends: Places) -> list[Sequence[Header]]:
    """Headers of each record; a vendor's are often the same bytes again and again, and are then read once."""
    found: list[Sequence[Header]] = [()] * len(counts)
    known: dict[tuple[int, bytes], Sequence[Header]] = {}
    for row in np.flatnonzero(counts).tolist():
        section = int(counts[row]), area[int(begins[row]) : int(ends[row])]
        if section not in known:
            known[section] = _parsed_headers(*section)
        found[row] = known[section]
    return found


def _parsed_headers(count: int, section: bytes) -> Sequence[Header]:
    """A byte of a name that is no UTF-8 is written as its number, as in header_names.py."""
    at = 0
    texts: list[Any] = []
    try:
        for _ in range(2 * count):
            length, at = read_number(section, at)
            texts.append(None if length < 0 else section[at : at + length])
            at += max(length, 0)
        names = [name.decode("utf-8", "backslashreplace") for name in texts[::2]]
    except (IndexError, AttributeError) as unlike:
        raise UnlikeError from unlike
    if at != len(section):
        raise UnlikeError
    return tuple(zip(names, texts[1::2], strict=True))
