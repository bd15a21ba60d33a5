"""Durations counted a batch at a time."""

import numpy as np
from prometheus_client import CollectorRegistry, Histogram, generate_latest

from streams.latencies import Latencies


def test_a_batch_counts_as_its_values_one_by_one() -> None:
    """The exposition is that of prometheus-client's own histogram of the same values, the bounds included."""
    values = [0.0, 0.1, 0.100001, 0.5, 3.0, 1e6, -2.0]
    ours, theirs = CollectorRegistry(), CollectorRegistry()
    batches = Latencies("delay_seconds", "Delay", ["topic"], (0.1, 0.5, 2.5), ours)
    batches.observe(("a",), np.array(values[:3]))
    batches.observe(("a",), np.array(values[3:]))
    single = Histogram("delay_seconds", "Delay", ["topic"], buckets=(0.1, 0.5, 2.5), registry=theirs)
    for value in values:
        single.labels("a").observe(value)
    created = b"delay_seconds_created"
    expected = [line for line in generate_latest(theirs).splitlines() if created not in line]
    assert generate_latest(ours).splitlines() == expected
