"""Whole record batches (整批取用): fetched uploads reach a lane as Kafka's record batches, not one by one.

aiokafka makes several objects of each record, which takes three microseconds, and more of the garbage collector. Here
its fetcher gets, in place of a batch's records, one item that stands for all of them; checksums, control batches,
aborted transactions and positions remain the fetcher's business. A lane then unpacks many batches in one pass
(streams/unpacking.py).

Checked with aiokafka 0.14; `tests/streams/test_record_batches.py` compares with its parser and fails where this no
longer fits.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from functools import cached_property
from typing import Any, Final

from aiokafka import codec
from aiokafka.consumer import fetcher

from streams.header_names import Batch, PatientRecords

# Format 2: base offset, length, leader epoch, magic, checksum, attributes, last offset delta, first and last timestamp,
# producer id and epoch, base sequence, number of records.
HEAD: Final = struct.Struct(">qiibIhiqqqhii")
MAGIC: Final = 2
CODEC_BITS: Final = 0x07
DECOMPRESS: Final[dict[int, Callable[[Any], bytes]]] = {
    0: bytes,
    1: codec.gzip_decode,
    2: codec.snappy_decode,
    3: codec.lz4_decode,
    4: codec.zstd_decode,
}


class WholeBatch(Batch):
    """A record batch that the fetcher takes for one record, at the last one's offset.

    `begin`, `end`: the log holds nothing else of offsets begin ≤ offset < end, as far as the fetch has shown.
    """

    key = checksum = None
    headers: tuple[()] = ()

    def __init__(self, compiled: Any, content: memoryview, begin: int | None) -> None:
        """`compiled` is aiokafka's batch; `begin` None where the fetch has shown nothing before it."""
        super().__init__(compiled, content)
        self.begin: int = compiled.base_offset if begin is None else begin
        self.end: int = compiled.next_offset
        self.offset = self.end - 1
        self.timestamp: int = compiled.max_timestamp or 0
        self.timestamp_type: int | None = compiled.timestamp_type
        self.count: int = HEAD.unpack_from(content)[-1]

    @cached_property
    def area(self) -> bytes:
        """The records, one behind the other, unpacked when first asked for."""
        attributes = HEAD.unpack_from(self._content)[5]
        return DECOMPRESS[attributes & CODEC_BITS](bytes(self._content[HEAD.size :]))

    @property
    def value(self) -> WholeBatch:
        """What a lane gets. Not kept: a cycle would hold the fetched bytes until the garbage collector comes."""
        return self

    def __len__(self) -> int:
        """Number of records."""
        return self.count

    def __iter__(self) -> Iterator[Any]:
        """The batch itself, where compaction has left a record in it."""
        return iter((self,) if self.count else ())

    def records(self) -> list[Any]:
        """The records, read one by one."""
        return list(super().__iter__())


class WholeBatches(PatientRecords):
    """Takes the place of aiokafka's MemoryRecords in its fetcher."""

    _end: int | None = None

    def next_batch(self) -> Batch:
        """The next batch."""
        plain = super().next_batch()
        if plain._content[16] != MAGIC:
            raise RuntimeError("a record batch of a format before 2: Kafka 4 has none")
        batch = WholeBatch(plain._compiled, plain._content, self._end)
        self._end = batch.end
        return batch


def deliver_whole_batches() -> None:
    """Let every aiokafka consumer of this process deliver WholeBatches as the values of its records."""
    if not hasattr(fetcher, "MemoryRecords"):
        raise RuntimeError("aiokafka's fetcher has no MemoryRecords any more: mend streams/record_batches.py")
    fetcher.MemoryRecords = WholeBatches
