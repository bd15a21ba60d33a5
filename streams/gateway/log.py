"""Where frames go (入库): Kafka, and how long they wait there for its acknowledgement."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator
from typing import Final

import structlog
from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError
from prometheus_client import Metric
from prometheus_client.core import GaugeMetricFamily

from streams.described import described
from streams.gateway import counts
from streams.health import Watch
from streams.records import Headers

log = structlog.get_logger(__name__)

LINGER_MS: Final = 2
BATCH_BYTES: Final = 1 << 19
OVERDUE_S: Final = 30.0


class Log(Watch):
    """Appends frames, each acknowledged by all in-sync copies. While Kafka is away frames wait, and so do those who
    wait for them."""

    def __init__(self, bootstrap_servers: str, most: int, fail: Callable[[BaseException], None]) -> None:
        """`most`: frames that may wait at once. `fail` is called with what no waiting cures, and ends the process."""
        self._servers = bootstrap_servers
        self._fail = fail
        self._room = asyncio.Semaphore(most)
        self._waiting: dict[int, float] = {}
        self._count = 0

    async def start(self) -> None:
        """Connect. Idempotent: a retry inside of Kafka's protocol appends nothing twice."""
        self._producer = AIOKafkaProducer(
            bootstrap_servers=self._servers,
            enable_idempotence=True,
            acks="all",
            compression_type="zstd",
            linger_ms=LINGER_MS,
            max_batch_size=BATCH_BYTES,
        )
        await self._producer.start()

    async def stop(self) -> None:
        """Send what waits, and disconnect."""
        await self._producer.stop()

    async def begin(
        self, topic: str, key: bytes | None, frame: bytes, headers: Headers | None = None
    ) -> asyncio.Future[bool]:
        """Hand one frame over; order of calls is order in its partition. Waits while too many wait.

        The future tells whether the broker has it; False: Kafka has not taken it in time, nobody knows whether it will.
        """
        await self._room.acquire()
        self._count += 1
        number, began = self._count, time.monotonic()
        self._waiting[number] = began
        kept: asyncio.Future[bool] = asyncio.get_running_loop().create_future()

        def settle(error: BaseException | None) -> None:
            del self._waiting[number]
            self._room.release()
            counts.append_duration.labels(topic).observe(time.monotonic() - began)
            if isinstance(error, KafkaError) and error.retriable:
                log.warning("Kafka has not taken a frame; it is not answered", topic=topic, error=described(error))
            elif error is not None:
                self._fail(error)
            kept.set_result(error is None)

        try:
            appended = await self._producer.send(topic, frame, key, headers=headers or [])
        except KafkaError as error:
            settle(error)
        else:
            appended.add_done_callback(lambda done: settle(done.exception()))
        return kept

    def faults(self, now: float) -> list[str]:  # noqa: ARG002 (as every watch: s since 1970)
        """Why the gateway is not healthy, a sentence each; empty when it is."""
        oldest = self._oldest()
        if oldest < OVERDUE_S:
            return []
        return [f"{len(self._waiting)} frames wait for Kafka's acknowledgement, the first for {oldest:.0f} s."]

    def collect(self) -> Iterator[Metric]:
        """Gauges, as they are at the moment of the scrape."""
        yield GaugeMetricFamily(
            "sitehub_gateway_in_flight", "Frames that Kafka has not acknowledged", len(self._waiting)
        )
        healthy = float(not self.faults(time.time()))
        yield GaugeMetricFamily("sitehub_healthy", "1: so says /health; 0: it says why not", healthy)

    def _oldest(self) -> float:
        """How long the first frame has waited; s. Dictionaries keep the order in which frames came."""
        first = next(iter(list(self._waiting.values())), None)
        return 0.0 if first is None else time.monotonic() - first
