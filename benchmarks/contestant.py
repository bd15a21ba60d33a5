"""Who takes part (参测者), and how a run of one is started and stopped."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Final, Literal

import psutil
import stamina
from confluent_kafka import KafkaError, KafkaException
from confluent_kafka.admin import AdminClient

from benchmarks.job import job, write_job
from benchmarks.stack import CONTESTANT_CORE, Stack
from benchmarks.workload import COMPRESSION
from infra.stack.broker import admin
from sitehub.services import group_of
from sitehub.settings import PROJECT_ROOT

Guarantee = Literal["at_least_once", "exactly_once"]
PATIENCE_S: Final = 20


@dataclass(frozen=True)
class Command:
    """One process of a contestant."""

    arguments: tuple[str, ...]
    environment: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Run:
    """One contestant at one workload: where it reads its job, and what tells how far it is."""

    stack: Stack
    provinces: tuple[str, ...]
    job: Path
    prefix: str
    groups: tuple[str, ...]
    outputs: tuple[str, ...]


@dataclass(frozen=True)
class Contestant:
    """`commands` of a run; `most`: how many readings a round takes where all would take too long, None for all."""

    name: str
    guarantee: Guarantee
    title: str
    commands: Callable[[Run], Sequence[Command]]
    most: int | None = None

    @property
    def is_hub(self) -> bool:
        """The hub reads the contract itself and has groups and topics of its own names."""
        return self.name == "sitehub"


def prepare(stack: Stack, contestant: Contestant, provinces: tuple[str, ...], number: int) -> Run:
    """Topics and job file of a run, as if the contestant had never read anything. `number`: any not used before."""
    prefix = "" if contestant.is_hub else f"run{number}."
    groups = tuple(map(group_of, provinces)) if contestant.is_hub else (f"{contestant.name}-{number}",)
    if contestant.is_hub:
        _forget(stack, groups)
    content = job(
        stack.catalog,
        stack.ids,
        brokers=stack.bootstrap_servers,
        registry=stack.registry_url,
        group=groups[0],
        prefix=prefix,
        guarantee=contestant.guarantee,
        compression=COMPRESSION,
        state=str(stack.home / f"state-{number}"),
    )
    content["topics"] = {name: each for name, each in content["topics"].items() if each["province"] in provinces}
    file = write_job(stack.home / f"job-{number}.json", content)
    return Run(stack, provinces, file, prefix, groups, tuple(stack.create(prefix)))


@contextmanager
def at_work(contestant: Contestant, run: Run) -> Iterator[list[psutil.Process]]:
    """The contestant's processes on their core, ended after the block."""
    with run.job.with_suffix(".log").open("wb") as output:
        started: list[subprocess.Popen[bytes]] = []
        try:
            for command in contestant.commands(run):
                started.append(_started(command, output))
            yield [psutil.Process(process.pid) for process in started]
        finally:
            for process in started:
                process.terminate()
            for process in started:
                try:
                    process.wait(PATIENCE_S)
                except subprocess.TimeoutExpired:
                    process.kill()
                    process.wait()


def require_alive(contestant: Contestant, run: Run, processes: Sequence[psutil.Process]) -> None:
    """RuntimeError with the end of its output where one of the contestant's processes has ended."""
    if any(process.status() == psutil.STATUS_ZOMBIE for process in processes):
        raise RuntimeError(f"{contestant.name} has ended: {tail(run)}")


def _started(command: Command, output: IO[bytes]) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        ["taskset", "-c", str(CONTESTANT_CORE), *command.arguments],
        env={**os.environ, **command.environment, "PYTHONUNBUFFERED": "1", "NO_COLOR": "1"},
        cwd=PROJECT_ROOT,
        stdout=output,
        stderr=output,
    )


def tail(run: Run) -> str:
    """The end of a contestant's output."""
    return run.job.with_suffix(".log").read_text("utf-8", errors="replace")[-1500:]


def python(module: str, interpreter: Path = Path(sys.executable)) -> Callable[[Run], list[Command]]:
    """A contestant that is a module of benchmarks.peers in some Python environment."""
    return lambda run: [Command((str(interpreter), "-m", f"benchmarks.peers.{module}", str(run.job)))]


def hub(environment: Mapping[str, str] | None = None, workers: int = 1) -> Callable[[Run], list[Command]]:
    """The hub as it is run: a normaliser (or more) for each province."""

    def commands(run: Run) -> list[Command]:
        settings = {**run.stack.settings().environment(), **(environment or {})}
        arguments = (sys.executable, "-m", "sitehub", "normalise", "--watch-seconds", "3600", "--province")
        return [Command((*arguments, province), settings) for province in run.provinces for _ in range(workers)]

    return commands


def _forget(stack: Stack, groups: Sequence[str]) -> None:
    """Delete the groups, so that all is read again from the beginning."""
    client = admin(stack.bootstrap_servers)  # held: its answers end with it
    for group in groups:
        for attempt in stamina.retry_context(on=KafkaException, timeout=60):
            with attempt:  # a worker that has just ended is a member for a moment
                _delete(client, group)


def _delete(client: AdminClient, group: str) -> None:
    try:
        client.delete_consumer_groups([group])[group].result()
    except KafkaException as error:
        if error.args[0].code() != KafkaError.GROUP_ID_NOT_FOUND:
            raise
