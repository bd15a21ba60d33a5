"""One Kafka transaction (事务): records of several topics and a group's new offset become visible together."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from aiokafka import AIOKafkaProducer, TopicPartition
from aiokafka.errors import KafkaError

from streams.batching import batched
from streams.once_producer import OnceProducer, UnansweredError
from streams.outputs import Outputs


async def commit(producer: OnceProducer, outputs: Outputs, group: str, offsets: Mapping[TopicPartition, int]) -> None:
    """Send all outputs and the group's next offsets in one transaction. Any error leaves none of it visible.

    But UnansweredError: all of it may be, now or later. The offset that a new producer of the same id finds tells.
    """
    if producer.disturbed:
        raise UnansweredError("a connection has broken since the last transaction")
    with _unanswered_told(producer):
        await producer.begin_transaction()
        sent = []
        for (topic, partition), records in outputs.items():
            for batch in batched(producer, records):
                sent.append(await producer.send_batch(batch, topic, partition=partition))
                sent[-1].add_done_callback(_heard)
        await producer.send_offsets_to_transaction(dict(offsets), group)
        await asyncio.gather(*sent)
        await producer.commit_transaction()


@contextmanager
def _unanswered_told(producer: OnceProducer) -> Iterator[None]:
    """A failed transaction's error; where a request got no answer, that."""
    try:
        yield
    except KafkaError:
        _lay_to_rest(producer)
        if producer.unanswered is None:
            raise
        raise producer.unanswered from producer.unanswered.__cause__


def _heard(sent: asyncio.Future[object]) -> None:
    """The error of one request is that of all: asyncio need not complain that nobody asked the others for theirs."""
    if sent.done() and not sent.cancelled():
        sent.exception()


def _lay_to_rest(producer: AIOKafkaProducer) -> None:
    """Let aiokafka (checked with 0.14) not complain of what nobody waits for any more.

    It gives its error to futures of its own too; and when its sender is dead and the connection closes, it stumbles
    over records on the way.
    """
    if producer._sender.sender_task.done():
        producer._message_accumulator.reenqueue = _let_go
    _heard(producer._txn_manager.wait_for_transaction_end())
    for batches in producer._message_accumulator._batches.values():
        for batch in batches:
            _heard(batch._drain_waiter)


def _let_go(_batch: object) -> None:
    """In the place of putting records back in the queue: they went down with their transaction, the request ends."""
    raise asyncio.CancelledError
