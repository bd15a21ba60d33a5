"""Paced uploads (定速发送), and when what becomes of them is visible, by one clock."""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, cycle
from typing import Final

import numpy as np
import psutil
from confluent_kafka import Consumer, Message, Producer, TopicPartition
from numpy.typing import NDArray

from benchmarks.job import KIND
from benchmarks.measure import cpu_seconds
from benchmarks.stack import Stack
from benchmarks.workload import COMPRESSION, MAIN, Upload, send, uploads
from pipelines.codec import decode
from pipelines.names import raw_topic
from streams.reading import reader

START_S: Final = 240.0
PROBE_RATE: Final = 100
PATIENCE_S: Final = 40.0  # for a backlog to go
PACE: Final = 0.98  # of the uploads due must have been sent
BACKLOG_S: Final = 0.5  # of uploads under way: more is a backlog
DIFFERENT: Final = 20_000

Stream = Iterator[tuple[str, Upload]]
Seen = list[tuple[float, list[Message]]]  # with the moment of receipt, s since 1970
SentAt = Callable[[list[Message]], NDArray[np.float64]]  # epoch ms


@dataclass(frozen=True)
class Latency:
    """Milliseconds from sending to visible; shares of a core that contestant, broker, and sender with reader used.

    sustained: the pace was kept, and no more than BACKLOG_S of uploads were under way at the end. The harness' share is
    of the broker's core.
    """

    readings: int
    p50_ms: float
    p99_ms: float
    p999_ms: float
    most_ms: float
    core_share: float
    broker_share: float
    harness_share: float
    sustained: bool


class Traffic:
    """A sender at a pace, and a reader of committed records, in one thread."""

    def __init__(self, stack: Stack, stream: Stream, topics: list[str], sent_at: SentAt) -> None:
        """`topics` are read, from now on; `sent_at` tells when what was read had been sent."""
        self._broker = stack.broker
        # Batches wait 10 ms: librdkafka sends a request a partition. At 5 ms, the default of Kafka 4, requests of one
        # record took all the core that broker and sender share. Not idempotent: its thread then spins once five are
        # under way, took 0.7 of that core, and the broker's hunger was timed.
        settings = {"bootstrap.servers": stack.bootstrap_servers, "linger.ms": 10}
        self._producer = Producer({**settings, "compression.type": COMPRESSION, "partitioner": "murmur2_random"})
        self._consumer: Consumer = reader(stack.bootstrap_servers, **{"auto.offset.reset": "latest"})
        self._consumer.assign([TopicPartition(name, at, -1) for name in topics for at in range(stack.partitions)])
        self._stream, self._sent_at = stream, sent_at
        self._under_way = self._sent = 0
        while self._received(1.0):  # until it stands at the end
            pass
        self._under_way = 0

    def until_answered(self, require: Callable[[], None]) -> None:
        """Send a little until something comes back, then wait for the rest: every partition is taken care of then."""
        began = time.monotonic()
        while not self._paced(PROBE_RATE, 1.0) and self._patient(began):
            require()
        while self._under_way > 0 and self._patient(began):
            self._received(0.1)

    def warm_up(self, rate: int, seconds: float) -> None:
        """The load itself, until there is no backlog."""
        began = time.monotonic()
        self._paced(rate, seconds)
        while self._under_way > rate * BACKLOG_S and time.monotonic() < began + seconds + PATIENCE_S:
            self._paced(rate, 1.0)

    def timed(self, rate: int, seconds: float, processes: Sequence[psutil.Process]) -> Latency:
        """Latency at so many uploads a second. RuntimeError where uploads sent do not come out."""
        busy = self._cpu_seconds(processes)
        before, first = self._sent, time.time() * 1000
        seen = self._paced(rate, seconds)
        last = time.time() * 1000
        used = (self._cpu_seconds(processes) - busy) / seconds
        core, broker, harness = (round(float(share), 3) for share in used)
        sustained = self._under_way <= rate * BACKLOG_S and self._sent - before >= PACE * rate * seconds
        heard = time.monotonic()
        while self._under_way > 0 and time.monotonic() < heard + PATIENCE_S:
            seen += self._received(0.05)
        visible = np.repeat([at * 1000 for at, _ in seen], [len(messages) for _, messages in seen])
        sent = self._sent_at([message for _, messages in seen for message in messages])
        took = (visible - sent)[(sent >= first) & (sent < last)]
        if self._under_way > 0:
            raise RuntimeError(f"at {rate}/s {self._under_way} uploads did not come out")
        p50, p99, p999, most = (round(float(each), 1) for each in np.percentile(took, (50, 99, 99.9, 100)))
        return Latency(len(took), p50, p99, p999, most, core, broker, harness, sustained)

    def _cpu_seconds(self, processes: Sequence[psutil.Process]) -> NDArray[np.float64]:
        """What contestant, broker and this process have used so far."""
        return np.array([sum(map(cpu_seconds, processes)), cpu_seconds(self._broker), time.process_time()])

    def _paced(self, rate: int, seconds: float) -> Seen:
        """Send at a pace, and what was received meanwhile, with the moment of receipt."""
        seen: Seen = []
        began, due = time.time(), 0
        while (passed := time.time() - began) < seconds:
            for topic, upload in (next(self._stream) for _ in range(due, int(passed * rate))):
                send(self._producer, topic, upload._replace(timestamp=int(time.time() * 1000)), [])
                due += 1
                self._under_way += 1
                self._sent += 1
            seen += self._received(0.001)
        return seen

    def _received(self, timeout_s: float) -> Seen:
        messages = self._consumer.consume(5_000, timeout_s)
        self._under_way -= len(messages)
        return [(time.time(), messages)] if messages else []

    def _patient(self, began: float) -> bool:
        if time.monotonic() > began + START_S:
            raise RuntimeError(f"{self._under_way} uploads were not answered in {START_S:.0f} s")
        return True


def by_timestamp(messages: list[Message]) -> NDArray[np.float64]:
    """When raw uploads were sent, epoch ms: their own timestamps say it."""
    return np.array([message.timestamp()[1] for message in messages], dtype=np.float64)


def by_value(stack: Stack) -> SentAt:
    """When the uploads behind canonical records were sent, epoch ms: `received_at` is the upload's own timestamp."""
    kind = stack.catalog.canonical[KIND]

    def sent_at(messages: list[Message]) -> NDArray[np.float64]:
        values = [message.value() or b"" for message in messages]
        return decode(values, kind)["received_at"].dt.epoch("ms").to_numpy().astype(np.float64)

    return sent_at


def endless(stack: Stack, provinces: Sequence[str]) -> Stream:
    """Uploads of one province after the other, for ever."""
    ids = {**stack.ids, **{f"{subject}:newer": -1 for subject in stack.ids}}  # newer schemas are not in the workload
    topics = [raw_topic(province, KIND) for province in provinces]
    each = [list(uploads(MAIN, province, DIFFERENT, stack.catalog, ids)) for province in provinces]
    rows = (zip(topics, row, strict=True) for row in zip(*each, strict=True))
    return cycle(chain.from_iterable(rows))
