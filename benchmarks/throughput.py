"""Throughput (吞吐): the same readings through every contestant, one core each, in interleaved rounds."""

from dataclasses import asdict
from itertools import count
from typing import Final

from benchmarks.contestant import Contestant, prepare
from benchmarks.equality import difference
from benchmarks.equality import results as records_of
from benchmarks.measure import measure
from benchmarks.results import Results
from benchmarks.roster import all_contestants, hub_contestant, kafka_streams
from benchmarks.stack import Stack, running
from benchmarks.workload import CHECKED, MAIN, ODD, Workload, fill

PARTITIONS: Final = 2
SAMPLE: Final = 20_000
_number = count()


def check(readings: int = SAMPLE) -> None:
    """Every contestant must give the hub's records of a workload with everything odd in it; RuntimeError otherwise."""
    contestants = all_contestants()
    with running(PARTITIONS) as stack:
        readings = sum(fill(stack, CHECKED, readings).values())
        hub, *others = contestants
        ours = records_of(hub, _prepared(stack, hub, CHECKED), readings)
        rejected = sum(len(result) > 3 for result in ours.values())
        print(f"{hub.name}: {readings:,} uploads, {rejected:,} of them quarantined")
        for other in others:
            found = difference(ours, records_of(other, _prepared(stack, other, CHECKED), readings))
            if found:
                raise RuntimeError(f"{other.name} ({other.guarantee}) differs: {found}")
            print(f"{other.name} ({other.guarantee}): equal")


def main_rounds(readings: int, rounds: int) -> None:
    """Rounds of all contestants over the main workload."""
    _rounds(MAIN, all_contestants(), readings, rounds)


def odd_rounds(readings: int, rounds: int) -> None:
    """Rounds of hub and Kafka Streams, both exactly once, over each odd workload."""
    for workload in ODD:
        _rounds(workload, [hub_contestant(), kafka_streams("exactly_once")], readings, rounds)


def _rounds(workload: Workload, contestants: list[Contestant], readings: int, rounds: int) -> None:
    results = Results("throughput")
    wanted = [
        (number, contestant, which)
        for number in range(1, rounds + 1)
        for contestant in contestants
        if not results.has(
            **(which := {"workload": workload.name, **_identity(contestant), "round": number, "filled": readings})
        )
    ]
    if not wanted:
        return
    with running(PARTITIONS) as stack:
        filled = sum(fill(stack, workload, readings).values())
        for number, contestant, which in wanted:
            most = min(contestant.most or filled, filled)
            measured = measure(contestant, _prepared(stack, contestant, workload), most)
            results.add({**which, **asdict(measured)})
            print(
                f"{workload.name} round {number}: {contestant.name} {contestant.guarantee} "
                f"{measured.events_per_s:,.0f}/s, {measured.per_cpu_s:,.0f} per CPU s, "
                f"core {measured.core_share:.0%}, broker {measured.broker_share:.0%}, {measured.peak_mb:.0f} MiB",
                flush=True,
            )


def _identity(contestant: Contestant) -> dict[str, str]:
    return {"contestant": contestant.name, "guarantee": contestant.guarantee}


def _prepared(stack: Stack, contestant: Contestant, workload: Workload):  # type: ignore[no-untyped-def]
    return prepare(stack, contestant, workload.provinces, next(_number))
