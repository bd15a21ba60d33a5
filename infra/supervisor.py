"""Starts groups of services in order, keeps them running, stops them in reverse order (进程管理). Linux.

One thread a service waits for its end and starts it again after a pause that doubles; a service that ends too often is
given up, and `check` and `wait` then raise. Output goes straight to one log file a service: no pipe that a grandchild
could hold open. Each service leads a session of its own, so Ctrl-C reaches the supervisor alone, and a guardian
process ends whatever is left when the supervisor itself is killed.
"""

import os
import random
import shutil
import signal
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

from infra.errors import StackError
from infra.guardian import MARK, sweep

LONGEST_PAUSE = 30.0
STEADY_AFTER = 60.0  # s of running after which earlier ends no longer count
LEAST_FREE = 64 << 20  # bytes; below, broker, lake and database fail, each in its own words
PLAIN_OUTPUT = {"NO_COLOR": "1", "PYTHONUNBUFFERED": "1"}  # it goes to files


@dataclass(frozen=True)
class Service:
    """One long-running program.

    ready answers whether it serves yet (asked until it does, None = as soon as it runs); most_restarts is how often
    in a row it may end; grace is the time it gets between SIGTERM and SIGKILL (s); health is the URL that tells whether
    it does its work, where it has one.
    """

    name: str
    command: tuple[str, ...]
    ready: Callable[[], bool] | None = None
    environment: Mapping[str, str] = field(default_factory=dict)
    address: str = ""
    health: str = ""
    ready_within: float = 180.0
    grace: float = 15.0
    most_restarts: int = 5
    folder: Path | None = None


@dataclass
class Run:
    """A service at work."""

    service: Service
    process: subprocess.Popen[bytes]
    log: Path
    since: float
    restarts: int = 0
    ends_in_a_row: int = 0
    state: str = "starting"


