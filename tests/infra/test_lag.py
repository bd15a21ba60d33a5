"""How far readers are behind, on a real Kafka."""

from typing import Any

import pytest
from confluent_kafka import Producer

from infra.lag import Lag, lags, record_ends
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
