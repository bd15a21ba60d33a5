"""Chunk delivery (成批交付): Faust hands an agent a list of record batches instead of one event.

Faust spends some fifty microseconds on every event, many times what normalising one takes. Two public hooks, its
scheduling strategy and its schema, make the unit of delivery a list of what was fetched of one partition, of record
batches (streams/record_batches.py), so that this is spent once a list. The agent stays a plain `@app.agent`. What Faust
asks of an aiokafka record and of its hooks was checked with faust-streaming 0.15.3; `tests/streams/test_faust_hooks.py`
fails where a chunk no longer fits.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, Final

import faust
from faust.transport.utils import DefaultSchedulingStrategy

if TYPE_CHECKING:
    from aiokafka import ConsumerRecord
    from faust.types import TP

CHUNK_LIMIT: Final = 2000


class Chunk:
    """Consecutive records of one partition, passed through Faust in the place of one aiokafka record.

    Its offset is the last record's and its value the list of records.
    """

    __slots__ = (
        "checksum",
        "headers",
        "key",
        "offset",
        "partition",
        "serialized_key_size",
        "serialized_value_size",
        "timestamp",
        "timestamp_type",
        "topic",
        "value",
    )

    def __init__(self, records: list[ConsumerRecord]) -> None:
        last = records[-1]
        self.topic, self.partition, self.offset = last.topic, last.partition, last.offset
        self.timestamp, self.timestamp_type = last.timestamp, last.timestamp_type
        self.headers: tuple[()] = ()
        self.key = self.checksum = None
        self.value = records
        self.serialized_key_size = self.serialized_value_size = 0


class ChunkScheduler(DefaultSchedulingStrategy):
    """Yields what was fetched as chunks of at most CHUNK_LIMIT records, in offset order within a partition."""

    def iterate(self, records: Mapping[TP, list[ConsumerRecord]]) -> Iterator[tuple[TP, Any]]:
        """One (partition, chunk) after another."""
        for partition, fetched in records.items():
            for start in range(0, len(fetched), CHUNK_LIMIT):
                yield partition, Chunk(fetched[start : start + CHUNK_LIMIT])


class ChunkSchema(faust.Schema[Any, Any]):
    """Hands a chunk's records to the agent as they are."""

    def loads_key(self, app: Any, message: Any, **_: Any) -> Any:  # noqa: ARG002 (Faust's signature)
        """A chunk has no key."""
        return message.key

    def loads_value(self, app: Any, message: Any, **_: Any) -> Any:  # noqa: ARG002 (Faust's signature)
        """The records of the chunk."""
        return message.value
