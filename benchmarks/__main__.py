"""`python -m benchmarks check | throughput | latency | scale | report`; `make bench` runs them in this order."""

import os
import time
from collections.abc import Callable

os.environ.setdefault("POLARS_MAX_THREADS", "1")

import cyclopts
import stamina.instrumentation

from benchmarks import latency as quick
from benchmarks import report as published
from benchmarks import scale as growth
from benchmarks import throughput as through
from infra.signals import interrupted_by_signals

app = cyclopts.App(name="benchmarks", help=__doc__)


@app.command
def check() -> None:
    """Every contestant's records are those of the hub (about 2 minutes)."""
    _timed(through.check)


@app.command
def throughput(*, readings: int = 1_000_000, rounds: int = 3, odd_readings: int = 400_000) -> None:
    """All contestants over the same readings, interleaved; then hub and Kafka Streams over odd traffic (15 minutes)."""
    _timed(lambda: through.main_rounds(readings, rounds))
    _timed(lambda: through.odd_rounds(odd_readings, rounds))


@app.command
def latency(*, rounds: int = 1) -> None:
    """From sent to visible at two rates, and the hub's curve over its allowed latency (6 minutes a round)."""
    _timed(lambda: quick.rounds(rounds))


@app.command
def scale(*, rounds: int = 1) -> None:
    """Workers, partitions, record size, bad records, kinds (half an hour a round)."""
    _timed(lambda: growth.points(rounds))


@app.command
def report() -> None:
    """Write RESULTS.md and docs/scale.md from the results."""
    published.write()


def _timed(part: Callable[[], None]) -> None:
    began = time.monotonic()
    part()
    print(f"done in {time.monotonic() - began:.0f} s")


if __name__ == "__main__":
    stamina.instrumentation.set_on_retry_hooks([])  # a broker that has just started is asked again, which is no news
    with interrupted_by_signals():  # contestants and stack are ended on the way out
        app()
