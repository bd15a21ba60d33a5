"""`sitehub up`: the whole stack on this machine, kept running (启动)."""

import subprocess
import sys
import time
from pathlib import Path

from rich.console import Console

from infra.errors import StackError
from infra.lock import AlreadyHeldError, exclusive
from infra.packages import Packages
from infra.signals import interrupted_by_signals
from infra.supervisor import Supervisor
from pipelines.catalog import Catalog
from sitehub.fetching import fetch_packages
from sitehub.services import check_ports, dagster, kafka_and_registry, provision, workers
from sitehub.settings import Settings, settings
from sitehub.state import StackState, StateFile, lock_path, read_state, running_pid
from store.gold import upgrade


def up(*, detach: bool = False) -> None:
    """Start broker, registry, normalisers, landing and Dagster, in this order; stop them on Ctrl-C.

    Parameters
    ----------
    detach
        Return as soon as everything is ready and leave it running; `sitehub down` stops it.
    """
    chosen = settings()
    refuse_second(chosen)
    packages = fetch_packages(chosen)
    check_ports(chosen)
    if detach:
        _in_background(chosen)
        return
    try:
        with interrupted_by_signals(), exclusive(lock_path(chosen.home), wait=False):
            _run(chosen, packages)
    except AlreadyHeldError as error:
        raise _second(chosen, error.pid) from error
    except KeyboardInterrupt:
        Console().print("Stopped.")


def refuse_second(chosen: Settings) -> None:
    """Raise StackError when a stack of this home runs already."""
    pid = running_pid(chosen.home)
    if pid is not None:
        raise _second(chosen, pid)


def _second(chosen: Settings, pid: int) -> StackError:
    return StackError(
        f"The stack of {chosen.home} already runs as process {pid}.",
        "Stop it with `sitehub down`, or set SITEHUB_HOME and other ports for a second one.",
    )


def _run(chosen: Settings, packages: Packages) -> None:
    console = Console(soft_wrap=True, highlight=False)
    state = StateFile(chosen.home)
    logs = chosen.home / "logs"
    with Supervisor(
        logs, tell=console.print, changed=lambda: state.write(list(supervisor.runs.values()))
    ) as supervisor:
        console.print("Starting Kafka and the registry")
        supervisor.start(kafka_and_registry(chosen, packages))
        catalog = Catalog.load(chosen.catalog_dir)
        console.print(f"{len(provision(chosen, catalog))} topics created, schemas registered")
        chosen.home.mkdir(parents=True, exist_ok=True)
        upgrade(chosen.gold_url)
        console.print("Starting workers and Dagster")
        code, servers = dagster(chosen)
        supervisor.start([*workers(chosen, catalog.provinces), *code])
        supervisor.start(servers)
        seconds = state.ready(list(supervisor.runs.values()))
        _print_addresses(console, chosen, seconds)
        supervisor.wait()


def _print_addresses(console: Console, chosen: Settings, seconds: float) -> None:
    console.print(f"  Kafka     {chosen.bootstrap_servers}")
    console.print(f"  registry  {chosen.registry_url}")
    console.print(f"  Dagster   http://127.0.0.1:{chosen.dagster_port}")
    for feed, port in chosen.gateway_ports.items():
        console.print(f"  HJ 212    {chosen.gateway_host}:{port} for devices of {feed}")
    console.print(f"  logs      {chosen.home / 'logs'}")
    console.print(f"ready in {seconds:.0f} s")


def _in_background(chosen: Settings) -> None:
    log = chosen.home / "logs" / "up.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("wb") as output:
        process = subprocess.Popen(
            (sys.executable, "-m", "sitehub", "up"),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            env=None,
            cwd=Path.cwd(),
            start_new_session=True,
        )
    try:
        state = _await_ready(chosen, process, log)
    except KeyboardInterrupt:
        process.terminate()
        process.wait()
        raise
    _print_addresses(Console(soft_wrap=True, highlight=False), chosen, state.ready_after or 0.0)


def _await_ready(chosen: Settings, process: subprocess.Popen[bytes], log: Path) -> StackState:
    while True:
        if process.poll() is not None:
            lines = log.read_text(encoding="utf-8").strip().splitlines()
            raise StackError(lines[-1] if lines else "The stack ended at once.", f"See {log}.")
        state = read_state(chosen.home)
        if state is not None and state.ready_after is not None:
            return state
        time.sleep(0.2)
