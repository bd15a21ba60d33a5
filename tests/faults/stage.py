"""The real thing on a stage (舞台): brokers, registry, normalisers and landing as processes that anything can befall.

Each normaliser reaches the brokers through relays of its own, so that one can lose its network while the others keep
theirs; all reach the registry through one relay. The sender, the landing and whoever proves the outcome go directly.
"""

import os
import subprocess
import sys
import threading
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from infra.guardian import MARK
from infra.packages import Packages
from infra.stack.broker import Door, cluster_services
from infra.stack.ports import LOOPBACK, free_ports
from infra.stack.registry import registry_service, registry_url
from infra.supervisor import Service, sweep_guardian
from sitehub.settings import Settings
from tests.faults.kept import Kept
from tests.system.processes import PROJECT, Relay, wait_until

PROVINCE: Final = "jiangsu"  # Avro on a vendor's own topic, JSON on the shared one
NORMALISERS: Final = 3  # two at work all the time, and a guest that comes and goes
LANDINGS: Final = ("landing", "second-landing")  # the one at work, and one to overtake it
WORKERS: Final = NORMALISERS + len(LANDINGS)
TEND_S: Final = 0.1


@dataclass(frozen=True)
class Normaliser:
    """A normaliser and its way to the brokers: a relay to each."""

    program: Kept
    way: Sequence[Relay]


@dataclass
class Stage:
    """All that runs; `settings` are those of somebody who goes directly."""

    settings: Settings
    packages: Packages
    brokers: list[Kept]
    registry: Kept
    registry_relay: Relay
    normalisers: list[Normaliser] = field(default_factory=list)
    landings: list[Kept] = field(default_factory=list)
    brokers_held: threading.Lock = field(default_factory=threading.Lock)  # one broker at a time
    registry_held: threading.Lock = field(default_factory=threading.Lock)

    @property
    def programs(self) -> list[Kept]:
        """Everything that runs, in the order of starting."""
        return [*self.brokers, self.registry, *(each.program for each in self.normalisers), *self.landings]

    def tend(self, stopping: threading.Event) -> None:
        """Start again whatever ends, until `stopping`."""
        while not stopping.wait(TEND_S):
            for program in self.programs:
                program.tend()

    def begin_work(self) -> None:
        """Start all normalisers but the guest, and the landing."""
        for normaliser in self.normalisers[:-1]:
            normaliser.program.up()
        self.landings[0].up()

    def end_work(self) -> None:
        """Stop normalisers and landings."""
        for program in (*(each.program for each in self.normalisers), *self.landings):
            program.rest()


@contextmanager
def on_stage(packages: Packages, home: Path, brokers: int) -> Iterator[Stage]:
    """Brokers and registry run inside the block, normalisers and landing are ready to be started."""
    home.mkdir(parents=True, exist_ok=True)
    mark = uuid.uuid4().hex
    guardian = subprocess.Popen(
        [sys.executable, "-m", "infra.guardian"],
        stdin=subprocess.PIPE,
        env={**os.environ, MARK: mark},
        cwd=PROJECT,
        start_new_session=True,
    )
    stopping = threading.Event()
    try:
        stage = _built(packages, home, brokers, mark)
        keeper = threading.Thread(target=stage.tend, args=(stopping,), daemon=True)
        keeper.start()
        yield stage
        stopping.set()
        keeper.join()
        for program in reversed(stage.programs):
            program.rest()
    finally:
        stopping.set()
        sweep_guardian(guardian)


def _built(packages: Packages, home: Path, brokers: int, mark: str) -> Stage:
    registry_port, *ports = free_ports(1 + WORKERS + brokers + brokers * NORMALISERS)
    watched, ports, doors = ports[:WORKERS], ports[WORKERS : WORKERS + brokers], ports[WORKERS + brokers :]
    ways = [[Relay(doors[n * brokers + b]) for b in range(brokers)] for n in range(NORMALISERS)]
    listeners = {
        port: {f"WAY{n}": Door(doors[n * brokers + b], ways[n][b].port) for n in range(NORMALISERS)}
        for b, port in enumerate(ports)
    }
    services = cluster_services(home, packages, ports, quick=True, doors=listeners)
    kept = [_kept(service, home, mark) for service in services]
    registry = registry_service(home, packages, registry_port, quick=True)
    direct = Settings(
        home=home,
        bootstrap_servers=",".join(service.address for service in services),
        registry_url=registry_url(registry_port),
        lake_url=str(home / "lake"),
        gold_url=f"sqlite:///{home / 'gold.sqlite'}",
        raw_timestamps="CreateTime",
        landing_seconds=1,
    )
    stage = Stage(direct, packages, kept, _kept(registry, home, mark), Relay(registry_port))
    for program in (*stage.brokers, stage.registry):
        program.up()
    for relay in (stage.registry_relay, *(relay for way in ways for relay in way)):
        relay.speak()
    for service in (*services, registry):
        wait_until(service.ready or (lambda: True), f"{service.name} answers", 180)
    environment = direct.environment() | {MARK: mark}
    stage.landings = [
        Kept(name, home / f"{name}.log", environment, _sitehub("land", port))
        for name, port in zip(LANDINGS, watched[NORMALISERS:], strict=True)
    ]
    registry_way = urlsplit(direct.registry_url)._replace(netloc=f"{LOOPBACK}:{stage.registry_relay.port}").geturl()
    for number, way in enumerate(ways):
        own = environment | {
            "SITEHUB_BOOTSTRAP_SERVERS": ",".join(f"{LOOPBACK}:{relay.port}" for relay in way),
            "SITEHUB_REGISTRY_URL": registry_way,
        }
        name = f"normaliser-{number}"
        command = _sitehub("normalise", watched[number], "--province", PROVINCE)
        program = Kept(name, home / f"{name}.log", own, command)
        stage.normalisers.append(Normaliser(program, way))
    return stage


def _kept(service: Service, home: Path, mark: str) -> Kept:
    environment = {**service.environment, MARK: mark}
    return Kept(service.name, home / f"{service.name}.log", environment, service.command)


def _sitehub(name: str, metrics_port: int, *arguments: str) -> list[str]:
    """A worker that is watched over, as `sitehub up` starts it: who watches must not harm it either."""
    return [sys.executable, "-m", "sitehub", name, "--metrics-port", str(metrics_port), *arguments]
