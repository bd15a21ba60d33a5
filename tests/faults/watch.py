"""How the hub bears it (观察): where the normaliser stands, sampled, and from that stalls and times of recovery."""

import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

from confluent_kafka import ConsumerGroupTopicPartitions, KafkaException, TopicPartition
from confluent_kafka.admin import OffsetSpec

from streams.topics import admin

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
        self._client = admin(bootstrap_servers)
        self._group = group
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

    def is_done(self) -> bool:
        """Whether all that had been sent at the last sample was committed by then."""
        return bool(self.samples) and not _behind(self.samples[-1])

    def _run(self) -> None:
        while not self._ending.wait(EVERY_S):
            try:
                self.samples.append(self._sample())
            except KafkaException:
                continue

    def _sample(self) -> Sample:
        request = ConsumerGroupTopicPartitions(self._group, self._places)
        answer = self._client.list_consumer_group_offsets([request], request_timeout=5)[self._group].result()
        done = {(at.topic, at.partition): max(at.offset, 0) for at in answer.topic_partitions}
        asked = self._client.list_offsets(dict.fromkeys(self._places, OffsetSpec.latest()), request_timeout=5)
        ends = {(at.topic, at.partition): int(found.result().offset) for at, found in asked.items()}
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
