"""Whether a service that is asked until it answers does answer (等待应答), for metrics and health."""

from __future__ import annotations

import time
from collections.abc import Hashable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from prometheus_client import Metric
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import REGISTRY, Collector, CollectorRegistry


@dataclass(frozen=True)
class Outage:
    """Since when (s since 1970) the longest waiting request waits, and how often the most tried one was tried."""

    since: float
    attempts: int


class Answers(Collector):
    """What the requests to one service meet. Requests that wait are known one by one, so that one which is answered
    does not hide another that is not."""

    def __init__(self, service: str, registry: CollectorRegistry = REGISTRY) -> None:
        """`service` is how the metrics call it."""
        self._service = service
        self._waiting: dict[Hashable, Outage] = {}
        self._asked = False
        registry.register(self)

    @contextmanager
    def asking(self) -> Iterator[Asking]:
        """A request, tried until it is answered or given up."""
        asking = Asking(self._waiting)
        try:
            yield asking
        finally:
            self._waiting.pop(asking, None)
            self._asked = True

    def outage(self) -> Outage | None:
        """The outage that requests wait out now; None when none waits."""
        waiting = [*self._waiting.values()]
        if not waiting:
            return None
        return Outage(min(one.since for one in waiting), max(one.attempts for one in waiting))

    def collect(self) -> Iterator[Metric]:
        """Gauges; none before the first request was tried."""
        found = self.outage()
        if found is None and not self._asked:
            return
        name = f"sitehub_{self._service}"
        waited, attempts = (time.time() - found.since, found.attempts) if found else (0.0, 0)
        yield GaugeMetricFamily(f"{name}_answering", "0: at least one request waits for an answer", float(not found))
        yield GaugeMetricFamily(f"{name}_waiting_seconds", "How long the longest request has waited", waited)
        yield GaugeMetricFamily(f"{name}_attempts", "How often a waiting request was tried", attempts)


class Asking:
    """One request."""

    def __init__(self, waiting: dict[Hashable, Outage]) -> None:
        self._waiting = waiting

    def failed(self) -> int:
        """Tried, and not answered; how often by now."""
        before = self._waiting.get(self, Outage(time.time(), 0))
        self._waiting[self] = Outage(before.since, before.attempts + 1)
        return before.attempts + 1
