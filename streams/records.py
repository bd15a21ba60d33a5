"""A Kafka record as plain values, with the names that aiokafka's records have too."""

from __future__ import annotations

from operator import methodcaller
from typing import Final, NamedTuple, cast

from confluent_kafka import KafkaException, Message

Headers = list[tuple[str, bytes | None]]
# Not message.headers(): where a name is no UTF-8, confluent-kafka 2 returns a broken list and leaves an error behind.
# A call by way of C is always checked for that; a direct one, once hot, is not, and the broken list crashes later.
HEADERS_OF: Final = methodcaller("headers")


class UnreadableHeadersError(Exception):
    """A header's name is no UTF-8: confluent-kafka cannot give the headers; streams/header_names.py can."""


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
    """The record of a consumed message; KafkaException where it is an error, else perhaps UnreadableHeadersError."""
    error = message.error()
    if error is not None:
        raise KafkaException(error)
    try:
        headers = HEADERS_OF(message) or []
    except SystemError as unreadable:  # what Python makes of confluent-kafka's forgotten UnicodeDecodeError
        raise UnreadableHeadersError(f"{message.topic()}-{message.partition()}-{message.offset()}") from unreadable
    return Record(
        cast("str", message.topic()),
        cast("int", message.partition()),
        cast("int", message.offset()),
        message.timestamp()[1],
        message.key(),
        message.value(),
        cast("Headers", headers),
    )
