"""The whole stack by one command: up, status, a second up, down; and nothing left however it ends."""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import dagster as dg
import polars as pl
import psutil
import pytest

from assets.runs import instance_at
from infra.packages import Packages
from infra.stack.ports import free_ports
from sitehub.settings import Settings
from sitehub.state import read_state
from store.gold import closing_engine, replace_partition, upgrade
from store.tables import exceedance, frame_schema
from streams.reading import read, spans
from streams.records import Record
from tests.conftest import PROJECT_ROOT

Command = Callable[..., subprocess.CompletedProcess[str]]


FEEDS = ("jiangsu", "national")  # each further one takes a worker and dozens of topics to start, and shows nothing new


@pytest.fixture
def own(packages: Packages, tmp_path: Path) -> Settings:  # noqa: ARG001 (fetched before the clock runs)
    """Settings with a home, a contract and ports of their own."""
    broker, registry, dagster = free_ports(3)
    contract = Path(shutil.copytree(PROJECT_ROOT / "avro_schemas", tmp_path / "contract"))
    for feed in (contract / "raw").iterdir():
        if feed.name not in FEEDS:
            shutil.rmtree(feed)
    return Settings(
        home=tmp_path,
        catalog_dir=contract,
        bootstrap_servers=f"127.0.0.1:{broker}",
        registry_url=f"http://127.0.0.1:{registry}/apis/ccompat/v7",
        dagster_port=dagster,
        metrics_port=0,
    )


@pytest.fixture
def sitehub(own: Settings) -> Iterator[Command]:
    """Run a command line with these settings; whatever is left at the end is killed and is a failure."""

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "sitehub", *arguments]
        environment = {**os.environ, **own.environment(), "NO_COLOR": "1"}
        return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=300, check=False)

    yield run
    left = processes_of(own)
    for process in left:
        process.kill()
    assert not left


def processes_of(own: Settings) -> list[psutil.Process]:
    """Every living process that was given this home, the test's own children's children included."""
    found = []
    for process in psutil.process_iter():
        try:
            if process.pid != os.getpid() and process.environ().get("SITEHUB_HOME") == str(own.home):
                found.append(process)
        except (psutil.NoSuchProcess, psutil.AccessDenied, psutil.ZombieProcess):
            continue
    return found


def foreground(own: Settings) -> subprocess.Popen[bytes]:
    """`sitehub up` in the foreground."""
    environment = {**os.environ, **own.environment()}
    return subprocess.Popen(
        [sys.executable, "-m", "sitehub", "up"], env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )


def await_gone(own: Settings) -> None:
    """Fail when a process of the stack is still there after some seconds."""
    until = time.monotonic() + 10
    while processes_of(own):
        assert time.monotonic() < until, [process.cmdline() for process in processes_of(own)]
        time.sleep(0.1)


def await_healthy(sitehub: Command) -> None:
    """Fail when `status` does not call every worker healthy within some looks at the log."""
    until = time.monotonic() + 60
    while not all(health["healthy"] for health in json.loads(sitehub("status", "--json").stdout)["health"].values()):
        assert time.monotonic() < until


def found_while_away(own: Settings) -> None:
    """A day is computed beside the stack, as `sitehub materialise` does: one exceedance is in the gold table."""
    began = datetime(2026, 3, 2, 1, tzinfo=UTC)
    row = {
        "province": "jiangsu", "day": "2026-03-02", "device_code": "D-1", "limit_id": "jiangsu-pm10", "began": began,
        "ended": began + timedelta(hours=1), "parameter": "pm10", "averaging": "1h", "judgement": "difference",
        "level": "alarm", "value": 91.5, "limit_value": 80.0, "unit": "ug/m3", "standard": "DB32/4437-2022",
        "code_version": "1.0",
    }  # fmt: skip
    upgrade(own.gold_url)
    with closing_engine(own.gold_url) as gold, instance_at(own.home / "dagster") as instance:
        frame = pl.DataFrame([row], schema=frame_schema(exceedance))
        replace_partition(gold, "exceedance", "jiangsu", "2026-03-02", frame)
        instance.report_runless_asset_event(dg.AssetMaterialization("exceedance", partition="2026-03-02|jiangsu"))


def await_published(own: Settings) -> None:
    """Fail when hub.exceedance does not hold that exceedance within a minute: nobody has called `sitehub publish`."""
    until = time.monotonic() + 60
    while not (records := list(published(own))):
        assert time.monotonic() < until, (own.home / "logs" / "dagster-daemon.log").read_text(encoding="utf-8")[-3000:]
        time.sleep(0.5)
    assert [record.key for record in records] == [b"jiangsu:exceedance:D-1:1772413200000:jiangsu-pm10"]


def published(own: Settings) -> Iterator[Record]:
    """The records of hub.exceedance."""
    for some in read(own.bootstrap_servers, spans(own.bootstrap_servers, {"hub.exceedance": own.partitions})):
        yield from some


@pytest.mark.timeout(400)  # eight processes on what may be a busy machine
def test_up_status_second_up_and_down(own: Settings, sitehub: Command) -> None:
    """A day's work: everything gets ready, is reported with its lag, publishes what was found, refuses a second start,
    and stops."""
    found_while_away(own)
    started = sitehub("up", "--detach")
    assert started.returncode == 0, started.stdout + started.stderr
    assert "ready in" in started.stdout
    status = json.loads(sitehub("status", "--json").stdout)
    assert {service["state"] for service in status["stack"]["services"]} == {"running"}
    assert status["reachable"] == {"kafka": True, "registry": True, "dagster": True}
    assert {"sitehub-jiangsu", "sitehub-national", "landing"} <= {lag["reader"] for lag in status["lag"]}
    assert set(status["health"]) == {"landing", *(f"normaliser-{feed}" for feed in FEEDS)}
    await_healthy(sitehub)
    await_published(own)
    second = sitehub("up")
    assert second.returncode == 3
    assert f"already runs as process {status['stack']['pid']}. Stop it with `sitehub down`" in second.stderr
    stopped = sitehub("down")
    assert (stopped.returncode, stopped.stdout) == (0, "Stopped.\n")
    await_gone(own)
    assert sitehub("down").stdout == "Nothing runs here.\n"


def test_a_busy_port_is_told_before_anything_starts(own: Settings, sitehub: Command) -> None:
    """The sentence names the port, who holds it and the variable to change."""
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", own.dagster_port))
        holder.listen()
        refused = sitehub("up", "--detach")
    assert refused.returncode == 3
    assert f"Port {own.dagster_port} is taken by process {os.getpid()} (" in refused.stderr
    assert "set SITEHUB_DAGSTER_PORT to another port" in refused.stderr


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_nothing_is_left_of_a_stack_that_ends_while_it_starts(own: Settings, number: signal.Signals) -> None:
    """Ctrl-C or kill -9 while the servers start: no process stays."""
    process = foreground(own)
    until = time.monotonic() + 60
    while (state := read_state(own.home)) is None or len(state.services) < 2:
        assert process.poll() is None
        assert time.monotonic() < until
        time.sleep(0.05)
    process.send_signal(number)
    process.wait(60)
    await_gone(own)
