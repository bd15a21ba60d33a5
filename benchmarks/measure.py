"""How far a contestant is, and what it took (计量): readings, seconds, CPU seconds, memory."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

import psutil
from confluent_kafka import IsolationLevel, TopicPartition
from confluent_kafka.admin import OffsetSpec

from benchmarks.contestant import Contestant, Run, at_work, require_alive, tail
from infra.stack.broker import admin
from streams.reading import reader

# The part of a run that is not timed: start, first fetches, a JVM's compilation, everybody's caches.
WARM_UP: Final = 0.3
EVERY_S: Final = 0.05
SILENCE_S: Final = 240  # a worker imports for seconds of CPU, and four of them share a core
TIMEOUT_S: Final = 10


@dataclass(frozen=True)
class Sample:
    """At one moment: seconds since the start, readings done, CPU seconds of contestant and broker, bytes resident."""

    seconds: float
    done: int
    cpu_s: float
    broker_cpu_s: float
    resident: int


@dataclass(frozen=True)
class Measured:
    """Behind the warm-up: readings per second of time and of CPU; shares of a core that contestant and broker used.

    peak_mb: most memory of the contestant's processes together, MiB. first_s: from start to the first reading done.
    """

    readings: int
    events_per_s: float
    per_cpu_s: float
    core_share: float
    broker_share: float
    peak_mb: float
    first_s: float


def measure(contestant: Contestant, run: Run, readings: int) -> Measured:
    """Let the contestant do so many readings. RuntimeError where it ends or falls silent before."""
    count = committed(run) if contestant.guarantee == "exactly_once" else produced(run)
    began = time.monotonic()
    samples: list[Sample] = []
    heard = began
    with at_work(contestant, run) as processes:
        while not samples or samples[-1].done < readings:
            time.sleep(EVERY_S)
            require_alive(contestant, run, processes)
            done = count()
            if not samples or done > samples[-1].done:
                heard = time.monotonic()
            elif time.monotonic() - heard > SILENCE_S:
                raise RuntimeError(f"{contestant.name} did {done} of {readings} readings and no more: {tail(run)}")
            samples.append(
                Sample(
                    time.monotonic() - began,
                    done,
                    sum(map(cpu_seconds, processes)),
                    cpu_seconds(run.stack.broker),
                    sum(map(resident, processes)),
                )
            )
    return between(samples, readings)


def between(samples: Sequence[Sample], readings: int) -> Measured:
    """What the samples say of the stretch from the end of the warm-up to the last reading."""
    first = next(sample for sample in samples if sample.done >= WARM_UP * readings)
    last = next(sample for sample in samples if sample.done >= readings)
    if last.done == first.done:
        raise RuntimeError(f"all {readings} readings became visible at once: too few to be timed")
    seconds, cpu_s = last.seconds - first.seconds, last.cpu_s - first.cpu_s
    done = last.done - first.done
    return Measured(
        readings=readings,
        events_per_s=round(done / seconds, 1),
        per_cpu_s=round(done / cpu_s, 1),
        core_share=round(cpu_s / seconds, 3),
        broker_share=round((last.broker_cpu_s - first.broker_cpu_s) / seconds, 3),
        peak_mb=round(max(sample.resident for sample in samples) / (1 << 20), 1),
        first_s=round(next(sample.seconds for sample in samples if sample.done), 2),
    )


def committed(run: Run) -> Callable[[], int]:
    """Readings whose transaction is complete: what the groups have committed of the raw topics."""
    settings = {"isolation.level": "read_uncommitted"}  # what a transaction has not completed is not waited for
    members = [reader(run.stack.bootstrap_servers, **settings, **{"group.id": group}) for group in run.groups]
    places = [TopicPartition(*place) for place in run.stack.raw_places()]

    def count() -> int:
        answers = [member.committed(places, timeout=TIMEOUT_S) for member in members]
        return sum(max(0, place.offset) for answer in answers for place in answer)

    return count


def produced(run: Run) -> Callable[[], int]:
    """Records written to the outputs, of a contestant that writes without transactions."""
    client = admin(run.stack.bootstrap_servers)
    places = [TopicPartition(topic, number) for topic in run.outputs for number in range(run.stack.partitions)]

    def count() -> int:
        wanted = {place: OffsetSpec.latest() for place in places}
        answers = client.list_offsets(wanted, isolation_level=IsolationLevel.READ_COMMITTED, request_timeout=TIMEOUT_S)
        return sum(future.result().offset for future in answers.values())

    return count


def cpu_seconds(process: psutil.Process) -> float:
    """CPU seconds, user and system, of a process and its children; 0 once it has ended."""
    total = 0.0
    with suppress(psutil.NoSuchProcess):
        for each in (process, *process.children(recursive=True)):
            times = each.cpu_times()
            total += times.user + times.system
    return total


def resident(process: psutil.Process) -> int:
    """Bytes of memory of a process and its children; 0 once it has ended."""
    with suppress(psutil.NoSuchProcess):
        return sum(int(each.memory_info().rss) for each in (process, *process.children(recursive=True)))
    return 0
