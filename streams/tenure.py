"""Holding a partition (占有): the producer that fences every older holder, and the committed offset that it found."""

from __future__ import annotations

import time
from collections.abc import Collection
from typing import Final

import structlog
from aiokafka import TopicPartition

from streams import metrics
from streams.answers import BrokenOffError
from streams.fencing import fencing_producer
from streams.once_producer import OnceProducer
from streams.outputs import Outputs
from streams.source import Source

log = structlog.get_logger(__name__)

# Longer than a heartbeat (streams/normaliser.py): who has lost the partition in an outage hears of it first, when the
# broker answers again, and does not fence its new owner.
HEARTBEATS_S: Final = 3.0
# Kafka forgets an id that nobody has used for a week, and refuses what its holder then sends.
KNOWN_S: Final = 86_400.0


class Tenure:
    """One worker's hold on a partition, from `open` to `end`. `position`: the committed offset, which is nobody else's
    to move as long as this holder is not fenced."""

    def __init__(
        self,
        partition: TopicPartition,
        *,
        bootstrap_servers: str,
        group: str,
        source: Source,
        reach: Collection[TopicPartition],
    ) -> None:
        """`reach`: all partitions where outputs can be, at least one."""
        self.partition = partition
        self._bootstrap_servers = bootstrap_servers
        self._group = group
        self._source = source
        self._reach = reach
        self._producer: OnceProducer | None = None
        self._aimed_at = 0
        self._used_at = 0.0
        self.position = 0

    @property
    def sure(self) -> bool:
        """Whether all that it and older holders committed is ended, as far as can be known, and Kafka knows it."""
        used_lately = time.monotonic() - self._used_at < KNOWN_S
        return self._producer is not None and not self._producer.disturbed and used_lately

    async def make_sure(self, *, patiently: bool) -> None:
        """Open it, or open it anew, unless that is known.

        `patiently`: who has lost it without knowing hears of that before, and does not fence its new owner.
        """
        if self._producer is None:
            await self.open(HEARTBEATS_S if patiently else 0.0)
        elif not self.sure:
            await self.open_anew()

    async def open(self, patience_s: float = 0.0) -> None:
        """Fence the last holder and end what it left; Kafka may not end that holder's transaction for long.

        `patience_s`: how long to wait before, when a broker has answered.
        """
        await self.end()
        name = f"sitehub.{self._group}.{self.partition.topic}.{self.partition.partition}"
        self._producer = await fencing_producer(
            self._bootstrap_servers, name, self._reach, self._group, patience_s=patience_s
        )
        self._used_at = time.monotonic()
        self.position = await self._source.committed(self.partition)

    async def open_anew(self) -> None:
        """After a commit that broke off or may be forgotten: `position` then tells whether it stands."""
        began = self.position
        await self.open(HEARTBEATS_S)
        if self.position not in (began, self._aimed_at):
            raise RuntimeError(f"{self.partition} was committed to {self.position} by another")

    async def commit(self, outputs: Outputs, position: int) -> bool:
        """Commit outputs and the offset behind their uploads, unless they stand already. False where that broke off:
        `open_anew` finds out whether they do."""
        assert self._producer is not None, "open first"
        self._aimed_at = position
        try:
            if self.position < position:
                await self._producer.commit(outputs, {self.partition: position})
                self.position = position
                self._used_at = time.monotonic()
        except BrokenOffError as error:
            metrics.note_broken_off()
            log.warning("a transaction broke off: opening anew", partition=self.partition, error=str(error))
        return self.position == position

    async def end(self) -> None:
        """Release the producer."""
        if self._producer is not None:
            await self._producer.stop()
