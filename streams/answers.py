"""What Kafka's answer to a request of a transaction means (应答)."""

from __future__ import annotations

from typing import Final

from aiokafka.errors import ProducerFenced, for_code

# Kafka's codes. Not done: the broker could not ask the coordinator, this one is loading, or it is ending the last
# transaction. Fenced: another holds the id. Abortable: the transaction cannot be committed, the next one may.
NOT_DONE: Final = (13, 14, 19, 51)
FENCED: Final = (47, 90)
ABORTABLE: Final = 120


class BrokenOffError(Exception):
    """A transaction broke off. Whether it stands, the offset that a new producer of the same id finds tells."""


def is_done(code: int, transactional_id: str) -> bool:
    """Whether Kafka has done what was asked in a transaction of the id; False where the same is to be asked again.

    ProducerFenced where another holds the id; BrokenOffError where Kafka asks to abort; any other KafkaError where it
    refuses for good.
    """
    if code in FENCED:
        raise ProducerFenced(transactional_id)
    if code == ABORTABLE:
        raise BrokenOffError(f"Kafka asks to abort a transaction of {transactional_id}")
    if code and code not in NOT_DONE:
        raise for_code(code)(f"Kafka's error {code} in a transaction of {transactional_id}")
    return not code
