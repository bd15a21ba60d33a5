"""The lanes of one worker, driven by a Faust agent."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterable, Callable, Collection, Sequence
from itertools import islice
from typing import Any, Final

from aiokafka import ConsumerRecord, TopicPartition

from streams.crash import crash
from streams.lane import Lane, Process
from streams.source import Source
from streams.tenure import Tenure
from streams.together import Beat

AT_ONCE: Final = 8  # an opening costs some 5 ms of CPU


class Lanes:
    """Hands each chunk to its partition's lane, and closes the lanes before the group may give partitions away."""

    def __init__(
        self,
        app: Any,
        bootstrap_servers: str,
        process: Process,
        reach: Callable[[TopicPartition], Collection[TopicPartition]],
        allowed_latency: float,
    ) -> None:
        """`app` is the Faust app whose agent calls `run`; `reach` as in Tenure, `allowed_latency` as in Lane."""
        self._app = app
        self._bootstrap_servers = bootstrap_servers
        self._process = process
        self._reach = reach
        self._allowed_latency = allowed_latency
        self._source: Source | None = None
        self._lanes: dict[TopicPartition, Lane] = {}
        self._beats: defaultdict[str, Beat] = defaultdict(Beat)
        self._assigned: frozenset[TopicPartition] = frozenset()
        self._stopping = False
        app.on_partitions_assigned.connect(self._hold, weak=False)
        app.on_partitions_revoked.connect(self._revoked, weak=False)
        app.on_before_shutdown.connect(self._stop, weak=False)

    async def run(self, stream: AsyncIterable[Sequence[ConsumerRecord]]) -> None:
        """Take chunks until the worker stops."""
        try:
            async for records in stream:
                await self._put(records)
        except asyncio.CancelledError:
            raise
        except BaseException as error:  # noqa: BLE001 (Faust would log it, acknowledge the chunk and go on)
            crash(error)

    async def make_sure(self) -> None:
        """Open lanes to which no upload has come, and anew those of which a connection has broken: what the last holder
        committed is ended then, whatever Kafka forgot. A few at each call; to be called again and again."""
        begun = (partition for partition in self._assigned if self._of(partition).make_sure())
        for _ in islice(begun, AT_ONCE):
            pass

    async def _put(self, records: Sequence[ConsumerRecord]) -> None:
        place = records[0].topic, records[0].partition
        if self._stopping or place not in self._app.consumer.assignment():
            return  # revoked since it was fetched: it belongs to the next owner
        await self._of(TopicPartition(*place)).put(records)

    def _of(self, partition: TopicPartition) -> Lane:
        if partition not in self._lanes:
            self._lanes[partition] = self._lane(partition)
        return self._lanes[partition]

    def _lane(self, partition: TopicPartition) -> Lane:
        if self._source is None:
            self._source = Source(self._bootstrap_servers, self._app.conf.id)
        tenure = Tenure(
            partition,
            bootstrap_servers=self._bootstrap_servers,
            group=self._app.conf.id,
            source=self._source,
            reach=self._reach(partition),
        )
        return Lane(
            tenure,
            source=self._source,
            process=self._process,
            fail=crash,
            beat=self._beats[partition.topic],
            allowed_latency=self._allowed_latency,
        )

    async def _hold(self, _: Any, assigned: Collection[tuple[str, int]], **__: Any) -> None:
        self._assigned = frozenset(TopicPartition(*place) for place in assigned)

    async def _revoked(self, *_: Any, **__: Any) -> None:
        self._assigned = frozenset()
        closing, self._lanes = list(self._lanes.values()), {}
        await asyncio.gather(*(lane.close() for lane in closing))

    async def _stop(self, *_: Any, **__: Any) -> None:
        """An orderly end: running transactions finish first."""
        self._stopping = True
        await self._revoked()
        if self._source is not None:
            await self._source.close()
