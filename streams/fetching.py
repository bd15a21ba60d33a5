"""How the worker fetches: only committed uploads, and not one by one.

Faust has no option for the isolation level outside its own transactions, nor for the broker's patience: it asks a
thousand times a second and gets a few records each time. While uploads come, the broker gathers them for GATHERING;
where none came, it waits for the first: otherwise a hundred silent partitions, all named in each request, cost the
broker half a core. Checked with faust-streaming 0.15.3 and aiokafka 0.14; `tests/streams/test_faust_hooks.py` fails
where either no longer fits.
"""

from __future__ import annotations

from typing import Any, Final, NamedTuple

from aiokafka.consumer import consumer as making
from aiokafka.consumer.fetcher import Fetcher
from faust.transport.drivers.aiokafka import AIOKafkaConsumerThread, Consumer, Transport


class Patience(NamedTuple):
    """The broker answers when it has so many bytes, or after so long."""

    min_bytes: int
    wait_ms: int


GATHERING: Final = Patience(64 << 10, 10)
WAITING: Final = Patience(1, 250)
ISOLATION: Final = "read_committed"  # an upload of a vendor's aborted transaction was never sent


class PatientFetcher(Fetcher):
    """Asks with the patience that the last answer calls for."""

    _found = True

    def _get_actions_per_node(self, assignment: Any) -> Any:
        # Of a partition whose records still wait to be taken nothing is asked: it shall not be left out for long.
        patience = GATHERING if self._found or self._records else WAITING
        self._fetch_min_bytes, self._fetch_max_wait_ms = patience
        return super()._get_actions_per_node(assignment)

    async def _proc_fetch_request(self, assignment: Any, node_id: int, request: Any) -> bool:
        self._found = bool(await super()._proc_fetch_request(assignment, node_id, request))
        return self._found


class PatientThread(AIOKafkaConsumerThread):
    """Makes the worker's aiokafka consumer, which is to see committed records only."""

    def _create_worker_consumer(self, transport: Any) -> Any:
        consumer = super()._create_worker_consumer(transport)
        if not hasattr(consumer, "_isolation_level"):
            raise RuntimeError("aiokafka's consumer has no _isolation_level any more: mend streams/fetching.py")
        consumer._isolation_level = ISOLATION
        return consumer


class PatientConsumer(Consumer):
    """Faust's consumer with PatientThread."""

    def _new_consumer_thread(self) -> PatientThread:
        return PatientThread(self, loop=self.loop, beacon=self.beacon)


class PatientTransport(Transport):
    """Faust's Kafka transport with PatientConsumer."""

    Consumer = PatientConsumer


def fetch_patiently() -> None:
    """Let every consumer of this process have a PatientFetcher."""
    making.Fetcher = PatientFetcher
