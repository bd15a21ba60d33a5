"""One run (浸泡): a stack under load, faults in seeded random order, several at once, and the proof afterwards."""

import random
import shutil
import signal
import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from datetime import date
from itertools import cycle
from pathlib import Path
from typing import Final

from infra.packages import Packages
from infra.topics import create_topics, topic_specs
from pipelines.catalog import Catalog
from pipelines.names import quarantine_topic
from simulation.simulate import simulate
from simulation.spec import Spec
from sitehub.landed import landed_rows
from sitehub.simulated import prepare
from store.lake import Lake
from streams.reading import spans
from streams.topics import raw_topics, topic_partitions
from tests.conftest import of_dust
from tests.faults.faults import Play, Strike, drawn
from tests.faults.load import Load
from tests.faults.proof import Proof, prove
from tests.faults.stage import PROVINCE, Stage, on_stage
from tests.faults.watch import Watch, recovery_s, stalls
from tests.system.processes import PROJECT, wait_until

AT_ONCE: Final = 4
MOVES_WITHIN_S: Final = 90  # beyond the longest fault
SETTLES_WITHIN_S: Final = 300
DAY: Final = date(2026, 3, 2)
SENT: Final = (signal.SIGKILL, signal.SIGTERM)  # by faults, and by whoever ends a program
UNCAUGHT: Final = 1  # how Python ends by an error that nobody has caught


@dataclass(frozen=True)
class Plan:
    """What a run is made of. gap_s: the mean pause between two faults; devices: of one simulated day of uploads."""

    seed: int
    brokers: int
    strikes: tuple[Strike, ...]
    per_second: int = 400
    gap_s: float = 4.0
    devices: int = 40
    registry_away_s: float = 60.0
    with_figures: bool = True

    @classmethod
    def random(cls, seed: int, brokers: int, count: int, devices: int) -> "Plan":
        """`count` faults drawn by the seed."""
        return cls(seed, brokers, tuple(drawn(brokers, count, random.Random(seed))), devices=devices)


@dataclass(frozen=True)
class Struck:
    """A fault that struck: seconds from the start of the run, and until all sent by its end was committed after it."""

    name: str
    began_s: float
    ended_s: float
    recovery_s: float | None


@dataclass(frozen=True)
class Soak:
    """What came of a run. stalls_s: how long partitions stood still with work before them, longest first."""

    plan: Plan
    seconds: float
    struck: tuple[Struck, ...]
    stalls_s: tuple[float, ...]
    ends: dict[str, dict[int, int]]
    proof: Proof

    @property
    def findings(self) -> tuple[str, ...]:
        """Effects of faults, and ends that nobody brought about."""
        return (*self.proof.findings, *crashes(self.ends))


def run(packages: Packages, home: Path, plan: Plan, tell: Callable[[str], None] = lambda _: None) -> Soak:
    """Run the plan in a folder of its own."""
    with on_stage(packages, home, plan.brokers) as stage:
        contracts = [Catalog.read(), other_contract(home / "contract")]
        load = provisioned(stage, contracts[0], plan)
        watch = Watch(stage.settings.bootstrap_servers, f"sitehub-{PROVINCE}", places(stage, contracts[0]))
        play = Play(stage, load, cycle([contracts[1].root, contracts[0].root]), plan.registry_away_s)
        watch.begin()
        load.begin()
        stage.begin_work()
        wait_until(lambda: watch.committed() > 0, "the first transaction", 120)
        began = time.monotonic()
        times = _strike_all(play, watch, plan, tell)
        load.end()
        tell(f"{len(times)} faults struck, {load.sent:,} uploads sent; waiting until all is done")
        settle(stage, watch, contracts[0])
        seconds = time.monotonic() - began
        stage.end_work()
        watch.end()
        tell("all stands still; comparing with the calm run")
        proof = prove(stage.settings, contracts, home / "calm", with_figures=plan.with_figures)
        ends = {program.name: dict(program.ends) for program in stage.programs if program.ends}
    struck = tuple(
        Struck(name, first - began, last - began, recovery_s(watch.samples, last)) for name, first, last in times
    )
    return Soak(plan, seconds, struck, tuple(stalls(watch.samples)), ends, proof)


