"""Durations of a whole batch at once (批量时延): a Prometheus histogram that costs the same for one as for thousands.

prometheus-client's own histogram takes one value a call, which a batch of thousands of records cannot afford.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray
from prometheus_client import Metric
from prometheus_client.core import HistogramMetricFamily
from prometheus_client.registry import REGISTRY, Collector, CollectorRegistry

# From what a quick commit takes to the day after which a site's upload no longer counts for anything; s.
BOUNDS: Final = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0, 600.0, 3600.0, 86_400.0)


class Latencies(Collector):
    """A histogram of seconds with labels, filled batch by batch."""

    def __init__(
        self,
        name: str,
        documentation: str,
        labels: Sequence[str],
        bounds: Sequence[float] = BOUNDS,
        registry: CollectorRegistry = REGISTRY,
    ) -> None:
        """`bounds` are the upper ends of the buckets, ascending, included."""
        self._name, self._documentation, self._labels = name, documentation, labels
        self._bounds = np.array(bounds)
        self._names = [*map(str, bounds), "+Inf"]
        self._counts: dict[tuple[str, ...], NDArray[np.int64]] = {}
        self._sums: dict[tuple[str, ...], float] = {}
        self._changing = threading.Lock()
        registry.register(self)

    def observe(self, labels: tuple[str, ...], seconds: NDArray[np.float64]) -> None:
        """Count durations (s, any number of them) under one set of label values."""
        places = np.searchsorted(self._bounds, seconds, side="left")
        counts = np.bincount(places, minlength=len(self._names))
        with self._changing:
            self._counts[labels] = self._counts.get(labels, 0) + counts
            self._sums[labels] = self._sums.get(labels, 0.0) + float(seconds.sum())

    def collect(self) -> Iterator[Metric]:
        """The histogram as Prometheus reads it: cumulative counts."""
        family = HistogramMetricFamily(self._name, self._documentation, labels=self._labels)
        with self._changing:
            for labels, counts in self._counts.items():
                buckets = list(zip(self._names, map(float, counts.cumsum()), strict=True))
                family.add_metric(labels, buckets, self._sums[labels])
        yield family
