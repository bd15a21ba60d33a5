"""A Kafka record as plain values, with the names that aiokafka's records have too."""

from __future__ import annotations

from typing import NamedTuple, cast

from confluent_kafka import KafkaException, Message

Headers = list[tuple[str, bytes | None]]


class Record(NamedTuple):
    """timestamp: epoch ms."""

    topic: str
    partition: int
    offset: int
    timestamp: int
    key: bytes | None
    value: bytes | None
    headers: Headers


def record_of(message: Message) -> Record:
    """The record of a consumed message; KafkaException where the message is an error."""
    error = message.error()
    if error is not None:
        raise KafkaException(error)
    return Record(
        cast("str", message.topic()),
        cast("int", message.partition()),
        cast("int", message.offset()),
        message.timestamp()[1],
        message.key(),
        message.value(),
        cast("Headers", message.headers() or []),
    )