def crashes(ends: Mapping[str, Mapping[int, int]]) -> list[str]:
    """Findings: programs that were ended by a signal which no fault sends, or by an error nobody had thought of."""
    codes = {(name, code): count for name, each in ends.items() for code, count in each.items()}
    return [
        f"{name}: ended {count} times by {signal.Signals(-code).name if code < 0 else f'exit code {code}'}"
        for (name, code), count in sorted(codes.items())
        if code == UNCAUGHT or (code < 0 and -code not in SENT)
    ]


def other_contract(folder: Path) -> Catalog:
    """The contract with another mapping: wind speeds are taken for kilometres an hour, so that every record differs."""
    shutil.copytree(PROJECT / "avro_schemas", folder)
    file = folder / "raw" / PROVINCE / "dust-reading.yaml"
    before, after = "{from: windSpeed, unit: m/s", "{from: windSpeed, unit: km/h"
    text = file.read_text("utf-8")
    if before not in text:
        raise ValueError(f"{file} no longer maps windSpeed as {before}; mend tests/faults/soak.py")
    file.write_text(text.replace(before, after), "utf-8")
    return Catalog.read(folder)


def provisioned(stage: Stage, catalog: Catalog, plan: Plan) -> Load:
    """Topics, schemas and the uploads to be sent: registers and readings of dust, not all kinds of the province."""
    catalog = of_dust(catalog)
    spec = Spec(DAY, days=1, devices=plan.devices, seed=plan.seed, provinces=(PROVINCE,))
    vendors = prepare(spec, stage.settings, catalog, topics=True)
    specs = topic_specs(catalog, stage.settings.partitions, 30, stage.settings.raw_timestamps, 38)
    wanted = ("canonical.", f"raw.{PROVINCE}.", quarantine_topic(PROVINCE))
    create_topics(stage.settings.bootstrap_servers, [each for each in specs if each.name.startswith(wanted)])
    uploads = simulate(spec, catalog, vendors).uploads
    own = uploads["topic"].str.starts_with(f"raw.{PROVINCE}.")
    return Load(stage.settings, catalog, uploads.filter(own), plan.per_second)


def places(stage: Stage, catalog: Catalog) -> list[tuple[str, int]]:
    """Every raw partition that the province's normalisers read."""
    partitions = topic_partitions(stage.settings.bootstrap_servers)
    topics = [topic.topic for topic in raw_topics(partitions, PROVINCE, catalog)]
    return [(topic, number) for topic in topics for number in range(partitions[topic])]


def _strike_all(play: Play, watch: Watch, plan: Plan, tell: Callable[[str], None]) -> list[tuple[str, float, float]]:
    """Name, begin and end (monotonic s) of every fault, in the order of the plan.

    A hub that stands still anyway would bear any fault: each strikes only when something was committed since the last.
    """
    rng = random.Random(plan.seed)
    free = threading.Semaphore(AT_ONCE)

    def one(number: int, strike: Strike) -> tuple[str, float, float]:
        began = time.monotonic()
        try:
            strike(play, random.Random(f"{plan.seed}/{number}"))
        finally:
            free.release()
        return strike.__name__, began, time.monotonic()

    running: list[Future[tuple[str, float, float]]] = []
    stood = 0
    with ThreadPoolExecutor(AT_ONCE) as hands:
        for number, strike in enumerate(plan.strikes, start=1):
            time.sleep(rng.uniform(0, 2 * plan.gap_s))
            free.acquire()
            with suppress(AssertionError):
                wait_until(lambda stood=stood: watch.committed() > stood, "the hub at work again", MOVES_WITHIN_S)
            stood = watch.committed()
            tell(f"{number}/{len(plan.strikes)} {strike.__name__}")
            running.append(hands.submit(one, number, strike))
            for fault in running:
                if fault.done():
                    fault.result()  # a fault that could not strike ends the run
    return [fault.result() for fault in running]


def settle(stage: Stage, watch: Watch, catalog: Catalog) -> None:
    """Wait until all is committed and landed; what does not come is for the proof to find."""
    with suppress(AssertionError):
        wait_until(watch.is_done, "all committed", SETTLES_WITHIN_S)
        servers = stage.settings.bootstrap_servers
        partitions = topic_partitions(servers)
        raw = {topic: partitions[topic] for topic, _ in places(stage, catalog)}
        sent = sum(end - begin for begin, end in spans(servers, raw).values())
        lake = Lake(stage.settings.lake_url, stage.settings.catalog_dir)
        wait_until(lambda: landed_rows(lake, catalog) >= sent, "all landed", SETTLES_WITHIN_S)
