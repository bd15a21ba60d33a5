"""What is asked of the coordinator of a transactional id (事务协调者), each once: nothing here tries again."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

from aiokafka import TopicPartition
from aiokafka.client import AIOKafkaClient, ConnectionGroup
from aiokafka.cluster import ClusterMetadata
from aiokafka.errors import LeaderNotAvailableError, UnsupportedVersionError, for_code
from aiokafka.protocol.api import Request
from aiokafka.protocol.transaction import (
    AddOffsetsToTxnRequest,
    AddPartitionsToTxnRequest,
    EndTxnRequest,
    InitProducerIdRequest,
)

from streams.protocol import DescribeTransactionsRequest, FeaturesRequest, Holder

TRANSACTION_VERSION: Final = "transaction.version"
EPOCHS_SINCE: Final = 2  # KIP-890
NOT_FOUND: Final = 105
NOT_ATTEMPTED: Final = 55  # another partition says why


class Last(NamedTuple):
    """What has become of an id's last transaction: Ongoing, PrepareCommit, CompleteCommit and so on; Empty where its
    holder has made none. And who holds the id, after what time the coordinator aborts his transactions."""

    state: str
    timeout_ms: int
    holder: Holder


NEVER_USED: Final = Last("Empty", 0, Holder(-1, -1))


@dataclass(frozen=True)
class Coordinator:
    """The broker that coordinates an id's transactions. All raise KafkaError where it refuses or does not answer."""

    client: AIOKafkaClient
    node: int
    transactional_id: str

    async def last(self) -> Last:
        """The last transaction of the id."""
        answer = await self._ask(DescribeTransactionsRequest(self.transactional_id))
        ((code, _, state, timeout_ms, _, producer, epoch, *_),) = answer.states
        if code == NOT_FOUND:
            return NEVER_USED
        self._check("describe the last transaction of", code)
        return Last(state, timeout_ms, Holder(producer, epoch))

    async def hold(self, timeout_ms: int) -> Holder:
        """Hold the id, and fence every older holder. ConcurrentTransactions while his transaction is being ended."""
        answer = await self._ask(InitProducerIdRequest(self.transactional_id, timeout_ms))
        self._check("hold", answer.error_code)
        return Holder(answer.producer_id, answer.producer_epoch)

    async def add(self, holder: Holder, places: Collection[TopicPartition]) -> None:
        """Make partitions a part of the holder's transaction, which begins with that."""
        topics: defaultdict[str, list[int]] = defaultdict(list)
        for topic, partition in places:
            topics[topic].append(partition)
        answer = await self._ask(AddPartitionsToTxnRequest(self.transactional_id, *holder, list(topics.items())))
        for topic, partitions in answer.errors:
            for partition, code in partitions:
                if code != NOT_ATTEMPTED:
                    self._check(f"add partition {partition} of {topic} to a transaction of", code)

    async def add_offsets(self, holder: Holder, group: str) -> None:
        """Make a group's offsets a part of the holder's transaction, which may begin with that."""
        answer = await self._ask(AddOffsetsToTxnRequest(self.transactional_id, *holder, group))
        self._check(f"add the offsets of {group} to a transaction of", answer.error_code)

    async def end(self, holder: Holder, *, stands: bool) -> None:
        """Commit the holder's transaction, or abort it."""
        answer = await self._ask(EndTxnRequest(self.transactional_id, *holder, stands))
        self._check("end a transaction of", answer.error_code)

    async def need_epochs(self) -> None:
        """UnsupportedVersionError unless the cluster gives every transaction an epoch of its own."""
        answer = await self._ask(FeaturesRequest())
        level = answer.levels.get(TRANSACTION_VERSION, 0)
        if level < EPOCHS_SINCE:
            raise UnsupportedVersionError(
                f"Kafka's feature {TRANSACTION_VERSION} is at level {level}, and must be at {EPOCHS_SINCE}. "
                f"Run `kafka-features.sh upgrade --feature {TRANSACTION_VERSION}={EPOCHS_SINCE}` (Kafka 4.0 or later)"
            )

    async def need_leaders(self, places: Collection[TopicPartition]) -> None:
        """LeaderNotAvailableError unless every partition has a leader now: markers for one that has none are lost."""
        now = ClusterMetadata()
        # The client's own way to ask, checked with aiokafka 0.14.0: tests/streams/test_leftovers.py comes through here.
        await self.client._metadata_update(now, {topic for topic, _ in places})
        if any(now.leader_for_partition(place) in (None, -1) for place in places):
            raise LeaderNotAvailableError(f"not all partitions that {self.transactional_id} can reach have a leader")

    async def _ask(self, request: Request[Any]) -> Any:
        return await self.client.send(self.node, request, group=ConnectionGroup.COORDINATION)

    def _check(self, what: str, code: int) -> None:
        if code:
            raise for_code(code)(f"Kafka refuses to {what} {self.transactional_id}")
