"""What the workers count and time (指标), once a transaction or landed batch, never once a record.

Names and labels of OpenTelemetry's messaging conventions where they exist, in Prometheus' spelling; `sitehub_*` else.
Labels are bounded: provinces, kinds, topics, partitions and reasons, never a device, a site or a person.
What each means for an operator: docs/monitoring.md.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

import numpy as np
import structlog
from prometheus_client import Counter, Histogram

from pipelines.faults import REASONS
from pipelines.names import RawTopic, canonical_topic, parse_raw_topic, quarantine_topic
from pipelines.quarantine import reasons_of
from streams.latencies import Latencies
from streams.outage import Answers

if TYPE_CHECKING:
    from stamina.instrumentation import RetryDetails

    from pipelines.catalog import Catalog
    from pipelines.wire import RawBatch
    from streams.outputs import Outputs
    from streams.records import Record

log = structlog.get_logger(__name__)

SYSTEM: Final = "kafka"
LOG_APPEND_TIME: Final = 1  # the broker's clock; any other is the sender's word
MESSAGING: Final = ("messaging_system", "messaging_operation_name", "messaging_destination_name")
FEED: Final = ("province", "kind")
# The boundaries that the conventions ask for; s.
DURATIONS: Final = (0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10)
UPLOADS: Final = (1, 10, 100, 500, 1000, 2000, 5000, 10_000, 20_000)

consumed = Counter(
    "messaging_client_consumed_messages", "Records read and done with: uploads normalised, or records landed", MESSAGING
)
sent = Counter(
    "messaging_client_sent_messages", "Records made of uploads, canonical and quarantined", (*MESSAGING, *FEED)
)
operation_duration = Histogram(
    "messaging_client_operation_duration_seconds",
    "One transaction, from its beginning to its commit",
    MESSAGING,
    buckets=DURATIONS,
)
process_duration = Histogram(
    "messaging_process_duration_seconds",
    "Making the records of one transaction, or landing one batch",
    MESSAGING,
    buckets=DURATIONS,
)
quarantined = Counter("sitehub_quarantined", "Uploads rejected, by the reason", (*FEED, "reason"))
transaction_uploads = Histogram(
    "sitehub_transaction_uploads", "Uploads normalised and committed together: the chunk size", FEED, buckets=UPLOADS
)
end_to_end = Latencies(
    "sitehub_end_to_end_latency_seconds",
    "From an upload's receipt by the broker until its record can be read; only where the broker's clock stamps uploads",
    FEED,
)
landing_delay = Latencies(
    "sitehub_landing_delay_seconds",
    "From a record's entry into the log until it is in the lake",
    ("messaging_destination_name",),
)
retries = Counter(
    "sitehub_retries",
    "Attempts that are tried again; operation commit is a transaction that broke off",
    ("operation", "error_type"),
)
BROKEN_OFF: Final = ("commit", "BrokenOffError")
registry = Answers("registry")


@contextmanager
def processing(operation: str, topic: str) -> Iterator[None]:
    """Time work on records of a topic."""
    with process_duration.labels(SYSTEM, operation, topic).time():
        yield


def expect_uploads(topics: Iterable[RawTopic], catalog: Catalog) -> None:
    """Let the series of these topics begin at 0: Prometheus sees no increase in the first value of a series, so that
    the first rejections for a reason would go unseen."""
    retries.labels(*BROKEN_OFF)
    for topic in topics:
        feed = topic.province, topic.kind
        consumed.labels(SYSTEM, "poll", topic.topic)
        for made in (canonical_topic(catalog.made_of(topic).name), quarantine_topic(topic.province)):
            sent.labels(SYSTEM, "send", made, *feed)
        for reason in REASONS:
            quarantined.labels(*feed, reason)
        transaction_uploads.labels(*feed)
        end_to_end.observe(feed, np.empty(0))


def expect_records(topic: str) -> None:
    """The same for a topic to be landed."""
    landed(topic, [])


@contextmanager
def counted(uploads: RawBatch, outputs: Outputs, *, by_broker: bool) -> Iterator[None]:
    """Time the transaction inside the block and, once it is committed, count what became of one partition's uploads.

    by_broker: the broker's clock stamped them, so that their age is time spent here.
    """
    began = time.perf_counter()
    yield
    raw = parse_raw_topic(uploads.topic)
    feed = raw.province, raw.kind
    operation_duration.labels(SYSTEM, "commit", raw.topic).observe(time.perf_counter() - began)
    consumed.labels(SYSTEM, "poll", raw.topic).inc(len(uploads))
    transaction_uploads.labels(*feed).observe(len(uploads))
    for (topic, _), records in outputs.items():
        sent.labels(SYSTEM, "send", topic, *feed).inc(len(records))
        if topic.startswith("quarantine."):
            for reason, count in reasons_of(records.headers).items():
                quarantined.labels(*feed, reason).inc(count)
    if by_broker:
        end_to_end.observe(feed, _ages(uploads.timestamps))


def landed(topic: str, records: Sequence[Record]) -> None:
    """Count records of the hub's own topic that have just been landed; it is the hub's clock that stamped them."""
    consumed.labels(SYSTEM, "poll", topic).inc(len(records))
    landing_delay.observe((topic,), _ages([record.timestamp for record in records]))


def note_retry(details: RetryDetails) -> None:
    """stamina's hook. Its own would count the number of the try as a label, which an outage drives without bounds, and
    would log the arguments of the call."""
    error, wait = type(details.caused_by).__name__, round(details.wait_for, 1)
    retries.labels(details.name, error).inc()
    log.warning("retry", operation=details.name, attempt=details.retry_num, error=error, wait_s=wait)


def note_broken_off() -> None:
    """A transaction is given up, and its outputs are sent again in another unless it stands."""
    retries.labels(*BROKEN_OFF).inc()


def _ages(timestamps: Sequence[int]) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """Seconds since each of them, ms."""
    return time.time() - np.array(timestamps, np.float64) / 1000
