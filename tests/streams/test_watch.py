"""What waits, judged from what the log says, without a log."""

import json
import time
from typing import Any

import pytest
from confluent_kafka import KafkaError, KafkaException

from streams import watch
from streams.monitor import pages
from streams.reading import Place
from streams.watch import OVERDUE_S, SILENT_S, LogWatch

PLACE = ("raw.x.y", 0)


class Log:
    """One partition: records at some offsets, the others being marks of transactions; and a reader of it."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.committed, self.end = 0, 0
        self.records: dict[int, float | None] = {}
        self.asked = 0
        self.is_away = False
        monkeypatch.setattr(watch, "spans", lambda *_: {PLACE: (0, self.end)})
        self.watch = LogWatch("", self.positions)
        monkeypatch.setattr(self.watch, "_first_records", self.first_records)

    def positions(self) -> dict[Place, int]:
        """How far the reader has come."""
        if self.is_away:
            raise KafkaException(KafkaError(KafkaError._TRANSPORT))
        return {PLACE: self.committed}

    def first_records(self, asked: dict[Place, watch.Stand]) -> dict[Place, tuple[int, float | None]]:
        """The first record from there on."""
        self.asked += len(asked)
        rest = sorted(
            (offset, at) for offset, at in self.records.items() if PLACE in asked and offset >= asked[PLACE].done
        )
        return {PLACE: rest[0]} if rest else {}

    def receive(self, count: int, at: float | None = None) -> None:
        """New records; `at` where the broker's clock stamps them."""
        self.records |= dict.fromkeys(range(self.end, self.end + count), at)
        self.end += count

    def lag(self) -> float:
        """The gauge."""
        lag = next(iter(self.watch.collect()))
        return float(lag.samples[0].value)


@pytest.fixture
def log(monkeypatch: pytest.MonkeyPatch) -> Log:
    """An empty partition."""
    return Log(monkeypatch)


def test_nothing_is_known_before_the_first_look(log: Log) -> None:
    """Who has not looked does not say healthy."""
    assert log.watch.faults(time.time())


def test_a_reader_that_stands_still_is_found_after_two_minutes(log: Log) -> None:
    """Simulated uploads are as old as they say; what counts is how long they could be seen."""
    log.receive(3)
    for at in range(0, int(OVERDUE_S) + 1, 5):
        log.watch.look(1000.0 + at)
        assert not log.watch.faults(1000.0 + at)
    [said] = log.watch.faults(1001.0 + OVERDUE_S)
    assert "raw.x.y/0 stands at offset 0, which has waited since 1970-01-01 00:16:40 UTC, 121 s." in said


def test_whoever_asks_over_http_is_told_by_the_status(log: Log) -> None:
    """200 while nothing waits too long, 503 with the sentence where something does, 404 for another page."""

    def answered(path: str) -> tuple[str, dict[str, Any]]:
        said: list[str] = []
        parts = pages(log.watch)({"PATH_INFO": path}, lambda status, _headers: said.append(status))
        return said[0], json.loads(b"".join(parts))

    now = time.time()
    log.watch.look(now)
    assert answered("/health") == ("200 OK", {"healthy": True, "faults": [], "registry_outage": None})
    log.receive(1, at=now - OVERDUE_S - 1)
    log.watch.look(now)
    log.watch.look(now)  # only what was there at a look before is waiting
    status, content = answered("/health")
    assert status == "503 Service Unavailable"
    assert not content["healthy"]
    assert "raw.x.y/0 stands at offset 0" in content["faults"][0]
    assert answered("/elsewhere")[0] == "404 Not Found"


def test_a_reader_that_gets_on_is_healthy_however_long_it_takes(log: Log) -> None:
    """With the sender's clock a backlog counts from when each part of it was first seen."""
    for at in range(0, 1000, 5):
        log.receive(10)
        log.committed = max(log.end - 30, 0)
        log.watch.look(1000.0 + at)
        assert not log.watch.faults(1000.0 + at)


def test_a_backlog_stamped_by_the_broker_is_overdue_at_the_first_look(log: Log) -> None:
    """A worker that was started again knows at once, and a moving one is unhealthy as long as it is late."""
    log.receive(10, at=1000.0)
    log.receive(10, at=1200.0)
    log.watch.look(1300.0)
    assert log.watch.faults(1300.0)
    log.committed = 10
    log.watch.look(1305.0)
    assert not log.watch.faults(1305.0)
    assert log.watch.faults(1321.0)


def test_marks_of_transactions_are_nothing_that_waits(log: Log) -> None:
    """Behind the last record lie marks, which no reader ever finishes; the log is asked about them once."""
    log.receive(5)
    log.committed = 5
    log.end += 1
    for at in range(0, 600, 5):
        log.watch.look(1000.0 + at)
        assert not log.watch.faults(1000.0 + at)
    assert log.asked == 1
    assert log.lag() == 0
    log.receive(1)
    log.watch.look(2000.0)
    log.watch.look(2000.0 + OVERDUE_S + 1)
    assert log.watch.faults(2001.0 + OVERDUE_S)
    assert log.lag() == 1


def test_a_group_set_back_waits_again(log: Log) -> None:
    """What was done is to be done again."""
    log.receive(5)
    log.committed = 5
    log.watch.look(1000.0)
    log.committed = 2
    for at in (1005.0, 1010.0, 1131.0):
        log.watch.look(at)
    assert log.watch.faults(1131.0)


def test_a_broker_that_does_not_answer_is_no_health(log: Log) -> None:
    """What cannot be known is not taken for good."""
    log.watch.look(1000.0)
    log.is_away = True
    with pytest.raises(KafkaException):
        log.watch.look(1005.0)
    assert not log.watch.faults(1000.0 + SILENT_S)
    assert log.watch.faults(1001.0 + SILENT_S) == [
        "It is not known since 1970-01-01 00:16:40 UTC how far this reader has come."
    ]
