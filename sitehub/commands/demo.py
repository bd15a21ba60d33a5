"""`sitehub demo`: two simulated days of four provinces through the whole chain (演示)."""

import sys
from pathlib import Path

from rich.console import Console


def demo(*, kill: bool = False, days: int = 2, devices: int = 72, home: Path = Path(".sitehub/demo")) -> None:
    """Simulated vendors of four provinces upload; the hub normalises, lands, computes and reports.

    Everything runs on free ports, in a folder made afresh, and is stopped at the end. Exit 0 when ledger and truth say
    that all is as expected, 1 otherwise.

    Parameters
    ----------
    kill
        kill -9 a normaliser and the landing in the middle of the uploads: no figure may change.
    days
        Number of simulated days, the last one yesterday.
    devices
        Registered devices over all provinces.
    home
        Folder of the demo; what is in it is deleted first.
    """
    from infra.lock import AlreadyHeldError, exclusive
    from infra.signals import interrupted_by_signals
    from sitehub.demo import Steps, demo_settings, run_demo, yesterdays

    console = Console(soft_wrap=True, highlight=False)
    chosen = demo_settings(home.absolute())
    try:
        with interrupted_by_signals(), exclusive(home.with_name(f"{home.name}.lock"), wait=False):
            good = run_demo(chosen, yesterdays(days, devices), kill, Steps(console))
    except AlreadyHeldError as error:
        console.print(f"A demo in {home} runs already as process {error.pid}; wait for it, or choose another --home.")
        sys.exit(3)
    except KeyboardInterrupt:
        console.print("Stopped; nothing is left running.")
        sys.exit(130)
    sys.exit(0 if good else 1)
