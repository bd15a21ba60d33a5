"""Records in batches as the log keeps them (记录批).

aiokafka's own builder makes them, checked with 0.14.0: `tests/streams/test_faust_hooks.py` reads them back.
"""

from __future__ import annotations

from typing import Final

from aiokafka.record.default_records import DefaultRecordBatch, DefaultRecordBatchBuilder

from streams.outputs import Outgoing
from streams.protocol import Holder

# Below the broker's 1 MiB for a compressed batch, also where nothing can be compressed. A larger record goes alone.
BATCH_BYTES: Final = 1 << 19
MAGIC: Final = 2  # of the format, since Kafka 0.11


def batched(records: Outgoing, holder: Holder) -> list[bytes]:
    """All records of the holder's transaction for one partition, in batches of at most BATCH_BYTES (before
    compression); a larger record goes alone."""
    batches: list[bytes] = []
    builder: DefaultRecordBatchBuilder | None = None
    first = 0
    for number, (key, value, headers) in enumerate(records):
        if builder is None or builder.append(number - first, None, key, value, headers) is None:
            if builder is not None:
                batches.append(bytes(builder.build()))
            builder, first = _builder(holder, number), number
            if builder.append(0, None, key, value, headers) is None:
                raise RuntimeError(f"an empty batch takes no record of {len(value or b'')} bytes")
    if builder is not None:
        batches.append(bytes(builder.build()))
    return batches


def _builder(holder: Holder, first: int) -> DefaultRecordBatchBuilder:
    """Of a batch whose first record is the transaction's `first`: with every transaction Kafka counts anew."""
    return DefaultRecordBatchBuilder(
        magic=MAGIC,
        compression_type=DefaultRecordBatch.CODEC_ZSTD,
        is_transactional=1,
        producer_id=holder.producer,
        producer_epoch=holder.epoch,
        base_sequence=first,
        batch_size=BATCH_BYTES,
    )
