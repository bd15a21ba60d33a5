"""How far readers are behind, on a real Kafka."""

from typing import Any

import pytest
from confluent_kafka import Consumer, Producer, TopicPartition

from infra.lag import Lag, group_lag, lags, record_ends
from infra.topics import TopicSpec, create_topics

TOPIC = "behind"


@pytest.fixture(scope="module")
def servers(stack: Any) -> str:
    """Partition 0: three records in a transaction, its mark, 100 aborted ones, their mark. Partition 1: nothing."""
    create_topics(stack.bootstrap_servers, [TopicSpec(TOPIC, 2, {})])
    producer = Producer({"bootstrap.servers": stack.bootstrap_servers, "transactional.id": "behind"})
    producer.init_transactions()
    for count, end in ((3, producer.commit_transaction), (100, producer.abort_transaction)):
        producer.begin_transaction()
        for number in range(count):
            producer.produce(TOPIC, b"%d" % number, partition=0)
        producer.flush()
        end()
    return str(stack.bootstrap_servers)


@pytest.mark.parametrize(("done", "behind"), [(0, 3), (1, 2), (3, 0), (4, 0)])
def test_marks_and_aborted_records_are_nothing_to_be_done(servers: str, done: int, behind: int) -> None:
    """Whoever has done the last committed record is not behind, whatever lies after it in the log."""
    at = {(TOPIC, 0): done, (TOPIC, 1): 0}
    (found,) = lags("landing", record_ends(servers, at), at)
    assert found == Lag("landing", TOPIC, end=max(3, done), done=done)
    assert found.behind == behind


def test_a_group_is_behind_by_what_it_has_not_committed(servers: str) -> None:
    """A group's committed offsets count; one that never committed has all records before it."""
    member = Consumer({"bootstrap.servers": servers, "group.id": "behind-group"})
    member.commit(offsets=[TopicPartition(TOPIC, 0, 2)], asynchronous=False)
    member.close()
    assert group_lag(servers, "behind-group", {TOPIC: 2}) == [Lag("behind-group", TOPIC, end=3, done=2)]
    assert [lag.behind for lag in group_lag(servers, "another-group", {TOPIC: 2})] == [3]


def test_a_transaction_under_way_is_not_waited_for(servers: str) -> None:
    """What it has committed does not count yet; of a busy group there always is one, so that nothing was answered."""
    member = Consumer({"bootstrap.servers": servers, "group.id": "busy"})
    producer = Producer({"bootstrap.servers": servers, "transactional.id": "busy"})
    producer.init_transactions()
    producer.begin_transaction()
    producer.send_offsets_to_transaction([TopicPartition(TOPIC, 0, 2)], member.consumer_group_metadata())
    assert [lag.done for lag in group_lag(servers, "busy", {TOPIC: 2})] == [0]
    producer.commit_transaction()
    assert [lag.done for lag in group_lag(servers, "busy", {TOPIC: 2})] == [2]
    member.close()
