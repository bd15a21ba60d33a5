"""Programs that are started again whenever they end, as the supervisor of a deployment would (看护)."""

import signal
import subprocess
import threading
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from tests.system.processes import Program

PATIENCE_S: Final = 15  # what a supervisor gives a program between SIGTERM and SIGKILL
PAUSE_S: Final = 0.5  # between the end of a program and its next start


class Kept(Program):
    """A program that `tend` starts again when it has ended, unless it rests; counts its ends by exit code."""

    def __init__(self, name: str, log: Path, environment: Mapping[str, str], command: Sequence[str]) -> None:
        super().__init__(log, environment, command)
        self.name = name
        self.ends: Counter[int] = Counter()
        self.held = threading.Lock()  # by the fault that plays with it
        self._changing = threading.Lock()
        self._wanted = False
        self._ended_at: float | None = None

    def up(self) -> None:
        """Start it; from now on it is started again."""
        with self._changing:
            self._wanted, self._ended_at = True, None
            self.start()

    def rest(self, number: signal.Signals = signal.SIGTERM) -> None:
        """End it, by force when it does not listen in time, and leave it so until `up`."""
        with self._changing:
            was_running, self._wanted = self._wanted and self.is_running(), False
            self.strike(number)
            self.thaw()
            if self._process is None:
                return
            try:
                self._process.wait(PATIENCE_S)
            except subprocess.TimeoutExpired:
                self._process.kill()
            code = self._process.wait()
            if was_running:
                self.ends[code] += 1

    def strike(self, number: signal.Signals) -> None:
        """Send a signal; `tend` does the rest."""
        self._send(number)

    def tend(self) -> None:
        """Start it again where it has ended some time ago."""
        with self._changing:
            code = self.code()
            if not self._wanted or code is None:
                return
            if self._ended_at is None:
                self.ends[code] += 1
                self._ended_at = time.monotonic()
            elif time.monotonic() - self._ended_at >= PAUSE_S:
                self._ended_at = None
                self.start()
