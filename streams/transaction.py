"""One Kafka transaction (事务): records of several topics and a group's new offset become visible together.

No request about a transaction is sent twice. One that a broken connection left without an answer may still reach the
broker, long after: sent again, answered, and followed by the next transaction of the same producer, it would be taken
for a part of that one. An old offset would then take the group back; an old commit would let half a transaction stand.
Kafka refuses what is late only where the producer's epoch has grown meanwhile, so after an unanswered request nothing
goes on but a new producer of the same id (docs/decisions/0033). Records may be sent again: they are numbered.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Final

import stamina
from aiokafka import AIOKafkaProducer, TopicPartition
from aiokafka.client import ConnectionGroup, CoordinationType
from aiokafka.conn import CloseReason
from aiokafka.errors import KafkaConnectionError, KafkaError, NodeNotReadyError
from aiokafka.producer.message_accumulator import BatchBuilder
from aiokafka.producer.sender import InitPIDHandler
from aiokafka.protocol.transaction import (
    AddOffsetsToTxnRequest,
    AddPartitionsToTxnRequest,
    EndTxnRequest,
    TxnOffsetCommitRequest,
)

from streams.coordinator import EMPTY, state_of
from streams.outputs import Outgoing, Outputs

# Below the broker's 1 MiB for a compressed batch, also where nothing can be compressed. A larger record goes alone.
BATCH_BYTES: Final = 1 << 19
# A dead owner's open transaction holds read_committed readers back for this long at most.
TRANSACTION_TIMEOUT_MS: Final = 15_000
ASK_AGAIN_S: Final = 0.1
BROKEN: Final = (CloseReason.CONNECTION_BROKEN, CloseReason.CONNECTION_TIMEOUT, CloseReason.OUT_OF_SYNC)
MARKED_S: Final = 0.005  # Kafka answers before it writes the markers
OF_TRANSACTIONS: Final = (
    AddPartitionsToTxnRequest,
    AddOffsetsToTxnRequest,
    TxnOffsetCommitRequest,
    EndTxnRequest,
)


class UnansweredError(Exception):
    """A request about a transaction got no answer: whether and when the broker carries it out, nobody here can know."""


class OnceProducer(AIOKafkaProducer):
    """Sends no request about a transaction twice: after one without an answer it is of no use any more.

    aiokafka would try again for ever (checked with 0.14; `tests/streams/test_late_requests.py`).

    `last`: what had become of the id's last transaction before this producer started. `disturbed`: whether a connection
    has broken since.
    """

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)
        self.unanswered: UnansweredError | None = None
        self.last = EMPTY
        self.disturbed = False
        self._sender._do_init_pid = self._ask_and_init
        closed = self.client._on_connection_closed

        def noticed(connection: object, reason: CloseReason) -> None:
            self.disturbed = self.disturbed or reason in BROKEN
            closed(connection, reason)

        self.client._on_connection_closed = noticed
        send = self.client.send

        async def once(node: int, request: object, *, group: int = ConnectionGroup.DEFAULT) -> object:
            try:
                return await send(node, request, group=group)
            except NodeNotReadyError:
                raise  # it was not sent
            except KafkaError as error:
                if not isinstance(request, OF_TRANSACTIONS):
                    raise
                self.unanswered = UnansweredError(f"{type(request).__name__}: {error!r}")
                raise self.unanswered from error

        self.client.send = once

    async def state(self) -> str:
        """What the coordinator says of the id's transaction. KafkaError where it does not answer."""
        coordinator = await self._sender._find_coordinator(
            CoordinationType.TRANSACTION, self._txn_manager.transactional_id
        )
        return await state_of(self.client, coordinator, self._txn_manager.transactional_id)

    async def _ask_and_init(self, coordinator: int) -> bool:
        """In the place of the sender's own: once it knows the new owner a coordinator says nothing more of the past.

        Nor does it where its answer to that was lost, and it is asked again.
        """
        try:
            state = await state_of(self.client, coordinator, self._txn_manager.transactional_id)
        except KafkaError:
            self._sender._coordinator_dead(CoordinationType.TRANSACTION)
            await asyncio.sleep(ASK_AGAIN_S)
            return False
        self.last = self.last if state == EMPTY else state
        return bool(await InitPIDHandler(self._sender).do(coordinator))


@stamina.retry(on=KafkaConnectionError, attempts=None, timeout=None)
async def fencing_producer(bootstrap_servers: str, transactional_id: str) -> OnceProducer:
    """A started producer: every older one of the same id is fenced, and what it left open is ended.

    Waits as long as no broker answers.
    """
    producer = OnceProducer(
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
    producer.disturbed = False
    return producer


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
            for batch in _batches(producer, records):
                sent.append(await producer.send_batch(batch, topic, partition=partition))
                sent[-1].add_done_callback(_heard)
        await producer.send_offsets_to_transaction(dict(offsets), group)
        await asyncio.gather(*sent)
        await producer.commit_transaction()


async def mark(producer: OnceProducer, places: Collection[TopicPartition], group: str | None, *, stands: bool) -> None:
    """A transaction without records: its markers end what is open of this producer there and in a group's offsets.

    aiokafka is told directly what belongs to it (checked with 0.14; `tests/streams/test_leftovers.py`).
    """
    with _unanswered_told(producer):
        await producer.begin_transaction()
        while group is not None and producer._txn_manager._txn_consumer_group is None:
            await producer._sender._do_add_offsets_to_txn(group)
        for place in places:
            producer._txn_manager.maybe_add_partition_to_txn(place)
        await (producer.commit_transaction() if stands else producer.abort_transaction())
    try:
        while not (await producer.state()).startswith("Complete"):
            await asyncio.sleep(MARKED_S)
    except KafkaError as error:
        raise UnansweredError(f"whether all markers are written: {error!r}") from error
    if producer.disturbed:
        raise UnansweredError("a connection has broken before all markers were written")


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
