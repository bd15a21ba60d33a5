"""Records in batches as the log keeps them (记录批)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from aiokafka import AIOKafkaProducer
from aiokafka.producer.message_accumulator import BatchBuilder

from streams.outputs import Outgoing

# Below the broker's 1 MiB for a compressed batch, also where nothing can be compressed. A larger record goes alone.
BATCH_BYTES: Final = 1 << 19


def batched(producer: AIOKafkaProducer, records: Outgoing) -> list[BatchBuilder]:
    """The records in batches of at most BATCH_BYTES; a larger record goes alone.

    aiokafka's builder of a batch is asked directly (checked with 0.14; `tests/streams/test_faust_hooks.py`): its public
    `append` spends a microsecond on each record, four times what adding it takes.
    """
    batches: list[BatchBuilder] = []
    append: Callable[..., object] | None = None
    number = 0
    for key, value, headers in records:
        if append is None or append(number, None, key, value, headers) is None:
            batch, number = producer.create_batch(), 0
            batches.append(batch)
            append = batch._builder.append
            if append(number, None, key, value, headers) is None:
                raise RuntimeError(f"an empty batch takes no record of {len(value or b'')} bytes")
        number += 1
        batches[-1]._relative_offset = number
    for batch in batches:
        batch.close()
    return batches
