"""Sending with confluent-kafka (发送): every record is acknowledged or the whole is an error."""

from __future__ import annotations

from typing import Final, cast

from confluent_kafka import KafkaError, KafkaException, Message, Producer

from streams.records import Headers

FLUSH_S: Final = 120
ANY_PARTITION: Final = -1  # by the key


class Sender:
    """Sends records and remembers where each arrived."""

    def __init__(self, producer: Producer) -> None:
        self._producer = producer
        self._error: object = None
        self._arrived: dict[int, tuple[str, int, int]] = {}
        self._sent = 0

    def send(
        self,
        topic: str,
        value: bytes | None,
        key: bytes | None,
        headers: Headers | None = None,
        partition: int = ANY_PARTITION,
    ) -> None:
        """Hand one record over; waits where the queue is full."""
        number, self._sent = self._sent, self._sent + 1

        def delivered(error: object, message: Message) -> None:
            if error is not None:
                self._error = self._error or error
            else:
                place = (message.topic(), message.partition(), message.offset())
                self._arrived[number] = cast("tuple[str, int, int]", place)

        while True:
            try:
                self._producer.produce(topic, value, key, partition, headers=[*(headers or ())], on_delivery=delivered)
            except BufferError:
                self._producer.poll(0.1)
            else:
                break
        self._producer.poll(0)

    def finish(self) -> list[tuple[str, int, int]]:
        """Wait for all; (topic, partition, offset) of each in the order of sending. KafkaException if one failed."""
        try:
            self._producer.flush(FLUSH_S)
        except SystemError as lost:  # a delivery report took the fatal error's place (confluent-kafka 2.16)
            raise KafkaException(self._error or KafkaError(KafkaError._FATAL, "the producer is dead")) from lost
        if self._error is not None:
            raise KafkaException(self._error)
        if len(self._arrived) < self._sent:
            raise TimeoutError(
                f"{self._sent - len(self._arrived)} of {self._sent} records got no answer in {FLUSH_S} s"
            )
        return [self._arrived[number] for number in range(self._sent)]
