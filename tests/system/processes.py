"""Real processes for tests: started, killed, frozen, told to stop; and a relay that can fall silent or hold back."""

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import IO, Self

import psutil

PROJECT = Path(__file__).resolve().parents[2]


def wait_until(is_so: Callable[..., bool], what: str, timeout_s: float = 60.0) -> None:
    """Ask until it is so; AssertionError when it does not come."""
    until = time.monotonic() + timeout_s
    while not is_so():
        assert time.monotonic() < until, f"not within {timeout_s} s: {what}"
        time.sleep(0.2)


def freeze(pid: int) -> None:
    """SIGSTOP, and wait until every thread stands: on a busy machine the others go on until one has heard of it."""
    os.kill(pid, signal.SIGSTOP)
    threads = [psutil.Process(thread.id) for thread in psutil.Process(pid).threads()]
    wait_until(lambda: {thread.status() for thread in threads} == {psutil.STATUS_STOPPED}, f"{pid} stands")


class Program:
    """A command that runs until it is stopped; what it writes goes to a log."""

    def __init__(self, log: Path, environment: Mapping[str, str], command: Sequence[str]) -> None:
        self._log = log
        self.environment = {**os.environ, **environment, "NO_COLOR": "1", "PYTHONUNBUFFERED": "1"}
        self._command = command
        self._output: IO[bytes] | None = None
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self) -> None:
        """Start it (again)."""
        if self._output is not None:
            self._output.close()
        self._output = self._log.open("ab")
        self._process = subprocess.Popen(
            self._command, env=self.environment, cwd=PROJECT, stdout=self._output, stderr=self._output
        )

    def kill(self) -> int:
        """kill -9."""
        return self._end(signal.SIGKILL)

    def stop(self) -> int:
        """SIGTERM; the exit code."""
        return self._end(signal.SIGTERM)

    def freeze(self) -> None:
        """SIGSTOP: it stands still, with its connections open, until `thaw`."""
        self._send(signal.SIGSTOP)

    def thaw(self) -> None:
        """SIGCONT."""
        self._send(signal.SIGCONT)

    def is_running(self) -> bool:
        """Whether the process still lives."""
        return self._process is not None and self._process.poll() is None

    def pid(self) -> int | None:
        """Its process id while it runs."""
        return self._process.pid if self._process is not None and self._process.poll() is None else None

    def code(self) -> int | None:
        """The exit code of a process that has ended."""
        return None if self._process is None else self._process.poll()

    def log(self) -> str:
        """What it has written so far."""
        return self._log.read_text("utf-8", errors="replace")

    def _send(self, number: signal.Signals) -> None:
        if self._process is not None and self._process.poll() is None:
            self._process.send_signal(number)

    def _end(self, number: signal.Signals) -> int:
        assert self._process is not None
        self._send(number)
        try:
            code = self._process.wait(30)
        except subprocess.TimeoutExpired:
            self._process.kill()
            raise
        if self._output is not None:
            self._output.close()
            self._output = None
        return code


class Worker(Program):
    """A `sitehub` command that runs until it is stopped."""

    def __init__(self, log: Path, environment: Mapping[str, str], *arguments: str) -> None:
        super().__init__(log, environment, [sys.executable, "-m", "sitehub", *arguments])


class Relay:
    """Passes connections on to a port of this machine.

    While silent it refuses them and cuts those there are; while it holds back it takes all in and lets nothing through,
    as a network does that has lost its way: neither end is told.
    """

    def __init__(self, target: int) -> None:
        self._target = target
        self._open: set[socket.socket] = set()
        self._listener: socket.socket | None = None
        self._flowing = threading.Event()
        self._flowing.set()
        with socket.create_server(("127.0.0.1", 0)) as found:
            self.port: int = found.getsockname()[1]

    def speak(self) -> None:
        """Begin to pass on."""
        self._listener = socket.create_server(("127.0.0.1", self.port))
        threading.Thread(target=self._accept, args=(self._listener,), daemon=True).start()

    def fall_silent(self) -> None:
        """Cut everything."""
        if self._listener is not None:
            with suppress(OSError):
                self._listener.shutdown(socket.SHUT_RDWR)
            self._listener.close()
        for connection in list(self._open):
            self._close(connection)

    def hold_back(self) -> None:
        """Let nothing through, and cut nothing."""
        self._flowing.clear()

    def let_through(self) -> None:
        """Pass on what was held back, and go on."""
        self._flowing.set()

    def _accept(self, listener: socket.socket) -> None:
        with suppress(OSError):  # the listener was closed: silence
            while True:
                near, _ = listener.accept()
                try:
                    far = socket.create_connection(("127.0.0.1", self._target))
                except OSError:  # nobody is there: the caller is told as if he had asked himself
                    near.close()
                    continue
                self._open |= {near, far}
                for one, other in ((near, far), (far, near)):
                    threading.Thread(target=self._pass_on, args=(one, other), daemon=True).start()

    def _pass_on(self, one: socket.socket, other: socket.socket) -> None:
        with suppress(OSError):
            while content := one.recv(65536):
                self._flowing.wait()
                other.sendall(content)
        self._close(one)
        self._close(other)

    def _close(self, connection: socket.socket) -> None:
        with suppress(OSError):
            connection.shutdown(socket.SHUT_RDWR)
        connection.close()
        self._open.discard(connection)