class Supervisor:
    """Context manager; on leaving the block all services are stopped, the group started last first."""

    def __init__(self, logs: Path, tell: Callable[[str], None], changed: Callable[[], None] = lambda: None) -> None:
        self.runs: dict[str, Run] = {}
        self._logs = logs
        self._tell = tell
        self._changed = changed
        self._mark = uuid.uuid4().hex
        self._lock = threading.Lock()
        self._stopping = threading.Event()
        self._given_up: StackError | None = None
        self._something_wrong = threading.Event()
        self._keepers: list[threading.Thread] = []
        self._groups: list[list[Run]] = []

    def __enter__(self) -> Self:
        self._logs.mkdir(parents=True, exist_ok=True)
        self._guardian = subprocess.Popen(
            [sys.executable, "-m", "infra.guardian"],
            stdin=subprocess.PIPE,
            env={**os.environ, MARK: self._mark},
            cwd=Path(__file__).resolve().parents[1],
            start_new_session=True,
        )
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self, services: Sequence[Service]) -> None:
        """Launch a group of services, then wait until each is ready. Raises StackError when one is not."""
        self._groups.append([])
        for service in services:
            self._begin(service)
        for service in services:
            self._await_ready(self.runs[service.name])

    def check(self) -> None:
        """Raise the StackError of a service that was given up, if there is one."""
        if self._given_up is not None:
            raise self._given_up

    def wait(self) -> None:
        """Block until a service is given up; raises its StackError."""
        while not self._something_wrong.wait(1.0):
            pass
        self.check()

    def stop(self) -> None:
        """SIGTERM, after the grace SIGKILL, group by group backwards; then nothing with the mark is left."""
        self._stopping.set()
        with self._lock:
            groups = [list(group) for group in reversed(self._groups)]
        for group in groups:
            for run in group:
                run.process.terminate()
            told = time.monotonic()
            for run in group:
                self._end(run, told + run.service.grace)
        sweep_guardian(self._guardian)
        sweep(self._mark)
        for keeper in self._keepers:
            keeper.join()

    def _begin(self, service: Service) -> None:
        log = self._logs / f"{service.name}.log"
        if log.exists():
            log.replace(self._logs / f"{service.name}.previous.log")
        with self._lock:
            run = Run(service, self._launch(service, log), log, time.time())
            self.runs[service.name] = run
            self._groups[-1].append(run)
        keeper = threading.Thread(target=self._keep, args=(run,), name=f"keep {service.name}", daemon=True)
        self._keepers.append(keeper)
        keeper.start()
        self._changed()

    def _launch(self, service: Service, log: Path) -> subprocess.Popen[bytes]:
        with log.open("ab") as output:
            return subprocess.Popen(
                service.command,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                env={**os.environ, **PLAIN_OUTPUT, **service.environment, MARK: self._mark},
                cwd=service.folder,
                start_new_session=True,
            )

    def _await_ready(self, run: Run) -> None:
        name, ready = run.service.name, run.service.ready
        until = time.monotonic() + run.service.ready_within
        while ready is not None and not ready():
            self.check()
            if time.monotonic() > until:
                raise StackError(f"{name} was not ready within {run.service.ready_within:.0f} s.", f"See {run.log}.")
            self._something_wrong.wait(0.1)
        if run.state == "starting":  # it may have ended meanwhile
            run.state = "running"
        self._changed()

    def _keep(self, run: Run) -> None:
        while True:
            code = run.process.wait()
            if self._stopping.is_set():
                return
            _kill_group(run.process.pid)
            pause = self._pause(run, code)
            if pause is None or self._stopping.wait(pause):
                return
            with self._lock:
                if self._stopping.is_set():
                    return
                run.process = self._launch(run.service, run.log)
                run.since, run.state, run.restarts = time.time(), "running", run.restarts + 1
            self._changed()

    def _pause(self, run: Run, code: int) -> float | None:
        """Seconds until the next start; None when the service is given up."""
        name = run.service.name
        steady = time.time() - run.since > STEADY_AFTER
        run.ends_in_a_row = 1 if steady else run.ends_in_a_row + 1
        run.state = "ended"
        how = f"signal {signal.Signals(-code).name}" if code < 0 else f"exit code {code}"
        if run.ends_in_a_row > run.service.most_restarts:
            run.state = "given up"
            self._given_up = StackError(f"{name} ended {run.ends_in_a_row} times in a row ({how}).", _remedy(run.log))
            self._something_wrong.set()
            self._changed()
            return None
        # What ended several at once shall not meet all of them at once again.
        pause = min(0.5 * 2.0**run.ends_in_a_row, LONGEST_PAUSE) * random.uniform(0.75, 1.0)
        self._tell(f"{name} ended ({how}); started again in {pause:.0f} s. Its log: {run.log}")
        self._changed()
        return pause

    def _end(self, run: Run, until: float) -> None:
        try:
            run.process.wait(max(until - time.monotonic(), 0.0))
        except subprocess.TimeoutExpired:
            self._tell(f"{run.service.name} did not stop within {run.service.grace:.0f} s and was killed.")
        _kill_group(run.process.pid)
        run.process.wait()
        run.state = "stopped"
        self._changed()


def sweep_guardian(guardian: subprocess.Popen[bytes]) -> None:
    """Let the guardian do its work and end."""
    if guardian.stdin is not None:
        guardian.stdin.close()
    guardian.wait()


def _remedy(log: Path) -> str:
    """Where to look; a disk that is full is named, because the program itself may have died without saying so."""
    free = shutil.disk_usage(log.parent).free
    if free >= LEAST_FREE:
        return f"See {log}."
    return f"The disk of {log.parent} is full ({free >> 20} MiB free): free space there. See also {log}."


def _kill_group(leader: int) -> None:
    try:
        os.killpg(leader, signal.SIGKILL)
    except ProcessLookupError:
        return  # nothing of the session is left: what was wanted
