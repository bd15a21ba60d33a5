"""What a reader of committed records is told of a topic's ends, on a real Kafka, while a transaction is being ended."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace

import polars as pl
import pytest
from confluent_kafka import Consumer, Producer, TopicPartition

from infra.topics import TopicSpec, create_topics
from pipelines.names import quarantine_topic
from streams import reading
from streams.ledger import ledger
from streams.quarantined import LAST
from streams.reading import settled_spans, spans
from tests.conftest import Stack
from tests.contract import CATALOG

SOON_S = 1.0


def transaction(stack: Stack, topic: str, headers: dict[str, str] | None = None) -> Producer:
    """A transaction under way that has sent one record to the topic."""
    producer = Producer({"bootstrap.servers": stack.bootstrap_servers, "transactional.id": f"test.{topic}"})
    producer.init_transactions(30)
    producer.begin_transaction()
    producer.produce(topic, b"a", b"k", partition=0, headers=list((headers or {}).items()))
    producer.flush(30)
    return producer


@contextmanager
def soon(end: Callable[[float], None]) -> Iterator[None]:
    """It ends within the block, a moment after it began."""
    ending = threading.Timer(SOON_S, end, [30.0])
    ending.start()
    try:
        yield
    finally:
        ending.join()


@pytest.mark.parametrize("how", ["commit_transaction", "abort_transaction"])
def test_ends_lie_behind_what_was_being_committed(stack: Stack, how: str) -> None:
    """The mark of a transaction may come after its writer is told: who reads at once would stop before its records."""
    topic = f"settles.{how}"
    create_topics(stack.bootstrap_servers, [TopicSpec(topic, 2, {})])
    producer = transaction(stack, topic)
    assert spans(stack.bootstrap_servers, {topic: 2}) == {(topic, 0): (0, 0), (topic, 1): (0, 0)}
    with soon(getattr(producer, how)):
        assert settled_spans(stack.bootstrap_servers, {topic: 2}) == {(topic, 0): (0, 2), (topic, 1): (0, 0)}


def test_what_nobody_ends_is_left_out(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    """A transaction that stays open is not waited for without end: no reader can see its records."""
    monkeypatch.setattr(reading, "SILENCE_S", SOON_S)
    create_topics(stack.bootstrap_servers, [TopicSpec("settles.never", 1, {})])
    producer = transaction(stack, "settles.never")
    assert settled_spans(stack.bootstrap_servers, {"settles.never": 1}) == {("settles.never", 0): (0, 0)}
    producer.abort_transaction(30)


def test_the_ledger_misses_nothing_that_is_being_committed(own_stack: Stack) -> None:
    """A group's offsets may be seen before the outputs that they promise: the ledger waits for those."""
    raw, rejected = "raw.shanxi.device.settles", quarantine_topic("shanxi")
    create_topics(own_stack.bootstrap_servers, [TopicSpec(name, 1, {}) for name in (raw, rejected)])
    upload = Producer({"bootstrap.servers": own_stack.bootstrap_servers})
    upload.produce(raw, b"not framed", partition=0)
    upload.flush(30)
    group = Consumer({"bootstrap.servers": own_stack.bootstrap_servers, "group.id": "sitehub-shanxi"})
    group.commit(offsets=[TopicPartition(raw, 0, 1)], asynchronous=False)
    group.close()
    said = {"source.topic": raw, "source.partition": "0", "source.offset": "0"}
    headers = {f"sitehub.{name}": value for name, value in said.items()} | {LAST: "no"}
    producer = transaction(own_stack, rejected, headers)
    contract = replace(CATALOG, raw={feed: made for feed, made in CATALOG.raw.items() if feed == ("shanxi", "device")})
    with soon(producer.commit_transaction):
        accounts = ledger(own_stack.bootstrap_servers, contract, ["shanxi"]).accounts
    account = accounts.row(by_predicate=pl.col("topic") == raw, named=True)
    assert (account["uploads"], account["quarantined"], account["missing"]) == (1, 1, 0)
