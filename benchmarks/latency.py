"""Latency (时延): from the moment an upload is sent to the moment its canonical record is visible to a reader.

Visible means read_committed. Uploads are paced; sender and reader share the broker's core, the contestant has its own.
Both moments are of one clock, the first in whole milliseconds. A contestant starts on an empty log, warms up under the
same load until it has caught up, and is timed at one rate after the other. A rate at which uploads pile up is not
sustained, and its latencies mean nothing. What sender, broker and reader take by themselves is the floor. The broker is
warmed up before anything is timed.
"""

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any, Final

from benchmarks.contestant import Contestant, at_work, hub, prepare, require_alive
from benchmarks.job import KIND, PROVINCES
from benchmarks.results import Results
from benchmarks.roster import hub_contestant, kafka_streams
from benchmarks.stack import Stack, running
from benchmarks.traffic import Latency, Stream, Traffic, by_timestamp, by_value, endless
from pipelines.names import canonical_topic, raw_topic
from sitehub.settings import Settings

PARTITIONS: Final = 2
ONE: Final = ("jiangsu",)
FEEDS: Final[tuple[tuple[str, ...], ...]] = (PROVINCES, ONE)  # the hub runs a process a feed
RATES: Final = (2_000, 10_000)
WARM_UP_S: Final = 20.0  # after the start; after a change of the rate, SETTLE_S
SETTLE_S: Final = 8.0
BROKER_WARM_UP_S: Final = 40.0  # on its one core the JVM compiles for so long
TIMED_S: Final = 30.0
CURVE_S: Final = (0.05, 0.1, 0.2)
CURVE_RATE: Final = 2_000
CURVE_TIMED_S: Final = 12.0
FLOOR_TIMED_S: Final = 8.0


@dataclass(frozen=True)
class Point:
    """What is measured: a contestant, or none for the floor, at one rate after the other; `named` in the results."""

    contestant: Contestant | None
    provinces: tuple[str, ...]
    rates: tuple[int, ...]
    timed_s: float
    named: dict[str, Any]

    def is_in(self, results: Results) -> bool:
        """Whether it was measured already."""
        return all(results.has(**self.named, rate=rate) for rate in self.rates)


def rounds(number: int) -> None:
    """The floor; rounds of hub and Kafka Streams at both rates, four feeds on the core and one; the hub's curve."""
    results = Results("latency")
    wanted = [point for point in _points(number) if not point.is_in(results)]
    if not wanted:
        return
    with running(PARTITIONS) as stack:
        streams = {provinces: endless(stack, provinces) for provinces in FEEDS}
        _floor(stack, PROVINCES, streams[PROVINCES]).warm_up(RATES[-1], BROKER_WARM_UP_S)
        for run, point in enumerate(wanted):
            for rate, found in _measured(stack, point, run, streams[point.provinces]):
                results.add({**point.named, "rate": rate, **asdict(found)})
                print(f"{point.named}, {rate}/s: {found}", flush=True)


def _points(number: int) -> Iterator[Point]:
    yield Point(None, PROVINCES, RATES, FLOOR_TIMED_S, _named("floor", "none", PROVINCES, 1))
    for round_ in range(1, number + 1):
        for provinces in FEEDS:
            for contestant in (hub_contestant(), kafka_streams("exactly_once")):
                named = _named(contestant.name, contestant.guarantee, provinces, round_)
                yield Point(contestant, provinces, RATES, TIMED_S, named)
    for allowed in (Settings().allowed_latency, *CURVE_S):
        settings = {"SITEHUB_ALLOWED_LATENCY": str(allowed)}
        contestant = Contestant("sitehub", "exactly_once", f"allowed latency {allowed} s", hub(settings))
        named = {**_named("sitehub", "exactly_once", ONE, 1), "curve": True, "allowed_latency_s": allowed}
        yield Point(contestant, ONE, (CURVE_RATE,), CURVE_TIMED_S, named)


def _named(contestant: str, guarantee: str, provinces: tuple[str, ...], round_: int) -> dict[str, Any]:
    return {
        "contestant": contestant,
        "guarantee": guarantee,
        "feeds": len(provinces),
        "round": round_,
        "curve": False,
    }


def _floor(stack: Stack, provinces: tuple[str, ...], stream: Stream) -> Traffic:
    """Uploads alone, read where they were sent to."""
    return Traffic(stack, stream, [raw_topic(province, KIND) for province in provinces], by_timestamp)


def _measured(stack: Stack, point: Point, number: int, stream: Stream) -> Iterator[tuple[int, Latency]]:
    """Latency at each rate; the floor is that of the raw topics themselves."""
    stack.empty_raw()
    if point.contestant is None:
        traffic = _floor(stack, point.provinces, stream)
        for rate in point.rates:
            yield rate, traffic.timed(rate, point.timed_s, [])
        return
    contestant, run = point.contestant, prepare(stack, point.contestant, point.provinces, number)
    traffic = Traffic(stack, stream, [run.prefix + canonical_topic(KIND)], by_value(stack))
    with at_work(contestant, run) as processes:
        traffic.until_answered(lambda: require_alive(contestant, run, processes))
        for place, rate in enumerate(point.rates):
            traffic.warm_up(rate, SETTLE_S if place or point.timed_s < TIMED_S else WARM_UP_S)
            yield rate, traffic.timed(rate, point.timed_s, processes)
