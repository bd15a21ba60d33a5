"""How the hub bears it (观察): where the normaliser stands, sampled, and from that stalls and times of recovery."""

import threading
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

from confluent_kafka import Consumer, KafkaException, TopicPartition

EVERY_S: Final = 0.5
Place = tuple[str, int]


@dataclass(frozen=True)
class Sample:
    """At a time (monotonic s): the end of each raw partition, and where the group's committed offset stood."""

    at: float
    ends: Mapping[Place, int]
    done: Mapping[Place, int]


class Watch:
    """Samples until told to end. While Kafka does not answer there are no samples: nothing was seen to move."""

    def __init__(self, bootstrap_servers: str, group: str, places: list[Place]) -> None:
        self.samples: list[Sample] = []
        self._settings = {
            "bootstrap.servers": bootstrap_servers,
            "group.id": group,  # never joined
            "isolation.level": "read_uncommitted",  # else it waits for offsets that a transaction is about to move
            "log_level": 0,
        }
        self._places = [TopicPartition(*place) for place in places]
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def begin(self) -> None:
        """Sample from now on."""
        self._thread.start()

    def end(self) -> None:
        """Sample no more."""
        self._ending.set()
        self._thread.join()

    def committed(self) -> int:
        """Sum of the committed offsets at the last sample."""
        return sum(self.samples[-1].done.values()) if self.samples else 0

    def is_done(self) -> bool:
        """Whether all that had been sent at the last sample was committed by then."""
        return bool(self.samples) and not _behind(self.samples[-1])

    def _run(self) -> None:
        while not self._ending.is_set():
            # Made anew after an error: one whose broker has gone does not ask for the new leaders by itself.
            reader = Consumer(self._settings)
            with suppress(KafkaException):
                while not self._ending.wait(EVERY_S):
                    self.samples.append(self._sample(reader))
            reader.close()

    def _sample(self, reader: Consumer) -> Sample:
        ends = {(at.topic, at.partition): reader.get_watermark_offsets(at, 5)[1] for at in self._places}
        done = {(at.topic, at.partition): max(at.offset, 0) for at in reader.committed(self._places, 5)}
        return Sample(time.monotonic(), ends, done)


def recovery_s(samples: list[Sample], since: float) -> float | None:
    """Seconds from `since` until all that had been sent by then was committed; None where that was never seen."""
    before = [sample for sample in samples if sample.at <= since]
    wanted = before[-1].ends if before else {}
    for sample in samples:
        if sample.at >= since and all(sample.done.get(place, 0) >= end for place, end in wanted.items()):
            return sample.at - since
    return None


def stalls(samples: list[Sample]) -> list[float]:
    """How long each partition that had work stood still (s), each time that it did, longest first."""
    found = []
    for place in samples[0].ends if samples else ():
        moved = None
        for before, now in pairwise(samples):
            has_work = before.ends[place] > before.done.get(place, 0)
            if now.done.get(place, 0) > before.done.get(place, 0) or not has_work:
                if moved is not None:
                    found.append(now.at - moved)
                moved = None
            elif moved is None:
                moved = before.at
    return sorted(found, reverse=True)


def _behind(sample: Sample) -> bool:
    return any(sample.done.get(place, 0) < end for place, end in sample.ends.items())
