"""Taking an id over (接管): a new producer of it, after which no older one can commit anything."""

from __future__ import annotations

from collections.abc import Collection

import stamina
from aiokafka import TopicPartition
from aiokafka.errors import ConcurrentTransactions, KafkaError

from streams.once_producer import OnceProducer


def _passes(error: Exception) -> bool:
    """No broker answers, or not yet."""
    return isinstance(error, KafkaError) and (error.retriable or isinstance(error, ConcurrentTransactions))


# A coordinator that is just coming up is there in a moment; a broker that is away is not asked more often than usual.
@stamina.retry(on=_passes, attempts=None, timeout=None, wait_initial=0.05, wait_jitter=0.05)
async def fencing_producer(
    bootstrap_servers: str,
    transactional_id: str,
    reach: Collection[TopicPartition],
    group: str | None = None,
    *,
    patience_s: float = 0.0,
) -> OnceProducer:
    """A started producer: every older one of the same id is fenced, and what it left open is ended, in the log as well
    as in Kafka's opinion.

    `reach`: all partitions where records of the id can be, at least one; `group`: whose offset it may hold;
    `patience_s`: how long to wait, when a broker has answered, before older ones are fenced. Waits as long as no broker
    answers. KafkaError where Kafka refuses.
    """
    producer = OnceProducer(bootstrap_servers, transactional_id, reach, group)
    try:
        await producer.start(patience_s)
    except BaseException:
        await producer.stop()
        raise
    return producer
