"""What Java has learnt of Kafka's classes (AOT 缓存): with it a broker's start takes half the work.

A broker that starts, answers and stops once on a machine leaves it beside the packages. Java takes no notice of one
that another Java or other packages have made.
"""

from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

from infra.errors import StackError
from infra.lock import exclusive
from infra.packages import Packages
from infra.stack.broker import broker_service
from infra.stack.java import learnt
from infra.stack.ports import free_ports
from infra.supervisor import Supervisor

WRITTEN_WITHIN_S = 90.0  # between SIGTERM and the end of the process that learns


def train(packages: Packages) -> None:
    """Let Java learn, unless it has. Where it cannot, an empty file says so, and brokers start as before."""
    known = learnt(packages)
    if known.exists():
        return
    with suppress(OSError), exclusive(known.with_suffix(".lock")):  # others' cache folder is not written
        if not known.exists():
            _learn(packages, known)


def _learn(packages: Packages, known: Path) -> None:
    with TemporaryDirectory(dir=known.parent, ignore_cleanup_errors=True) as folder:
        home, made = Path(folder), Path(folder) / known.name
        with suppress(StackError), Supervisor(home / "logs", tell=_nobody) as supervisor:
            service = broker_service(home, packages, free_ports(1)[0], quick=True)
            java, *arguments = service.command
            learning = (java, f"-XX:AOTCacheOutput={made}", *arguments)
            supervisor.start([replace(service, command=learning, grace=WRITTEN_WITHIN_S, most_restarts=0)])
        made.touch()
        made.replace(known)


def _nobody(_: str) -> None:
    pass
