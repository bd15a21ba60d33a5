"""One Kafka transaction (事务): records of several topics and a group's new offset become visible together."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import Final

from aiokafka import AIOKafkaProducer, TopicPartition
from aiokafka.producer.message_accumulator import BatchBuilder

from streams.outputs import Outgoing, Outputs

# Below the broker's 1 MiB for a compressed batch, also where nothing can be compressed. A larger record goes alone.
BATCH_BYTES: Final = 1 << 19
# A dead owner's open transaction holds read_committed readers back for this long at most.
TRANSACTION_TIMEOUT_MS: Final = 15_000


async def fencing_producer(bootstrap_servers: str, transactional_id: str) -> AIOKafkaProducer:
    """A started producer: every older one of the same id is fenced, and what it left open is ended."""
    producer = AIOKafkaProducer(
        bootstrap_servers=bootstrap_servers,
        transactional_id=transactional_id,
        transaction_timeout_ms=TRANSACTION_TIMEOUT_MS,
        acks="all",
        compression_type="zstd",
        linger_ms=0,
        max_batch_size=BATCH_BYTES,
        # The broker may still be ending the last transaction of this id when the next begins; default 100 ms.
        retry_backoff_ms=5,
    )
    try:
        await producer.start()
    except BaseException:
        await producer.stop()
        raise
    return producer


async def commit(
    producer: AIOKafkaProducer, outputs: Outputs, group: str, offsets: Mapping[TopicPartition, int]
) -> None:
    """Send all outputs and the group's next offsets in one transaction. Any error leaves none of it visible."""
    await producer.begin_transaction()
    sent = []
    for (topic, partition), records in outputs.items():
        sent += [await producer.send_batch(batch, topic, partition=partition) for batch in _batches(producer, records)]
    await producer.send_offsets_to_transaction(dict(offsets), group)
    await asyncio.gather(*sent)
    await producer.commit_transaction()


def _batches(producer: AIOKafkaProducer, records: Outgoing) -> list[BatchBuilder]:
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
