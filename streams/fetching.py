"""How the worker fetches: only committed uploads, and not one by one.

Faust has no option for the isolation level outside its own transactions, nor for the broker's patience: it asks a
thousand times a second and gets a few records each time. Both are set on the aiokafka consumer right after Faust made
it and before it starts. Checked with faust-streaming 0.15.3 and aiokafka 0.14; `tests/streams/test_faust_hooks.py`
fails where either no longer fits.
"""

from __future__ import annotations

from typing import Any, Final

from faust.transport.drivers.aiokafka import AIOKafkaConsumerThread, Consumer, Transport

FETCH_SETTINGS: Final = {
    "_isolation_level": "read_committed",  # an upload of a vendor's aborted transaction was never sent
    "_fetch_min_bytes": 64 << 10,
    "_fetch_max_wait_ms": 20,
}


class PatientThread(AIOKafkaConsumerThread):
    """Makes the worker's aiokafka consumer with FETCH_SETTINGS."""

    def _create_worker_consumer(self, transport: Any) -> Any:
        consumer = super()._create_worker_consumer(transport)
        for name, value in FETCH_SETTINGS.items():
            if not hasattr(consumer, name):
                raise RuntimeError(f"aiokafka's consumer has no {name} any more: mend streams/fetching.py")
            setattr(consumer, name, value)
        return consumer


class PatientConsumer(Consumer):
    """Faust's consumer with PatientThread."""

    def _new_consumer_thread(self) -> PatientThread:
        return PatientThread(self, loop=self.loop, beacon=self.beacon)


class PatientTransport(Transport):
    """Faust's Kafka transport with PatientConsumer."""

    Consumer = PatientConsumer
