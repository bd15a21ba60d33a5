"""What a running `sitehub up` tells the other commands: a lock that names its process, and a file of its services."""

import json
import os
import threading
import time
from dataclasses import asdict, dataclass
from pathlib import Path

from infra.lock import holder
from infra.supervisor import Run


@dataclass(frozen=True)
class ServiceState:
    """One service as `sitehub status` shows it; since is seconds since 1970."""

    name: str
    state: str
    pid: int
    since: float
    restarts: int
    address: str
    health: str
    log: str


@dataclass(frozen=True)
class StackState:
    """The whole stack; ready_after is null until everything is ready (s)."""

    pid: int
    since: float
    ready_after: float | None
    services: list[ServiceState]


def lock_path(home: Path) -> Path:
    """Lock of the home: held as long as the stack runs."""
    return home / "run" / "up.lock"


def running_pid(home: Path) -> int | None:
    """Process that runs the stack of this home, or None."""
    return holder(lock_path(home))


class StateFile:
    """Writes the state whenever it changes."""

    def __init__(self, home: Path) -> None:
        self._path = _state_path(home)
        self._since = time.time()
        self._ready_after: float | None = None
        self._writing = threading.Lock()  # every service's thread reports changes
        self.write([])

    def ready(self, runs: list[Run]) -> float:
        """Note that everything is ready; seconds since the start."""
        self._ready_after = time.time() - self._since
        self.write(runs)
        return self._ready_after

    def write(self, runs: list[Run]) -> None:
        """Replace the file in one step."""
        services = [
            ServiceState(
                name=run.service.name,
                state=run.state,
                pid=run.process.pid,
                since=run.since,
                restarts=run.restarts,
                address=run.service.address,
                health=run.service.health,
                log=str(run.log),
            )
            for run in runs
        ]
        text = json.dumps(asdict(StackState(os.getpid(), self._since, self._ready_after, services)), indent=2)
        self._path.parent.mkdir(parents=True, exist_ok=True)
        unfinished = self._path.with_suffix(".part")
        with self._writing:
            unfinished.write_text(text, encoding="utf-8")
            unfinished.replace(self._path)


def read_state(home: Path) -> StackState | None:
    """State of the stack that runs in this home; None when none runs."""
    pid = running_pid(home)
    path = _state_path(home)
    if pid is None or not path.exists():
        return None
    content = json.loads(path.read_text(encoding="utf-8"))
    if content["pid"] != pid:
        return None
    services = [ServiceState(**service) for service in content.pop("services")]
    return StackState(**content, services=services)


def _state_path(home: Path) -> Path:
    return home / "run" / "stack.json"
