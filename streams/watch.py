"""What waits in the log (待处理): judged from outside, by asking the broker, whatever the reader thinks of itself.

Every LOOK_S a thread of its own asks how far the reader has come (committed offsets, landed offsets), where the log
ends, and, where something that the former look saw is still not done, which record is the first. How long that has
waited is

- the age of its timestamp, where that is a clock of the hub's own: the broker's on raw topics (LogAppendTime), the
  normaliser's on what it writes. So a worker that has just been started again knows at once what is overdue;
- otherwise, where the sender states the time and simulated days lie in the past, the time since a mark. A mark notes
  where the log ended at a look, and stands until the reader has come that far: what lies before it was there then.
  An upload is never judged older than it can have been seen, and a reader that gets on is never judged to stand still.

A reader is healthy when nothing has waited for OVERDUE_S, and the broker could be asked within SILENT_S.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Final, cast

import structlog
from confluent_kafka import TIMESTAMP_LOG_APPEND_TIME, KafkaError, KafkaException, Message, TopicPartition
from prometheus_client import Metric
from prometheus_client.core import GaugeMetricFamily

from streams.described import described
from streams.health import Watch
from streams.reading import Place, reader, spans

log = structlog.get_logger(__name__)

LOOK_S: Final = 5.0
OVERDUE_S: Final = 120.0
SILENT_S: Final = 30.0
PATIENCE_S: Final = 20.0
PLACE: Final = ("messaging_destination_name", "messaging_destination_partition_id")

# Every partition of the reader's topics → offset of the first record that it has not finished; negative: none yet.
# One of TROUBLES when that cannot be found out.
Positions = Callable[[], Mapping[Place, int]]


class PositionsUnknownError(Exception):
    """What keeps the positions does not answer."""


TROUBLES: Final = (KafkaException, OSError, PositionsUnknownError)


@dataclass(frozen=True)
class Waiting:
    """The first record that is not done, and since when it waits (s since 1970)."""

    offset: int
    since: float


@dataclass(frozen=True)
class Mark:
    """Where the log ended at a moment (s since 1970)."""

    end: int
    at: float


@dataclass(frozen=True)
class Stand:
    """A partition at a look: the reader has committed `committed`, nothing is left to do before `done`, which lies
    behind it where only marks of transactions follow; committed records end at `end`."""

    committed: int
    done: int
    end: int
    mark: Mark
    waiting: Waiting | None = None


def stand(before: Stand | None, committed: int, end: int, now: float) -> tuple[Stand, bool]:
    """How a partition stands, and whether the log must be asked for the first record that is not done."""
    if before is None:
        return Stand(committed, committed, end, Mark(end, now)), committed < end
    done = before.done if committed == before.committed else committed
    if done >= before.mark.end:
        return Stand(committed, done, end, Mark(end, now)), False
    if before.waiting is not None and done == before.done:
        return Stand(committed, done, end, before.mark, before.waiting), False
    return Stand(committed, done, end, before.mark), True


def settled(asked: Stand, first: tuple[int, float | None] | None) -> Stand:
    """The stand once the log has told the first record (offset; s since 1970 where the hub's clock stamped it)."""
    if first is None:
        return replace(asked, done=asked.end, mark=Mark(asked.end, asked.mark.at))
    offset, received = first
    return replace(asked, waiting=Waiting(offset, asked.mark.at if received is None else received))


class LogWatch(Watch):
    """Looks at the log for one reader; a context manager that looks as long as its block runs."""

    def __init__(self, bootstrap_servers: str, positions: Positions) -> None:
        self._bootstrap_servers = bootstrap_servers
        self._positions = positions
        self._stands: dict[Place, Stand] = {}
        self._looked: float | None = None
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._look_on, name="watch the log", daemon=True)

    def __enter__(self) -> LogWatch:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopping.set()
        self._thread.join(LOOK_S)

    def faults(self, now: float) -> list[str]:
        """Why the reader is not healthy at `now` (s since 1970), a sentence each; empty when it is."""
        if self._looked is None:
            return ["It is not known yet how far this reader has come."]
        if now - self._looked > SILENT_S:
            return [f"It is not known since {_clock(self._looked)} how far this reader has come."]
        return [
            f"{topic}/{partition} stands at offset {one.waiting.offset}, which has waited since "
            f"{_clock(one.waiting.since)}, {now - one.waiting.since:.0f} s."
            for (topic, partition), one in sorted(self._stands.items())
            if one.waiting is not None and now - one.waiting.since > OVERDUE_S
        ]

    def look(self, now: float) -> None:
        """Ask once, at `now` (s since 1970). One of TROUBLES when log or lake do not answer."""
        done = self._positions()
        counts: dict[str, int] = {}
        for topic, partition in done:
            counts[topic] = max(counts.get(topic, 0), partition + 1)
        stands, asked = {}, []
        for place, (begin, end) in spans(self._bootstrap_servers, counts).items():
            stands[place], must_ask = stand(self._stands.get(place), max(done[place], begin), end, now)
            if must_ask:
                asked.append(place)
        first = self._first_records({place: stands[place] for place in asked})
        self._stands = stands | {place: settled(stands[place], first.get(place)) for place in asked}
        self._looked = now

    def collect(self) -> Iterator[Metric]:
        """Gauges, as they are at the moment of the scrape."""
        now = time.time()
        lag = GaugeMetricFamily(
            "sitehub_lag_offsets", "Offsets that are not done, marks of transactions among them", labels=PLACE
        )
        age = GaugeMetricFamily(
            "sitehub_oldest_unprocessed_age_seconds", "How long the first record not done has waited", labels=PLACE
        )
        for (topic, partition), one in sorted(self._stands.items()):
            lag.add_metric((topic, str(partition)), max(one.end - one.done, 0))
            age.add_metric((topic, str(partition)), max(now - one.waiting.since, 0.0) if one.waiting else 0.0)
        healthy = float(not self.faults(now))
        yield from (lag, age, GaugeMetricFamily("sitehub_healthy", "1: so says /health; 0: it says why not", healthy))

    def _look_on(self) -> None:
        while True:
            try:
                self.look(time.time())
            except TROUBLES as error:
                log.warning("the log cannot be looked at; trying again", error=described(error))
            if self._stopping.wait(LOOK_S):
                return

    def _first_records(self, asked: Mapping[Place, Stand]) -> dict[Place, tuple[int, float | None]]:
        """First committed record from `done` on of each partition that has one."""
        if not asked:
            return {}
        consumer = reader(self._bootstrap_servers, **{"enable.partition.eof": True, "queued.min.messages": 1})
        found: dict[Place, tuple[int, float | None]] = {}
        waiting, until = set(asked), time.monotonic() + PATIENCE_S
        try:
            consumer.assign([TopicPartition(*place, one.done) for place, one in asked.items()])
            while waiting:
                if time.monotonic() > until:
                    raise TimeoutError(f"no answer about {len(waiting)} partitions within {PATIENCE_S:.0f} s")
                for message in consumer.consume(len(waiting), timeout=0.2):
                    place = cast("Place", (message.topic(), message.partition()))
                    if place in waiting:
                        waiting.discard(place)
                        consumer.pause([TopicPartition(*place)])
                        if not _is_end(message):
                            found[place] = cast("int", message.offset()), _received(message)
        finally:
            consumer.close()
        return found


def _is_end(message: Message) -> bool:
    error = message.error()
    if error is not None and error.code() != KafkaError._PARTITION_EOF:
        raise KafkaException(error)
    return error is not None


def _received(message: Message) -> float | None:
    """When the record was received (s since 1970), by the hub's own clock; None where the sender states it."""
    kind, at = message.timestamp()
    is_own = kind == TIMESTAMP_LOG_APPEND_TIME or not cast("str", message.topic()).startswith("raw.")
    return at / 1000 if is_own else None


def _clock(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
