"""Reads a canonical topic to its end and prints each event as a CloudEvent, one JSON line each (读取标准数据).

    python examples/python/read_topic.py canonical.dust-reading

Of several records of one event the latest received holds.
"""

import json
import os
import struct
import sys
from collections.abc import Iterator
from io import BytesIO
from typing import Any

import fastavro
from cloud_event import PLACE, cloud_event
from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaError, KafkaException, TopicPartition
from confluent_kafka.schema_registry import SchemaRegistryClient

SERVERS = os.environ.get("SITEHUB_BOOTSTRAP_SERVERS", "127.0.0.1:19092")
REGISTRY = os.environ.get("SITEHUB_REGISTRY_URL", "http://127.0.0.1:18081/apis/ccompat/v7")
AGE = ("received_at", *PLACE)


class Schemas:
    """Schemas of the registry, each asked for once."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._client = SchemaRegistryClient({"url": url})
        self._known: dict[int, Any] = {}

    def read(self, value: bytes) -> tuple[dict[str, Any], str, str]:
        """The record of a value, its schema's name and address. A value is a zero byte, four of the id, and Avro."""
        magic, schema_id = struct.unpack_from(">BI", value)
        if magic != 0:
            raise ValueError(f"the value begins with {magic}, not with 0")
        if schema_id not in self._known:
            self._known[schema_id] = fastavro.parse_schema(json.loads(self._client.get_schema(schema_id).schema_str))
        schema = self._known[schema_id]
        record = fastavro.schemaless_reader(BytesIO(value[5:]), schema, None)
        return record, schema["name"], f"{self._url}/schemas/ids/{schema_id}"


def messages(topic: str) -> Iterator[tuple[str, bytes]]:
    """Key and value of every committed record of a topic, from its beginning to its present end.

    Who follows a topic day by day subscribes with a group.id of his own instead, and stores what he has taken before
    he commits.
    """
    consumer = Consumer(
        {
            "bootstrap.servers": SERVERS,
            "group.id": "unused",
            "enable.auto.commit": False,
            "isolation.level": "read_committed",
            "enable.partition.eof": True,
        }
    )
    places = [
        TopicPartition(topic, number, OFFSET_BEGINNING)
        for number in consumer.list_topics(topic, timeout=10).topics[topic].partitions
    ]
    consumer.assign(places)
    ended = 0
    while ended < len(places):
        message = consumer.poll(10)
        if message is None:
            raise TimeoutError(f"nothing came from {topic} for 10 s")
        error = message.error()
        if error is None:
            yield message.key().decode(), message.value()
        elif error.code() == KafkaError._PARTITION_EOF:
            ended += 1
        else:
            raise KafkaException(error)
    consumer.close()


def main(topic: str) -> None:
    """Print what holds, in the order in which the events were first read."""
    schemas = Schemas(REGISTRY)
    events: dict[str, tuple[dict[str, Any], str, str, str]] = {}
    for key, value in messages(topic):
        record, schema, address = schemas.read(value)
        known = events.get(record["event_id"])
        if known is None or _age(known[0]) < _age(record):
            events[record["event_id"]] = (record, schema, key, address)
    for event in events.values():
        print(json.dumps(cloud_event(*event), ensure_ascii=False))


def _age(record: dict[str, Any]) -> tuple[Any, ...]:
    return tuple(record[field] for field in AGE)


if __name__ == "__main__":
    main(sys.argv[1])
