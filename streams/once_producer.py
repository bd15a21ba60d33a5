"""A transactional producer that repeats nothing (不重发的事务生产者).

No request about a transaction is sent twice. One that a broken connection left without an answer may still reach the
broker, long after: sent again, answered, and followed by the next transaction of the same producer, it would be taken
for a part of that one. An old offset would then take the group back; an old commit would let half a transaction stand.
Kafka refuses what is late only where the producer's epoch has grown meanwhile, so after an unanswered request nothing
goes on but a new producer of the same id (docs/decisions/0033). Records may be sent again: they are numbered.
"""

from __future__ import annotations

import asyncio
from typing import Any, Final

import stamina
from aiokafka import AIOKafkaProducer
from aiokafka.client import ConnectionGroup, CoordinationType
from aiokafka.conn import CloseReason
from aiokafka.errors import KafkaConnectionError, KafkaError, NodeNotReadyError
from aiokafka.producer.sender import InitPIDHandler
from aiokafka.protocol.transaction import (
    AddOffsetsToTxnRequest,
    AddPartitionsToTxnRequest,
    EndTxnRequest,
    TxnOffsetCommitRequest,
)

from streams.batching import BATCH_BYTES
from streams.coordinator import EMPTY, state_of

# A dead owner's open transaction holds read_committed readers back for this long at most.
TRANSACTION_TIMEOUT_MS: Final = 15_000
ASK_AGAIN_S: Final = 0.1
BROKEN: Final = (CloseReason.CONNECTION_BROKEN, CloseReason.CONNECTION_TIMEOUT, CloseReason.OUT_OF_SYNC)
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
