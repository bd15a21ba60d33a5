"""The supervisor: order, restarts, giving up, and no process left behind."""

import os
import shutil
import signal
import subprocess
import sys
import time
from collections import namedtuple
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from infra.errors import StackError
from infra.guardian import MARK
from infra.supervisor import Service, Supervisor

FOREVER = "import time; time.sleep(600)"


def python(name: str, code: str, **options: object) -> Service:
    """A service that runs Python code."""
    return Service(name, (sys.executable, "-c", code), **options)  # type: ignore[arg-type]  # passed on as they are


def await_true(condition: Callable[[], bool], seconds: float = 20.0) -> None:
    """Fail when the condition does not become true in time."""
    until = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < until, "did not happen in time"
        time.sleep(0.05)


def processes_that_name(text: str) -> list[psutil.Process]:
    """Processes that have the text in their command line, this one excepted."""
    found = []
    for process in psutil.process_iter(["cmdline", "status"]):
        arguments = process.info["cmdline"] or []
        alive = process.info["status"] != psutil.STATUS_ZOMBIE
        if alive and process.pid != os.getpid() and any(text in argument for argument in arguments):
            found.append(process)
    return found


def test_groups_stop_in_reverse_order(tmp_path: Path) -> None:
    """The group started last stops first, and each had its chance to end in an orderly way."""
    record = tmp_path / "ended"
    code = (
        "import signal, sys, time, pathlib\n"
        f"def end(*_): open({str(record)!r}, 'a').write(sys.argv[1] + ' '); sys.exit(0)\n"
        "signal.signal(signal.SIGTERM, end)\n"
        f"pathlib.Path({str(tmp_path)!r}, sys.argv[1]).touch()\n"
        "time.sleep(600)\n"
    )
    services = [
        Service(name, (sys.executable, "-c", code, name), ready=(tmp_path / name).exists)
        for name in ("first", "second")
    ]
    with Supervisor(tmp_path / "logs", tell=print) as supervisor:
        for service in services:
            supervisor.start([service])
    assert record.read_text() == "second first "


def test_a_killed_service_is_started_again_and_said_so(tmp_path: Path) -> None:
    """After kill -9 it runs under a new process id, and one sentence names its log."""
    told: list[str] = []
    with Supervisor(tmp_path / "logs", tell=told.append) as supervisor:
        supervisor.start([python("worker", FOREVER)])
        before = supervisor.runs["worker"].process.pid
        os.kill(before, signal.SIGKILL)
        await_true(lambda: supervisor.runs["worker"].restarts == 1)
        assert supervisor.runs["worker"].process.pid != before
    assert told == [f"worker ended (signal SIGKILL); started again in 1 s. Its log: {tmp_path}/logs/worker.log"]


def test_a_service_that_keeps_failing_is_given_up_loudly(tmp_path: Path) -> None:
    """The error names the service, the exit code and the log that holds its words."""
    with Supervisor(tmp_path / "logs", tell=lambda _: None) as supervisor:
        supervisor.start([python("worker", "import sys; print('out of order'); sys.exit(7)", most_restarts=0)])
        with pytest.raises(StackError, match=r"worker ended 1 times in a row \(exit code 7\).*worker\.log"):
            supervisor.wait()
    assert (tmp_path / "logs" / "worker.log").read_text() == "out of order\n"


def test_a_full_disk_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A broker, lake or database on a full disk dies in its own words; who reads the error learns the cause."""
    usage = namedtuple("usage", ("total", "used", "free"))
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage(1 << 40, 1 << 40, 3 << 20))
    with Supervisor(tmp_path / "logs", tell=lambda _: None) as supervisor:
        supervisor.start([python("worker", "import sys; sys.exit(1)", most_restarts=0)])
        with pytest.raises(StackError, match=r"The disk of .*logs is full \(3 MiB free\): free space there"):
            supervisor.wait()


def test_a_service_that_never_gets_ready_is_an_error(tmp_path: Path) -> None:
    """Waiting has an end, and what was started is stopped."""
    with (
        pytest.raises(StackError, match=r"worker was not ready within 1 s\. See .*worker\.log"),
        Supervisor(tmp_path / "logs", tell=print) as supervisor,
    ):
        supervisor.start([python("worker", FOREVER, ready=lambda: False, ready_within=1.0)])
    assert supervisor.runs["worker"].process.poll() is not None


def test_one_that_ignores_sigterm_is_killed_after_its_grace(tmp_path: Path) -> None:
    """Stopping does not hang on a service that will not listen."""
    ready = tmp_path / "up"
    ignoring = "import signal, pathlib; signal.signal(signal.SIGTERM, signal.SIG_IGN)"
    code = f"{ignoring}; pathlib.Path({str(ready)!r}).touch(); {FOREVER}"
    told: list[str] = []
    with Supervisor(tmp_path / "logs", tell=told.append) as supervisor:
        supervisor.start([python("worker", code, grace=0.5, ready=ready.exists)])
    assert told == ["worker did not stop within 0 s and was killed."]
    assert supervisor.runs["worker"].process.returncode == -signal.SIGKILL


PROGRAM = '''
import sys
from pathlib import Path
from infra.signals import interrupted_by_signals
from infra.supervisor import Service, Supervisor

child = """
import subprocess, sys, time
grandchild = [sys.executable, '-c', 'import time; time.sleep(600)', sys.argv[1]]
subprocess.Popen(grandchild, start_new_session=True)
time.sleep(600)
"""
try:
    with interrupted_by_signals(), Supervisor(Path(sys.argv[1]) / "logs", tell=print) as supervisor:
        supervisor.start([Service(f"worker-{n}", (sys.executable, "-c", child, sys.argv[1])) for n in range(3)])
        supervisor.wait()
except KeyboardInterrupt:
    print("stopped")
'''


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT, signal.SIGTERM])
def test_nothing_is_left_when_the_supervisor_ends(tmp_path: Path, number: signal.Signals) -> None:
    """Neither children nor grandchildren in sessions of their own outlive it, not even after kill -9."""
    program = subprocess.Popen([sys.executable, "-c", PROGRAM, str(tmp_path)])
    await_true(lambda: len(processes_that_name(str(tmp_path))) >= 7)
    program.send_signal(number)
    program.wait(30)
    await_true(lambda: not processes_that_name(str(tmp_path)))


@pytest.mark.parametrize("delay", [0.02, 0.1, 0.2, 0.3, 0.4])
def test_nothing_is_left_when_it_is_interrupted_while_starting(tmp_path: Path, delay: float) -> None:
    """Ctrl-C at any moment of the start leaves no process behind."""
    program = subprocess.Popen([sys.executable, "-c", PROGRAM, str(tmp_path)], stderr=subprocess.DEVNULL)
    time.sleep(delay)
    program.send_signal(signal.SIGINT)
    program.wait(30)
    await_true(lambda: not processes_that_name(str(tmp_path)))


def test_a_stack_leaves_foreign_processes_alone(tmp_path: Path) -> None:
    """Only what carries the stack's own mark is swept."""
    bystander = subprocess.Popen([sys.executable, "-c", FOREVER], env={**os.environ, MARK: "another"})
    with Supervisor(tmp_path / "logs", tell=print) as supervisor:
        supervisor.start([python("worker", FOREVER)])
    assert bystander.poll() is None
    bystander.kill()
    bystander.wait()
