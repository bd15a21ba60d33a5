"""Publishing to a compacted topic on a real Kafka: each content once, what is gone withdrawn, one writer at a time."""

import asyncio
from collections.abc import Callable

import pytest
from aiokafka import TopicPartition
from confluent_kafka import KafkaException, Producer

from infra.topics import PUBLISHED, TopicSpec, create_topics
from streams.publishing import Published, Said, publish
from streams.reading import read, settled_spans
from tests.conftest import Stack
from tests.streams.forgotten import end_in_part, one_record
from tests.streams.test_leftovers import unverified

__all__ = ["unverified"]


def topic_of(stack: Stack, name: str) -> str:
    """A fresh topic."""
    create_topics(stack.bootstrap_servers, [TopicSpec(name, 2, PUBLISHED)])
    return name


def log(stack: Stack, topic: str) -> list[tuple[bytes | None, bytes | None]]:
    """Key and value of every committed record; those of one key in their order."""
    found = [
        (record.key, record.value)
        for records in read(stack.bootstrap_servers, settled_spans(stack.bootstrap_servers, {topic: 2}))
        for record in records
    ]
    return sorted(found, key=lambda record: record[0] or b"")


def make_equal(
    stack: Stack, topic: str, values: dict[bytes, bytes], denies: Callable[[bytes], bool] = lambda _: True
) -> Published:
    """Publish what a table says that has a say over every key, unless told otherwise."""
    return publish(stack.bootstrap_servers, topic, lambda: Said(values, denies))


def test_each_content_is_published_once(stack: Stack) -> None:
    """New and changed values go out, equal ones do not, what is gone is withdrawn once, and may come back."""
    topic = topic_of(stack, "hub.published")
    said = [
        ({b"a": b"1", b"b": b"1"}, Published(2, 0, 0)),
        ({b"a": b"1", b"b": b"1"}, Published(0, 0, 2)),
        ({b"a": b"2", b"c": b"1"}, Published(2, 1, 0)),
        ({b"a": b"2", b"c": b"1"}, Published(0, 0, 2)),
        ({b"a": b"2", b"b": b"1", b"c": b"1"}, Published(1, 0, 2)),
        ({}, Published(0, 3, 0)),
    ]
    for wanted, done in said:
        assert make_equal(stack, topic, wanted) == done
    assert log(stack, topic) == [
        *((b"a", value) for value in (b"1", b"2", None)),
        *((b"b", value) for value in (b"1", None, b"1", None)),
        *((b"c", value) for value in (b"1", None)),
    ]


def test_what_may_not_be_withdrawn_stays(stack: Stack) -> None:
    """Keys that the table has no say over are left alone."""
    topic = topic_of(stack, "hub.kept")
    make_equal(stack, topic, {b"mine": b"1", b"theirs": b"1"})
    assert make_equal(stack, topic, {}, lambda key: key == b"mine") == Published(0, 1, 0)
    assert make_equal(stack, topic, {}, lambda key: key == b"mine") == Published(0, 0, 0)


def test_of_two_at_once_the_later_look_holds(stack: Stack) -> None:
    """A publisher that has looked at the table and is overtaken before it writes cannot put the old content back."""
    topic = topic_of(stack, "hub.overtaken")

    def look() -> Said:
        assert make_equal(stack, topic, {b"a": b"new"}) == Published(1, 0, 0)
        return Said({b"a": b"old"}, lambda _: True)

    with pytest.raises(KafkaException):
        publish(stack.bootstrap_servers, topic, look)
    assert log(stack, topic) == [(b"a", b"new")]


def test_a_publisher_that_stopped_half_way_leaves_nothing(stack: Stack) -> None:
    """Its open transaction is ended before the topic is read, and it can commit no more."""
    topic = topic_of(stack, "hub.fenced")
    names = {"bootstrap.servers": stack.bootstrap_servers, "transactional.id": f"sitehub.publish.{topic}"}
    stopped = Producer({**names, "log_level": 0})
    stopped.init_transactions(30)
    stopped.begin_transaction()
    stopped.produce(topic, b"1", b"a")
    stopped.flush(30)
    assert make_equal(stack, topic, {b"a": b"1"}) == Published(1, 0, 0)
    with pytest.raises(KafkaException):
        stopped.commit_transaction(30)
    assert log(stack, topic) == [(b"a", b"1")]


@pytest.mark.usefixtures("unverified")
@pytest.mark.parametrize(("ends", "done"), [("commit", Published(0, 0, 1)), ("abort", Published(1, 0, 0))])
def test_what_kafka_forgot_to_end_is_ended_first(stack: Stack, ends: str, done: Published) -> None:
    """A partition without the marker of the last transaction: what was committed stands there, once."""
    topic, other = (topic_of(stack, f"hub.forgotten.{name}.{ends}") for name in ("here", "there"))

    asyncio.run(
        end_in_part(
            stack.bootstrap_servers,
            f"sitehub.publish.{topic}",
            stands=ends == "commit",
            told={TopicPartition(other, 0): one_record(b"1", b"a")},
            untold={TopicPartition(topic, 0): one_record(b"1", b"a")},
        )
    )
    assert make_equal(stack, topic, {b"a": b"1"}) == done
    assert log(stack, topic) == [(b"a", b"1")]
