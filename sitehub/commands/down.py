"""`sitehub down`: stop what `sitehub up` started (停止)."""

import os
import signal
import time

from rich.console import Console

from infra.errors import StackError
from sitehub.settings import settings
from sitehub.state import running_pid

LONGEST = 120.0


def down() -> None:
    """Ask the stack of this home to stop and wait until it has."""
    home = settings().home
    pid = running_pid(home)
    if pid is None:
        Console().print("Nothing runs here.")
        return
    os.kill(pid, signal.SIGTERM)
    until = time.monotonic() + LONGEST
    while running_pid(home) == pid:
        if time.monotonic() > until:
            raise StackError(f"Process {pid} has not stopped within {LONGEST:.0f} s.", f"End it with: kill -9 {pid}")
        time.sleep(0.1)
    Console().print("Stopped.")
