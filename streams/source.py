"""What the raw log itself says (上传日志), asked beside Faust: committed offsets, log starts, stretches of records."""

from __future__ import annotations

import asyncio
from typing import Final

import stamina
import structlog
from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import (
    GroupCoordinatorNotAvailableError,
    KafkaConnectionError,
    NodeNotReadyError,
    NotCoordinatorForGroupError,
    RequestTimedOutError,
)

from streams.record_batches import WholeBatch

log = structlog.get_logger(__name__)

PATIENCE_S: Final = 60
COORDINATOR_MOVES: Final = (
    GroupCoordinatorNotAvailableError,
    KafkaConnectionError,
    NodeNotReadyError,
    NotCoordinatorForGroupError,
    RequestTimedOutError,
)


class Source:
    """One admin client and one plain consumer of a worker, connected when first needed."""

    def __init__(self, bootstrap_servers: str, group: str) -> None:
        """`group` is the consumer group whose committed offsets count."""
        self._bootstrap_servers = bootstrap_servers
        self._group = group
        self._connecting = asyncio.Lock()
        self._reading = asyncio.Lock()
        self._clients: tuple[AIOKafkaAdminClient, AIOKafkaConsumer] | None = None

    async def committed(self, partition: TopicPartition) -> int:
        """Offset of the first record that no transaction has completed; the log's start before the first one.

        Waits for a minute at most while the group's coordinator comes up again.
        """
        admin, consumer = await self._connected()
        offset = await _committed(admin, self._group, partition)
        return offset if offset >= 0 else await _start(consumer, partition)

    async def stretch(self, partition: TopicPartition, begin: int, end: int) -> list[WholeBatch]:
        """All batches of committed records from `begin` to before `end`; none where the log has a true gap there.

        Both are where a batch begins or ends, or `begin` lies within the first one.

        Transaction markers and compaction leave true gaps. TimeoutError when the broker does not answer for a minute.
        """
        _, consumer = await self._connected()
        start = await _start(consumer, partition)
        if start > begin:
            # Nothing can bring these back, and stopping for ever would lose the next ones too.
            log.critical("uploads expired before they were normalised", partition=partition, lost=(begin, start))
            begin = start
        async with self._reading, asyncio.timeout(PATIENCE_S):
            consumer.assign([partition])
            consumer.seek(partition, begin)
            found: list[ConsumerRecord] = []
            while await consumer.position(partition) < end:
                fetched = await consumer.getmany(partition, timeout_ms=200)
                found += fetched.get(partition, [])
        return [record.value for record in found if record.offset < end]

    async def close(self) -> None:
        """Disconnect."""
        if self._clients is not None:
            admin, consumer = self._clients
            await admin.close()
            await consumer.stop()

    async def _connected(self) -> tuple[AIOKafkaAdminClient, AIOKafkaConsumer]:
        async with self._connecting:
            if self._clients is None:
                consumer = AIOKafkaConsumer(
                    bootstrap_servers=self._bootstrap_servers,
                    group_id=None,
                    enable_auto_commit=False,
                    isolation_level="read_committed",
                    auto_offset_reset="none",
                )
                admin = AIOKafkaAdminClient(bootstrap_servers=self._bootstrap_servers)
                await consumer.start()
                await admin.start()
                self._clients = admin, consumer
            return self._clients


@stamina.retry(on=COORDINATOR_MOVES, attempts=None, timeout=PATIENCE_S)
async def _committed(admin: AIOKafkaAdminClient, group: str, partition: TopicPartition) -> int:
    """The group's committed offset; -1 where it has none."""
    offsets = await admin.list_consumer_group_offsets(group, partitions=[partition])
    if partition not in offsets:  # aiokafka 0.14 passes over what the answer says of the whole group
        raise GroupCoordinatorNotAvailableError(f"the coordinator of {group} does not answer yet")
    return int(offsets[partition].offset)


async def _start(consumer: AIOKafkaConsumer, partition: TopicPartition) -> int:
    return int((await consumer.beginning_offsets([partition]))[partition])
