"""What Kafka says when it fails, as one sentence and the remedy."""

from collections.abc import Iterator
from contextlib import contextmanager

from confluent_kafka import KafkaException

from infra.errors import StackError


@contextmanager
def explained(bootstrap_servers: str) -> Iterator[None]:
    """Turn a fault of Kafka inside the block into a StackError."""
    try:
        yield
    except (KafkaException, TimeoutError) as error:
        cause = error.args[0].str() if isinstance(error, KafkaException) else str(error)
        raise StackError(
            f"Kafka at {bootstrap_servers} is not in order: {cause}.",
            "Start it with `sitehub up`, or set SITEHUB_BOOTSTRAP_SERVERS; then run the command again.",
        ) from error
