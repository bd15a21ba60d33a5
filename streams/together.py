"""Lanes of one topic go together (同行): they begin at the same moment, and what they bring is normalised in one go.

Of a small batch nearly all the work is the same as for one upload, so a worker with many partitions would do it once
for each. Only this work is shared: every partition has its own transaction (docs/decisions/0047).
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping
from typing import Final

from pipelines.wire import RawBatch, WriterId, WriterSchema, joined
from streams.outputs import Outputs

Writers = Mapping[WriterId, WriterSchema | None]
# More uploads or larger ones cost as much in two batches, and one lane's commit goes on while another's are normalised.
MOST: Final = 5000
MOST_BYTES: Final = 2 << 20
# As much as a lane may bring at once. What more lanes took out of their record batches would only take memory.
ROOM_BYTES: Final = 16 << 20


class Beat:
    """When the lanes of a topic begin: whose time has come takes all others along that have something."""

    def __init__(self) -> None:
        self._next = asyncio.Event()

    async def wait(self, until: float) -> None:
        """Wait until then (`time.monotonic`), or until another has waited for as long as it wanted."""
        beat = self._next
        try:
            async with asyncio.timeout(until - time.monotonic()):
                await beat.wait()
        except TimeoutError:
            if beat is self._next:
                self._next = asyncio.Event()
            beat.set()


class Together:
    """Makes outputs of what lanes bring at the same moment, topic by topic."""

    def __init__(self, make: Callable[[RawBatch, Writers], dict[int, Outputs]]) -> None:
        """`make`: outputs of uploads of one topic, by raw partition."""
        self._make = make
        self._gathering: dict[str, _Party] = {}
        self._waiting = 0
        self._some_made = asyncio.Event()
        # Taking turns lets commits go on between two batches: of hundreds of partitions with a backlog all batches
        # would else be normalised in one go, for longer than a transaction may last.
        self._turn = asyncio.Lock()

    async def room(self) -> None:
        """Wait until less than ROOM_BYTES of uploads wait to be normalised."""
        while self._waiting >= ROOM_BYTES:
            await self._some_made.wait()

    async def __call__(self, batch: RawBatch, writers: Writers) -> Outputs:
        """Outputs of uploads of one partition, at least one."""
        partition, size = batch.partitions[0], sum(map(len, filter(None, batch.values)))
        party = self._gathering.get(batch.topic)
        if party is None or not party.has_room(partition, len(batch), size):
            party = self._gathering[batch.topic] = _Party()
            party.made = asyncio.create_task(self._together(batch.topic, party))
        party.add(partition, batch, size, writers)
        self._waiting += size
        return (await asyncio.shield(party.made))[partition]  # who gives up must not take the others along

    async def _together(self, topic: str, party: _Party) -> dict[int, Outputs]:
        async with self._turn:
            await asyncio.sleep(0)  # whoever begins at this moment comes in
            if self._gathering.get(topic) is party:
                del self._gathering[topic]
            try:
                return self._make(joined([*party.batches.values()]), party.writers)
            finally:
                self._waiting -= party.size
                self._some_made.set()
                self._some_made = asyncio.Event()


class _Party:
    """Batches that are to be normalised together, one a partition."""

    made: asyncio.Task[dict[int, Outputs]]

    def __init__(self) -> None:
        self.batches: dict[int, RawBatch] = {}
        self.writers: dict[WriterId, WriterSchema | None] = {}
        self.size = 0
        self._count = 0

    def has_room(self, partition: int, count: int, size: int) -> bool:
        """Whether a batch of so many uploads and bytes may join. Not where a former owner of its partition has left
        one behind."""
        room = self._count + count <= MOST and self.size + size <= MOST_BYTES
        return room and partition not in self.batches

    def add(self, partition: int, batch: RawBatch, size: int, writers: Writers) -> None:
        """Take a batch of so many bytes in."""
        self.batches[partition] = batch
        self.writers |= writers
        self._count += len(batch)
        self.size += size
