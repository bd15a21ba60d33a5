"""The real broker and registry of the local stack."""

import time
from pathlib import Path

import httpx
import pytest
from confluent_kafka import Consumer, Producer, TopicPartition

from infra.errors import StackError
from infra.stack.broker import broker_answers
from infra.stack.ports import free_ports, need_free
from infra.topics import create_topics, raw_spec
from tests.conftest import Stack


def test_a_record_written_to_a_raw_topic_is_read_back_with_the_brokers_time(stack: Stack) -> None:
    """A raw topic stamps the broker's time, whatever the sender claims."""
    topic = "raw.guizhou.stack-check"
    create_topics(stack.bootstrap_servers, [raw_spec(topic, 1, 1, "LogAppendTime")])
    producer = Producer({"bootstrap.servers": stack.bootstrap_servers})
    producer.produce(topic, value=b"upload", timestamp=1000)
    assert producer.flush(10) == 0
    consumer = Consumer(
        {"bootstrap.servers": stack.bootstrap_servers, "group.id": "stack-check", "auto.offset.reset": "earliest"}
    )
    consumer.subscribe([topic])
    message = consumer.poll(20)
    consumer.close()
    assert message is not None
    assert message.value() == b"upload"
    assert abs(message.timestamp()[1] - time.time() * 1000) < 60_000


def test_creating_a_topic_again_changes_nothing(stack: Stack) -> None:
    """The second creation reports nothing as created and keeps the partitions."""
    create_topics(stack.bootstrap_servers, [raw_spec("raw.guizhou.twice", 3, 1, "LogAppendTime")])
    assert create_topics(stack.bootstrap_servers, [raw_spec("raw.guizhou.twice", 5, 1, "LogAppendTime")]) == []
    assert stack.topics()["raw.guizhou.twice"] == 3


def test_a_topic_nobody_created_does_not_come_into_being(stack: Stack) -> None:
    """A misspelt topic is refused, not silently made."""
    producer = Producer({"bootstrap.servers": stack.bootstrap_servers, "message.timeout.ms": 5000, "log_level": 0})
    producer.produce("raw.guizhou.misspelt", value=b"upload")
    producer.flush(10)
    assert "raw.guizhou.misspelt" not in stack.topics()


def test_registry_speaks_the_confluent_api(stack: Stack) -> None:
    """A registered schema is found again under its id."""
    schema = '{"type":"record","name":"Check","fields":[]}'
    made = httpx.post(f"{stack.registry_url}/subjects/check-value/versions", json={"schema": schema}).json()
    found = httpx.get(f"{stack.registry_url}/schemas/ids/{made['id']}").json()
    assert '"Check"' in found["schema"]


def test_a_busy_port_is_named_with_the_setting_that_changes_it(stack: Stack) -> None:
    """The sentence holds the port and the variable."""
    port = int(stack.bootstrap_servers.rpartition(":")[2])
    with pytest.raises(StackError, match=rf"Port {port} is taken by process \d+ \(java\).*SITEHUB_BOOTSTRAP_SERVERS"):
        need_free(port, "SITEHUB_BOOTSTRAP_SERVERS")
    need_free(free_ports(1)[0], "SITEHUB_DAGSTER_PORT")


def test_a_free_port_is_no_outgoing_connections() -> None:
    """A client that waits for a broker cannot be given the broker's port."""
    ports = free_ports(200)
    lowest = int(Path("/proc/sys/net/ipv4/ip_local_port_range").read_text("ascii").split()[0])
    assert len(set(ports)) == 200
    assert max(ports) < lowest


def test_a_broker_that_is_killed_comes_back_with_its_data(own_stack: Stack) -> None:
    """After kill -9 the broker is started again and still has what was acknowledged."""
    topic = "raw.guizhou.kept"
    create_topics(own_stack.bootstrap_servers, [raw_spec(topic, 1, 1, "LogAppendTime")])
    producer = Producer({"bootstrap.servers": own_stack.bootstrap_servers})
    producer.produce(topic, value=b"upload")
    assert producer.flush(10) == 0
    broker = own_stack.supervisor.runs["broker"]
    broker.process.kill()
    until = time.monotonic() + 60
    while not (broker.restarts == 1 and broker_answers(own_stack.bootstrap_servers)):
        assert time.monotonic() < until
        time.sleep(0.1)
    consumer = Consumer(
        {"bootstrap.servers": own_stack.bootstrap_servers, "group.id": "kept", "auto.offset.reset": "earliest"}
    )
    consumer.assign([TopicPartition(topic, 0, 0)])
    message = consumer.poll(30)
    consumer.close()
    assert message is not None
    assert message.value() == b"upload"
