"""A transactional producer that repeats nothing (不重发的事务生产者).

No request about a transaction is sent twice. One that a broken connection left without an answer may still reach the
broker, long after: sent again, answered, and followed by the next transaction of the same producer, it would be taken
for a part of that one. An old offset would then take the group back; an old commit would let half a transaction stand.
Kafka refuses what is late only where the producer's epoch has grown meanwhile, so after an unanswered request nothing
goes on but a new producer of the same id (docs/decisions/0033). Records may be sent again: they are numbered.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection
from typing import Any, Final

import stamina
from aiokafka import AIOKafkaProducer, TopicPartition
from aiokafka.client import ConnectionGroup
from aiokafka.conn import CloseReason
from aiokafka.errors import ConcurrentTransactions, KafkaError, NodeNotReadyError
from aiokafka.producer.sender import InitPIDHandler
from aiokafka.protocol.transaction import (
    AddOffsetsToTxnRequest,
    AddPartitionsToTxnRequest,
    EndTxnRequest,
    TxnOffsetCommitRequest,
)

from streams.batching import BATCH_BYTES
from streams.coordinator import Coordinator
from streams.leftovers import WORKING_MS, end_leftovers

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

    Starting, it ends what the id's last holder has left (streams/leftovers.py). `disturbed`: whether a connection has
    broken since that began.
    """

    def __init__(
        self, reach: Collection[TopicPartition], group: str | None, patience_s: float, **settings: Any
    ) -> None:
        """All but `settings`, which are aiokafka's, as in `fencing_producer`."""
        super().__init__(**settings)
        self.unanswered: UnansweredError | None = None
        self.disturbed = False
        self._reach = reach
        self._group = group
        self._patience_s = patience_s
        self._sender._do_init_pid = self._end_leftovers_and_init
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

    async def _end_leftovers_and_init(self, node: int) -> bool:
        """In the place of the sender's own, which is called until it is true."""
        await asyncio.sleep(self._patience_s)
        self.disturbed = False
        coordinator = Coordinator(self.client, node, self._txn_manager.transactional_id)
        await end_leftovers(coordinator, self._reach, self._group)
        if self.disturbed:  # the broker may have gone down and have forgotten these markers too
            return False
        return bool(await InitPIDHandler(self._sender).do(node))


def _passes(error: Exception) -> bool:
    """No broker answers, or not yet."""
    return isinstance(error, KafkaError) and (error.retriable or isinstance(error, ConcurrentTransactions))


@stamina.retry(on=_passes, attempts=None, timeout=None)
async def fencing_producer(
    bootstrap_servers: str,
    transactional_id: str,
    reach: Collection[TopicPartition],
    group: str | None = None,
    *,
    patience_s: float = 0.0,
) -> OnceProducer:
    """A started producer: every older one of the same id is fenced, and what it left open is ended, in the log as well
    as in Kafka's opinion.

    `reach`: all partitions where records of the id can be, at least one; `group`: whose offset it may hold;
    `patience_s`: how long to wait, when a broker has answered, before older ones are fenced. Waits as long as no broker
    answers. UnansweredError where it has to be tried anew, KafkaError where Kafka refuses.
    """
    producer = OnceProducer(
        reach,
        group,
        patience_s,
        bootstrap_servers=bootstrap_servers,
        transactional_id=transactional_id,
        transaction_timeout_ms=WORKING_MS,
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
