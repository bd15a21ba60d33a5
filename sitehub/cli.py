"""The `sitehub` command (命令行). Commands are named by text and imported when they run.

Exit codes: 0 in order, 1 findings, 2 usage, 3 the environment is not in order.
"""

import atexit
import errno
import os
import sys
import threading
from typing import Final, NoReturn

from cyclopts import App, CycloptsError
from pydantic import ValidationError
from rich.console import Console

from infra.errors import StackError
from sitehub.logging import configure_logging

COMMANDS: Final[dict[str, tuple[str, str]]] = {
    "up": ("sitehub.commands.up:up", "Start broker, registry, workers and Dagster."),
    "down": ("sitehub.commands.down:down", "Stop what `up` started."),
    "status": ("sitehub.commands.status:status", "What runs, where, and how far behind."),
    "doctor": ("sitehub.commands.doctor:doctor", "Look whether this machine can run the local stack."),
    "config": ("sitehub.commands.config:app", "Show the settings."),
    "demo": ("sitehub.commands.demo:demo", "Two simulated days of four provinces through the whole chain."),
    "catalog": ("sitehub.commands.catalog:app", "Kinds, provinces, topics and field mappings."),
    "schemas": ("sitehub.commands.schemas:app", "Check and register the schemas."),
    "monitoring": ("sitehub.commands.monitoring:monitoring", "Files for a Prometheus and a Grafana."),
    "topics": ("sitehub.commands.topics:app", "Create and list the topics."),
    "check": ("sitehub.commands.check:check", "Dry run of a vendor's file, without Kafka."),
    "produce": ("sitehub.commands.produce:produce", "Send a file as a vendor would."),
    "simulate": ("sitehub.commands.simulate:simulate", "Make simulated uploads with the truth beside them."),
    "normalise": ("sitehub.commands.normalise:normalise", "Run the normaliser of one province."),
    "gateway": ("sitehub.commands.gateway:app", "Take uploads from devices themselves."),
    "land": ("sitehub.commands.land:land", "Run the landing into the lake."),
    "ledger": ("sitehub.commands.ledger:ledger", "Prove one in, exactly one out."),
    "quarantine": ("sitehub.commands.quarantine:app", "List, show and retry rejected uploads."),
    "orphans": ("sitehub.commands.orphans:orphans", "Devices and projects that no register knows."),
    "forget": ("sitehub.commands.forget:forget", "What is where of a person, and until when."),
    "replay": ("sitehub.commands.replay:replay", "Normalise a raw topic again and compare the bytes."),
    "materialise": ("sitehub.commands.materialise:materialise", "Compute assets of days and provinces."),
    "publish": ("sitehub.commands.publish:publish", "Write what the hub has found into its own topics."),
    "report": ("sitehub.commands.report:app", "Print and render a report."),
    "rates": ("sitehub.commands.rates:rates", "Print upload rates."),
}

app = App(name="sitehub", help="Uploads of construction sites of several provinces, made one canonical log.")
for _name, (_where, _help) in COMMANDS.items():
    app.command(_where, name=_name, help=_help)


def main() -> None:
    """Run one command line and end the process with its exit code."""
    try:
        _run()
    except SystemExit as end:
        _leave(end)


def _leave(end: SystemExit) -> NoReturn:
    """End the process; without taking Python apart where a thread is left, which may be in a call to a silent broker.

    Such a thread comes back in the middle of that: a worker that was told to stop has ended by SIGSEGV.
    """
    others = [thread for thread in threading.enumerate() if thread is not threading.current_thread()]
    if others and all(thread.daemon for thread in others) and isinstance(end.code, int | None):
        atexit._run_exitfuncs()  # Python's own, checked with 3.11: tests/sitehub/test_end.py
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(end.code or 0)
    raise end


def _run() -> None:
    configure_logging()
    complain = Console(stderr=True, highlight=False, soft_wrap=True)
    try:
        app(exit_on_error=False)
    except CycloptsError:
        sys.exit(2)  # cyclopts has printed the message and the usage
    except ValidationError as error:
        for fault in error.errors():
            name = "_".join(str(part) for part in fault["loc"]).upper()
            complain.print(f"SITEHUB_{name}: {fault['msg']}. Correct it in the environment or in .env.", style="red")
        sys.exit(2)
    except StackError as error:
        complain.print(str(error), style="red")
        sys.exit(3)
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT):
            raise
        where = error.filename or "this machine"
        complain.print(f"The disk of {where} is full. Free space, or set SITEHUB_HOME to another disk.", style="red")
        sys.exit(3)
    except KeyboardInterrupt:
        sys.exit(130)
