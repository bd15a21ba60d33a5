"""Latency (时延): from the moment an upload is sent to the moment its canonical record is visible to a reader.

Visible means read_committed. Uploads are paced; sender and reader share the broker's core, the contestant has its own.
Both moments are of one clock, in whole milliseconds.
"""

import time
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from itertools import count
from typing import Any, Final

import numpy as np
from confluent_kafka import Consumer, Producer, TopicPartition

from benchmarks.contestant import Contestant, Run, at_work, hub, prepare, tail
from benchmarks.job import KIND, PROVINCES
from benchmarks.measure import cpu_seconds
from benchmarks.results import Results
from benchmarks.roster import hub_contestant, kafka_streams
from benchmarks.stack import Stack, running
from benchmarks.workload import MAIN, Upload, send, uploads
from pipelines.codec import decode
from pipelines.names import canonical_topic, raw_topic
from streams.reading import reader

PARTITIONS: Final = 2
RATES: Final = (2_000, 10_000)
WARM_UP_S: Final = 4.0
TIMED_S: Final = 12.0
START_S: Final = 240.0
SILENCE_S: Final = 5.0
CURVE_S: Final = (0.0, 0.01, 0.02, 0.05, 0.1, 0.2)
CURVE_RATE: Final = 2_000
DIFFERENT: Final = 20_000
_number = count()


@dataclass(frozen=True)
class Latency:
    """Milliseconds from sending to visible; the share of its core that the contestant used."""

    readings: int
    p50_ms: float
    p99_ms: float
    p999_ms: float
    most_ms: float
    core_share: float


def rounds(number: int) -> None:
    """Rounds of hub and Kafka Streams at both rates, then the hub's curve over its allowed latency."""
    results = Results("latency")
    wanted: list[tuple[dict[str, Any], Contestant]] = []
    for round_ in range(1, number + 1):
        for contestant in (hub_contestant(), kafka_streams("exactly_once")):
            named = {"contestant": contestant.name, "guarantee": contestant.guarantee, "round": round_}
            wanted += [({**named, "rate": rate, "curve": False}, contestant) for rate in RATES]
    for allowed in CURVE_S:
        settings = {"SITEHUB_ALLOWED_LATENCY": str(allowed)}
        contestant = Contestant("sitehub", "exactly_once", f"allowed latency {allowed} s", hub(settings))
        named = {"contestant": "sitehub", "guarantee": "exactly_once", "round": 1, "rate": CURVE_RATE, "curve": True}
        wanted.append(({**named, "allowed_latency_s": allowed}, contestant))
    wanted = [(which, contestant) for which, contestant in wanted if not results.has(**which)]
    if not wanted:
        return
    with running(PARTITIONS) as stack:
        sent = {raw_topic(province, KIND): _different(stack, province) for province in PROVINCES}
        for which, contestant in wanted:
            run = prepare(stack, contestant, PROVINCES, next(_number))
            found = measure(contestant, run, sent, which["rate"])
            results.add({**which, **asdict(found)})
            print(f"{which}: p50 {found.p50_ms} ms, p99 {found.p99_ms} ms, core {found.core_share:.0%}", flush=True)


def measure(contestant: Contestant, run: Run, sent: Mapping[str, list[Upload]], rate: int) -> Latency:
    """Latencies at so many uploads a second. RuntimeError where the contestant does not start."""
    stack = run.stack
    settings = {"bootstrap.servers": stack.bootstrap_servers, "compression.type": "zstd", "linger.ms": 0}
    producer = Producer({**settings, "partitioner": "murmur2_random"})
    consumer = reader(stack.bootstrap_servers, **{"fetch.wait.max.ms": 10, "auto.offset.reset": "latest"})
    topic = run.prefix + canonical_topic(KIND)
    consumer.assign([TopicPartition(topic, number, -1) for number in range(stack.partitions)])
    stream = _endless(sent)
    seen: list[tuple[float, bytes]] = []
    with at_work(contestant, run) as processes:
        _drain(consumer)
        _until_it_answers(producer, consumer, stream, contestant, run)
        began = time.time()
        cpu_s = None
        due = 0
        while (now := time.time()) < began + WARM_UP_S + TIMED_S:
            if cpu_s is None and now >= began + WARM_UP_S:
                cpu_s = sum(map(cpu_seconds, processes))
            while due < (now - began) * rate:
                _send(producer, stream)
                due += 1
            seen += _received(consumer, 0.001)
        used = sum(map(cpu_seconds, processes)) - (cpu_s or 0.0)
        heard = time.monotonic()
        while time.monotonic() < heard + SILENCE_S:
            if more := _received(consumer, 0.01):
                seen += more
                heard = time.monotonic()
    consumer.close()
    values = [value for _, value in seen]
    received = decode(values, stack.catalog.canonical[KIND])["received_at"].dt.epoch("ms").to_numpy()
    visible = np.array([at * 1000 for at, _ in seen])
    first, last = (began + WARM_UP_S) * 1000, (began + WARM_UP_S + TIMED_S) * 1000
    took = (visible - received)[(received >= first) & (received < last)]
    if len(took) < 0.98 * rate * TIMED_S:
        raise RuntimeError(f"{contestant.name} at {rate}/s: only {len(took)} of {rate * TIMED_S:.0f} readings seen")
    p50, p99, p999 = np.percentile(took, (50, 99, 99.9))
    return Latency(
        len(took),
        round(float(p50), 1),
        round(float(p99), 1),
        round(float(p999), 1),
        round(float(took.max()), 1),
        round(used / TIMED_S, 3),
    )


def _different(stack: Stack, province: str) -> list[Upload]:
    return list(uploads(MAIN, province, DIFFERENT, stack.catalog, {**stack.ids, **_unused(stack)}))


def _unused(stack: Stack) -> dict[str, int]:
    """Ids of the newer schemas, which the main workload does not use."""
    return {f"{subject}:newer": -1 for subject in stack.ids}


def _endless(sent: Mapping[str, list[Upload]]) -> Iterator[tuple[str, Upload]]:
    """One topic after the other, for ever."""
    for number in count():
        for topic, each in sent.items():
            yield topic, each[number % len(each)]


def _send(producer: Producer, stream: Iterator[tuple[str, Upload]]) -> None:
    topic, upload = next(stream)
    send(producer, topic, upload._replace(timestamp=int(time.time() * 1000)), [])


def _received(consumer: Consumer, timeout: float) -> list[tuple[float, bytes]]:
    messages = consumer.consume(5_000, timeout)
    at = time.time()
    return [(at, value) for message in messages if (value := message.value()) is not None]


def _drain(consumer: Consumer) -> None:
    """Until the reader stands at the end of its partitions."""
    while _received(consumer, 1.0):
        pass


def _until_it_answers(
    producer: Producer, consumer: Consumer, stream: Iterator[tuple[str, Upload]], contestant: Contestant, run: Run
) -> None:
    """Send a little until the first records come, and two seconds more: every partition has an owner then."""
    until = time.monotonic() + START_S
    answered = None
    while answered is None or time.monotonic() < answered + 2:
        if time.monotonic() > until:
            raise RuntimeError(f"{contestant.name} gave nothing in {START_S} s: {tail(run)}")
        for _ in range(20):
            _send(producer, stream)
        if _received(consumer, 0.05) and answered is None:
            answered = time.monotonic()
