"""Uploads into Kafka as vendors would send them 模拟发送."""

from collections.abc import Callable

import polars as pl
from confluent_kafka import KafkaError, Message, Producer

from simulation.encode import GUID_HEADER

LARGEST = 4 << 20  # bytes; damaged uploads above the hub's own limit must leave the sender


def producer(bootstrap_servers: str) -> Producer:
    """A producer that keeps order, repeats nothing and lets oversized uploads out."""
    return Producer(
        {
            "bootstrap.servers": bootstrap_servers,
            "enable.idempotence": True,
            "linger.ms": 20,
            "log_level": 3,  # a broker that has just started is asked again, which is no news
            "compression.type": "lz4",
            "message.max.bytes": LARGEST,
            "queue.buffering.max.kbytes": 64 << 10,
        }
    )


def send(uploads: pl.DataFrame, bootstrap_servers: str, sent: Callable[[int], None] = lambda _count: None) -> None:
    """Send uploads (columns as in Simulation.uploads) in their order, each with its own timestamp, and wait for all.

    `sent` is told now and then how many more have been handed over. RuntimeError when the broker refuses one.
    """
    link = producer(bootstrap_servers)
    refused: list[str] = []

    def delivered(error: KafkaError | None, message: Message) -> None:
        if error is not None:
            refused.append(f"{message.topic()}: {error.str()}")

    rows = uploads.select("topic", "key", "value", "guid", "timestamp")
    for part in rows.iter_slices(5_000):
        for topic, key, value, guid, timestamp in part.iter_rows():
            headers: list[tuple[str, str | bytes | None]] | None = [(GUID_HEADER, guid)] if guid is not None else None
            while not _accepted(link, topic, key, value, headers, timestamp, delivered):
                link.poll(0.2)
        link.poll(0)
        sent(part.height)
    link.flush()
    if refused:
        raise RuntimeError(
            f"{len(refused)} uploads were refused, the first: {refused[0]}. Look at the topic's settings."
        )


def _accepted(
    link: Producer,
    topic: str,
    key: bytes | None,
    value: bytes | None,
    headers: list[tuple[str, str | bytes | None]] | None,
    timestamp: int,
    delivered: Callable[[KafkaError | None, Message], None],
) -> bool:
    """False while the local queue is full."""
    try:
        link.produce(topic, value, key, timestamp=timestamp, headers=headers, on_delivery=delivered)
    except BufferError:
        return False
    return True
