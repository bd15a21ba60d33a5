"""Landing (落湖): canonical and quarantine topics into the lake, registers also into their history.

Exactly once without any consumer group: every sink keeps, in the same commit as the rows, the next offset to read of
each partition. A landing begins where its sinks stopped, gives each sink only the rows that it lacks, and so may die at
any moment, between two sinks as well.
"""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final

import polars as pl
import structlog
from confluent_kafka import TopicPartition

from pipelines.catalog import Catalog
from pipelines.codec import decode
from pipelines.names import canonical_topic
from streams.metrics import expect_records, landed, processing
from streams.quarantined import rejected_frame
from streams.reading import Place, reader, spans
from streams.records import Record, record_of
from streams.sinks import Sink
from streams.topics import topic_partitions

log = structlog.get_logger(__name__)

AT_ONCE: Final = 2000
BATCH_BYTES: Final = 64 << 20
DISCOVER_S: Final = 10.0
POLL_S: Final = 0.25


@dataclass(frozen=True)
class Pace:
    """How long and how many records a batch collects before it is landed."""

    seconds: float
    rows: int


@dataclass
class Batch:
    """Records collected since the last commit, by topic."""

    records: defaultdict[str, list[Record]] = field(default_factory=lambda: defaultdict(list))
    rows: int = 0
    size: int = 0
    since: float = 0.0

    def add(self, record: Record) -> None:
        """Take one record in; the first one starts the clock."""
        if not self.rows:
            self.since = time.monotonic()
        self.records[record.topic].append(record)
        self.rows += 1
        self.size += len(record.value or b"")

    def is_due(self, pace: Pace) -> bool:
        """Whether it is time to land it."""
        full = self.rows >= pace.rows or self.size >= BATCH_BYTES
        return full or (self.rows > 0 and time.monotonic() - self.since >= pace.seconds)


class Landing:
    """Reads all canonical and quarantine topics, those that come later included, and lands them in batches."""

    def __init__(self, bootstrap_servers: str, catalog: Catalog, sinks: Callable[[str], list[Sink]]) -> None:
        """`sinks` names the sinks of a topic."""
        self._bootstrap_servers = bootstrap_servers
        self._kinds = {canonical_topic(name): kind for name, kind in catalog.canonical.items()}
        self._sinks_of = sinks
        self._sinks: dict[str, list[Sink]] = {}
        self._next: dict[Place, list[int]] = {}
        self._consumer = reader(bootstrap_servers)

    def run(self, pace: Pace, stopping: Callable[[], bool]) -> None:
        """Land until `stopping`, then land what has been collected and end."""
        batch, looked = Batch(), -DISCOVER_S
        while not stopping():
            if time.monotonic() - looked >= DISCOVER_S:
                self._discover()
                looked = time.monotonic()
            for message in self._consumer.consume(AT_ONCE, timeout=min(POLL_S, pace.seconds)):
                batch.add(record_of(message))
            if batch.is_due(pace):
                self._land(batch.records)
                batch = Batch()
        self._land(batch.records)
        self._consumer.close()

    def _discover(self) -> None:
        """Begin to read partitions that were not there before, each where the slowest of its sinks stopped."""
        known = {
            topic: count
            for topic, count in topic_partitions(self._bootstrap_servers).items()
            if topic in self._kinds or topic.startswith("quarantine.")
        }
        fresh = {
            place: span for place, span in spans(self._bootstrap_servers, known).items() if place not in self._next
        }
        for place, (begin, _) in fresh.items():
            topic, partition = place
            expect_records(topic)
            sinks = self._sinks.setdefault(topic, self._sinks_of(topic))
            reached = [sink.next_offset(topic, partition) for sink in sinks]
            for offset in reached:
                if offset is not None and offset < begin:
                    # Nothing can bring these back, and stopping for ever would lose the next ones too.
                    log.critical("records expired before they were landed", place=place, lost=(offset, begin))
            self._next[place] = [max(begin, offset or 0) for offset in reached]
        if fresh:
            self._consumer.incremental_assign([TopicPartition(*place, min(self._next[place])) for place in fresh])

    def _land(self, collected: Mapping[str, list[Record]]) -> None:
        # Registers first: what comes after is filled from them.
        for topic, records in sorted(collected.items(), key=lambda each: not self._is_register(each[0])):
            with processing("land", topic):
                frame = self._frame(topic, records)
                positions = pl.DataFrame(
                    [(record.partition, record.offset) for record in records],
                    schema={"partition": pl.Int32(), "offset": pl.Int64()},
                    orient="row",
                )
                for number, sink in enumerate(self._sinks[topic]):
                    self._give(number, sink, topic, frame, positions)
            landed(topic, records)
            log.info("landed", topic=topic, records=len(records))

    def _give(self, number: int, sink: Sink, topic: str, frame: pl.DataFrame, positions: pl.DataFrame) -> None:
        """Give a sink the rows that it lacks, and note where it stands now."""
        stands = {place[1]: following[number] for place, following in self._next.items() if place[0] == topic}
        lacking = pl.col("offset") >= pl.col("partition").replace_strict(stands, return_dtype=pl.Int64())
        rows = positions.select(lacking.alias("lacking"))["lacking"]
        if not rows.any():
            return
        ends = positions.filter(rows).group_by("partition").agg(pl.col("offset").max() + 1)
        offsets = {(topic, int(partition)): int(end) for partition, end in ends.rows()}
        sink.write(topic, frame.filter(rows), offsets)
        for place, following in offsets.items():
            self._next[place][number] = following

    def _is_register(self, topic: str) -> bool:
        return topic in self._kinds and self._kinds[topic].register

    def _frame(self, topic: str, records: list[Record]) -> pl.DataFrame:
        if topic not in self._kinds:
            return rejected_frame(records)
        return decode([record.value or b"" for record in records], self._kinds[topic])
