r"""Header names that are not UTF-8 (非法头名): a C or Go producer may send any bytes as a header's name.

aiokafka decodes names strictly, in compiled code, and never gets past such a record. Where its parser stumbles, the
fetched bytes are read once more by its own parser in Python, whose `decode` is made patient: a byte that is no UTF-8
becomes `\xff` in the name. confluent-kafka cannot give such headers at all; `record_at` can. Checked with aiokafka
0.14 and confluent-kafka 2; `tests/streams/test_header_names.py` sends such a record.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.consumer import fetcher
from aiokafka.record.default_records import _DefaultRecordBatchPy
from aiokafka.record.memory_records import MemoryRecords

from streams.records import Record


class PatientText(bytearray):
    """Bytes whose slices decode whatever they hold."""

    def __getitem__(self, at: Any) -> Any:
        """A byte, or a slice of the same patience."""
        found = super().__getitem__(at)
        return PatientText(found) if isinstance(at, slice) else found

    def decode(self, encoding: str = "utf-8", errors: str = "backslashreplace") -> str:
        """The text; a byte that is none is written as its number."""
        return super().decode(encoding, errors)


class PatientBatch(_DefaultRecordBatchPy):
    """A batch read in Python."""

    _buffer: bytearray

    def _maybe_uncompress(self) -> None:
        super()._maybe_uncompress()
        self._buffer = PatientText(self._buffer)


class Batch:
    """A batch as aiokafka's compiled parser reads it, or, where a name stops that, as PatientBatch does."""

    def __init__(self, compiled: Any, content: memoryview) -> None:
        self._compiled, self._content = compiled, content

    def __getattr__(self, name: str) -> Any:
        return getattr(self._compiled, name)

    def __next__(self) -> Any:
        """The record of a control batch; it has no headers."""
        return next(self._compiled)

    def __iter__(self) -> Iterator[Any]:
        """All records."""
        try:
            return iter(list(self._compiled))
        except UnicodeDecodeError:
            return iter(list(PatientBatch(self._content)))


class PatientRecords:
    """Takes the place of aiokafka's MemoryRecords in its fetcher."""

    def __init__(self, content: bytes) -> None:
        self._records: Any = MemoryRecords(content)
        self._content = memoryview(content)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._records, name)

    def next_batch(self) -> Batch:
        """The next batch; `has_next` must have said that there is one."""
        batch = self._records.next_batch()
        length = 12 + int.from_bytes(self._content[8:12], "big", signed=True)  # offset and length stand before it
        content, self._content = self._content[:length], self._content[length:]
        return Batch(batch, content)


def accept_any_header_name() -> None:
    """Let every aiokafka consumer of this process read on."""
    if not hasattr(fetcher, "MemoryRecords"):
        raise RuntimeError("aiokafka's fetcher has no MemoryRecords any more: mend streams/header_names.py")
    fetcher.MemoryRecords = PatientRecords


async def record_at(bootstrap_servers: str, topic: str, partition: int, offset: int) -> Record:
    """One record, whatever its headers are called."""
    accept_any_header_name()
    place = TopicPartition(topic, partition)
    async with AIOKafkaConsumer(
        bootstrap_servers=bootstrap_servers, enable_auto_commit=False, isolation_level="read_committed"
    ) as consumer:
        consumer.assign([place])
        consumer.seek(place, offset)
        found = await consumer.getone(place)
    return Record(topic, partition, found.offset, found.timestamp, found.key, found.value, list(found.headers))
