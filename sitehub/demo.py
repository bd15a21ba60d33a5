"""The demo 演示: two simulated days of four provinces from upload to report, compared with the truth.

A stack of its own on free ports and in a folder of its own, everything stopped at the end whatever happens.
"""

import os
import shutil
import signal
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from datetime import datetime, timedelta
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

from infra.stack.ports import LOOPBACK, free_ports
from infra.stack.registry import registry_url
from infra.supervisor import Supervisor
from pipelines.catalog import Catalog
from simulation.encode import Registry
from simulation.send import send
from simulation.simulate import Simulation, simulate
from simulation.spec import LOCAL, Spec, world
from sitehub.demo_summary import Finished, summarise
from sitehub.fetching import fetch_packages
from sitehub.landed import await_landed
from sitehub.person_key import make_person_key, person_key
from sitehub.services import kafka_and_registry, provide_topics, workers
from sitehub.settings import Settings
from sitehub.simulated import prepare
from sitehub.truth import differences
from store.gold import closing_engine, upgrade
from store.lake import Lake
from streams.ledger import ledger

if TYPE_CHECKING:
    from assets.runs import Outcome

KILLED = ("normaliser-jiangsu", "landing")


class Steps:
    """Tells what is being done and how long it took; progress bars where there is a terminal."""

    def __init__(self, console: Console) -> None:
        self.console = console
        self.began = time.monotonic()

    @contextmanager
    def step(self, title: str, total: int | None = None) -> Iterator[Callable[[int], None]]:
        """A step; the block may tell its progress towards `total`."""
        began = time.monotonic()
        columns = (TextColumn("  {task.description}"), BarColumn(), MofNCompleteColumn())
        with Progress(
            *columns, console=self.console, transient=True, disable=total is None or not self.console.is_terminal
        ) as progress:
            task = progress.add_task(title, total=total)
            yield lambda count: progress.advance(task, count)
        self.console.print(f"  {title}  [dim]{time.monotonic() - began:.1f} s[/]")


def demo_settings(home: Path) -> Settings:
    """Settings of a demo: a home and free ports of its own; topics keep the simulated time of receipt."""
    broker, registry, dagster = free_ports(3)
    return Settings(
        home=home,
        bootstrap_servers=f"{LOOPBACK}:{broker}",
        registry_url=registry_url(registry),
        dagster_port=dagster,
        metrics_port=0,
        lake_url=str(home.absolute() / "lake"),
        gold_url=f"sqlite:///{home.absolute() / 'gold.sqlite'}",
        reports_dir=home / "reports",
        raw_timestamps="CreateTime",
    )


def yesterdays(days: int, devices: int) -> Spec:
    """The spec of the days that ended last midnight, of the kinds that the demo shows."""
    yesterday = datetime.now(LOCAL).date() - timedelta(days=1)
    return Spec(last_day=yesterday, days=days, devices=devices, kinds=tuple(world()["demo"]))


def run_demo(chosen: Settings, spec: Spec, kill: bool, steps: Steps) -> bool:
    """Start the stack, upload, land, compute, compare; True when all is as expected.

    kill: kill -9 a normaliser and the landing in the middle of the uploads.
    """
    packages = fetch_packages(chosen)
    shutil.rmtree(chosen.home, ignore_errors=True)
    make_person_key(chosen.person_key_file)
    catalog = Catalog.read(chosen.catalog_dir, person_key=person_key(chosen.person_key_file))
    with (
        simulating(spec, catalog) as (registry, simulated),
        Supervisor(chosen.home / "logs", tell=steps.console.print) as supervisor,
    ):
        with steps.step("Kafka and the registry"):
            supervisor.start(kafka_and_registry(chosen, packages, quick=True))
            provide_topics(chosen, catalog)
            upgrade(chosen.gold_url)
            registry.set_result(prepare(spec, chosen, catalog, topics=True))  # registers the schemas too
        with steps.step("normalisers of all feeds, and the landing"):
            supervisor.start(workers(chosen, catalog.provinces))
        with steps.step(f"{spec.days} days of {spec.devices} devices simulated meanwhile"):
            simulation = simulated.result()
            simulation.write(chosen.home / "simulation")
        _upload(simulation, chosen, supervisor, kill, steps)
        with steps.step("normalised and landed"):
            await_landed(chosen, supervisor.check)
        outcomes = _compute(chosen, steps)
        with steps.step("ledger drawn up, everything compared with the truth"):
            account = ledger(chosen.bootstrap_servers, catalog, catalog.provinces)
            found = _compare(chosen, simulation)
        good = summarise(Finished(chosen, simulation, outcomes), account, found, steps.console)
    steps.console.print(f"Everything stopped after {time.monotonic() - steps.began:.0f} s.")
    return good


@contextmanager
def simulating(spec: Spec, catalog: Catalog) -> Iterator[tuple[Future[Registry], Future[Simulation]]]:
    """Simulates beside the start of the servers, then imports Dagster and Great Expectations: all take seconds.

    Gives what the vendors will ask the registry for, to be filled in once it answers, and the simulation to come. The
    vendors ask only when all has happened and is to be encoded.
    """
    known: Future[Registry] = Future()
    asked = Registry(lambda subject: known.result().id_of(subject), lambda subject: known.result().guid_of(subject))
    with ThreadPoolExecutor(1) as beside:
        simulated = beside.submit(simulate, spec, catalog, asked)
        for slow in ("assets.runs", "quality.expectations.judge"):
            beside.submit(import_module, slow)
        try:
            yield known, simulated
        finally:
            known.cancel()  # nobody waits for a registry that did not come
            beside.shutdown(cancel_futures=True)


def _upload(simulation: Simulation, chosen: Settings, supervisor: Supervisor, kill: bool, steps: Steps) -> None:
    uploads = simulation.uploads
    with steps.step(f"{uploads.height:,} uploads sent", uploads.height) as advance:
        half = uploads.height // 2 if kill else 0
        send(uploads[:half], chosen.bootstrap_servers, advance)
        if kill:
            for name in KILLED:
                os.kill(supervisor.runs[name].process.pid, signal.SIGKILL)
            steps.console.print(f"  killed: {', '.join(KILLED)}")
        send(uploads[half:], chosen.bootstrap_servers, advance)


def _compute(chosen: Settings, steps: Steps) -> "list[Outcome]":
    """Materialise what changed in the lake."""
    from assets.hub import Hub  # Dagster takes seconds to import: beside the start of the workers, see simulating()
    from assets.runs import changed, instance_at, materialise, remember

    hub = Hub.at(chosen)
    with instance_at(chosen.home / "dagster") as instance:
        partitions, cursor, _ = changed(instance, hub)
        outcomes = []
        with steps.step(f"{len(partitions)} partitions computed, checked and reported", len(partitions)) as advance:
            for outcome in materialise(instance, partitions, hub):
                outcomes.append(outcome)
                advance(1)
        remember(instance, cursor)
    return outcomes


def _compare(chosen: Settings, simulation: Simulation) -> list[str]:
    with closing_engine(chosen.gold_url) as gold:
        return differences(simulation.truth, Lake(chosen.lake_url, chosen.catalog_dir), gold)
