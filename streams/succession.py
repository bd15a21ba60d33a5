"""Taking over a transactional id (接任): for commands that make one transaction and are gone again."""

from __future__ import annotations

import asyncio
from collections.abc import Collection
from typing import Any, Final

from aiokafka import TopicPartition
from aiokafka.errors import KafkaError as RefusedError
from confluent_kafka import KafkaError, KafkaException, Producer

from streams.fencing import fencing_producer

TIMEOUT_S: Final = 60


def succeeding_producer(
    bootstrap_servers: str, transactional_id: str, reach: Collection[TopicPartition], **settings: Any
) -> Producer:
    """A producer ready for its first transaction: older ones of the id are fenced, and all they left is ended, in the
    log as well as in Kafka's opinion (`leftovers`).

    `reach`: all partitions where records of the id can be, at least one; `settings`: more of librdkafka's.
    KafkaException or TimeoutError where Kafka refuses or does not answer.
    """
    try:
        asyncio.run(_settled(bootstrap_servers, transactional_id, reach))
    except RefusedError as error:
        raise KafkaException(KafkaError(getattr(error, "errno", KafkaError._FAIL), str(error))) from error
    producer = Producer(
        {
            "bootstrap.servers": bootstrap_servers,
            "transactional.id": transactional_id,
            "log_level": 3,  # a coordinator that is just coming up is asked again, which is no news
            **settings,
        }
    )
    producer.init_transactions(TIMEOUT_S)
    return producer


async def _settled(bootstrap_servers: str, transactional_id: str, reach: Collection[TopicPartition]) -> None:
    try:
        async with asyncio.timeout(TIMEOUT_S):
            producer = await fencing_producer(bootstrap_servers, transactional_id, reach)
            await producer.stop()
    except TimeoutError as error:
        raise TimeoutError(f"nothing could be learned of {transactional_id} within {TIMEOUT_S} s") from error
