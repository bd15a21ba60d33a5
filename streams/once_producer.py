"""A producer of whole transactions (事务生产者), which repeats nothing that may still be under way.

A request that a broken connection left without an answer may reach the broker long after. Kafka refuses it by the
epoch: every transaction has one of its own, and so has every new holder of the id (KIP-890; decisions 0033, 0046). So
whatever goes wrong, nothing is mended here: the transaction has broken off, and a new producer of the same id fences
what is under way, ends what is left, and finds by the committed offset whether it stands. Only what the broker has
answered and not done is asked again.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Callable, Collection, Coroutine, Mapping
from itertools import islice, zip_longest
from typing import Any, Final

from aiokafka import TopicPartition
from aiokafka.client import AIOKafkaClient, ConnectionGroup, CoordinationType
from aiokafka.conn import CloseReason
from aiokafka.errors import KafkaConnectionError, KafkaError, LeaderNotAvailableError
from aiokafka.protocol.api import Request

from streams.answers import BrokenOffError, is_done
from streams.batching import batched
from streams.coordinator import Coordinator
from streams.leftovers import WORKING_MS, end_leftovers
from streams.outputs import Outputs
from streams.pauses import pauses
from streams.protocol import EndTxnRequest, Holder, ProduceRequest, TxnOffsetCommitRequest

BROKEN: Final = (CloseReason.CONNECTION_BROKEN, CloseReason.CONNECTION_TIMEOUT, CloseReason.OUT_OF_SYNC)

# Two seconds in all at most, far below the time after which Kafka aborts a transaction.
ASK_AGAIN_S: Final = 0.002
ATTEMPTS: Final = 11
DISCONNECTING_S: Final = 1.0


class OnceProducer:
    """Commits outputs and offsets together. After BrokenOffError it is of no use any more.

    `disturbed`: whether a connection has broken since it started.
    """

    def __init__(
        self, bootstrap_servers: str, transactional_id: str, reach: Collection[TopicPartition], group: str | None
    ) -> None:
        """`reach`: all partitions where records of the id can be, at least one; `group`: whose offset it may hold."""
        # After so long Kafka has aborted the transaction: there is no answer to wait for.
        self.client = AIOKafkaClient(bootstrap_servers=bootstrap_servers, request_timeout_ms=WORKING_MS)
        self.disturbed = False
        self._id = transactional_id
        self._reach = reach
        self._group = group
        # aiokafka's own hook, checked with 0.14.0: tests/streams/test_leftovers.py breaks connections.
        closed = self.client._on_connection_closed

        def noticed(connection: object, reason: CloseReason) -> None:
            self.disturbed = self.disturbed or reason in BROKEN
            closed(connection, reason)

        self.client._on_connection_closed = noticed

    async def start(self, patience_s: float) -> None:
        """Fence older holders, and end what the last one left. KafkaError where Kafka refuses or does not answer."""
        await self.client.bootstrap()
        await self.client.set_topics({topic for topic, _ in self._reach})
        if not self.client.cluster.brokers():
            raise KafkaConnectionError("a broker answers, but names none that is up")
        self._node = await self.client.coordinator_lookup(CoordinationType.TRANSACTION, self._id)
        await asyncio.sleep(patience_s)
        self.disturbed = False
        coordinator = Coordinator(self.client, self._node, self._id)
        await coordinator.need_epochs()
        await end_leftovers(coordinator, self._reach, self._group)
        if self.disturbed:
            raise KafkaConnectionError("the broker may have gone down and have forgotten these markers too")
        self._holder = await coordinator.hold(WORKING_MS)
        if self._group is not None:
            self._offsets_node = await self.client.coordinator_lookup(CoordinationType.GROUP, self._group)

    async def stop(self) -> None:
        """Disconnect. What a dead network has not taken is not waited for (TCP would, a quarter of an hour): the next
        holder fences it."""
        closing = asyncio.create_task(self.client.close())
        await asyncio.wait([closing], timeout=DISCONNECTING_S)
        if closing.done():
            closing.result()

    async def commit(self, outputs: Outputs, offsets: Mapping[TopicPartition, int]) -> None:
        """Send all outputs and the group's next offsets in one transaction.

        BrokenOffError where it may stand or not; ProducerFenced where another holds the id. Any other KafkaError where
        Kafka refuses for good; only the offset that the next holder finds tells whether it stands.
        """
        if self.disturbed:
            raise BrokenOffError("a connection has broken since the last transaction")
        try:
            parts = [self._produce(leader, batches) for leader, batches in self._by_leader(outputs).items()]
            # One after the other: Kafka takes up the partitions of a transaction one request at a time, and of two at
            # once lets one wait for 20 ms.
            await _all(*parts)
            await self._commit_offsets(offsets)
            await self._end()
        except KafkaError as error:
            if not error.retriable:
                raise
            raise BrokenOffError(repr(error)) from error

    def _by_leader(self, outputs: Outputs) -> dict[int, dict[TopicPartition, list[bytes]]]:
        """Each partition's record batches, by the broker that leads it."""
        leaders: defaultdict[int, dict[TopicPartition, list[bytes]]] = defaultdict(dict)
        for (topic, number), records in outputs.items():
            place = TopicPartition(topic, number)
            leader = self.client.cluster.leader_for_partition(place)
            if leader in (None, -1):
                raise LeaderNotAvailableError(f"{place} has no leader")
            leaders[leader][place] = batched(records, self._holder)
        return leaders

    async def _produce(self, leader: int, batches: Mapping[TopicPartition, list[bytes]]) -> None:
        for one_each in zip_longest(*batches.values()):  # Kafka takes one batch of a partition at a time
            left = {place: batch for place, batch in zip(batches, one_each, strict=True) if batch is not None}
            await self._until_done(leader, ConnectionGroup.DEFAULT, left, lambda left: ProduceRequest(self._id, left))

    async def _commit_offsets(self, offsets: Mapping[TopicPartition, int]) -> None:
        def request(left: Mapping[TopicPartition, int]) -> TxnOffsetCommitRequest:
            assert self._group is not None, "this producer has no group"
            return TxnOffsetCommitRequest(self._id, self._group, self._holder, left)

        if offsets:
            await self._until_done(self._offsets_node, ConnectionGroup.COORDINATION, dict(offsets), request)

    async def _until_done(
        self,
        node: int,
        group: ConnectionGroup,
        left: dict[TopicPartition, Any],
        request: Callable[[dict[TopicPartition, Any]], Request[Any]],
    ) -> None:
        """Ask for what is left of some partitions, until that is nothing."""
        for pause_s in islice(pauses(ASK_AGAIN_S), ATTEMPTS):
            answer = await self.client.send(node, request(left), group=group)
            for topic, partitions, _ in answer.topics:
                for number, code, *_ in partitions:
                    if is_done(code, self._id):
                        del left[TopicPartition(topic, number)]
            if not left:
                return
            await asyncio.sleep(pause_s)
        raise BrokenOffError(f"Kafka does not get on with a transaction of {self._id}")

    async def _end(self) -> None:
        for pause_s in islice(pauses(ASK_AGAIN_S), ATTEMPTS):
            request = EndTxnRequest(self._id, self._holder, stands=True)
            answer = await self.client.send(self._node, request, group=ConnectionGroup.COORDINATION)
            if is_done(answer.error_code, self._id):
                self._holder = Holder(answer.producer, answer.epoch)
                return
            await asyncio.sleep(pause_s)
        raise BrokenOffError(f"Kafka does not get on with the end of a transaction of {self._id}")


async def _all(*parts: Coroutine[Any, Any, None]) -> None:
    """Each part done. Where one fails nobody waits for the others."""
    tasks = [asyncio.create_task(part) for part in parts]
    try:
        await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
