"""Last line against orphans (守护): ends every process of a stack when its supervisor is gone, however it went.

Run as a child of the supervisor with the read end of a pipe as standard input. All processes of a stack carry its mark
in their environment, and so do their children's children; end of input means that the supervisor no longer lives.
"""

import os
import sys
import time

import psutil

MARK = "SITEHUB_STACK_MARK"
SWEEPS = 50


def marked(mark: str) -> list[psutil.Process]:
    """All processes that carry the mark, this one excepted."""
    found = []
    for process in psutil.process_iter():
        try:
            if process.pid != os.getpid() and process.environ().get(MARK) == mark:
                found.append(process)
        except (psutil.NoSuchProcess, psutil.AccessDenied, psutil.ZombieProcess):
            continue  # gone meanwhile, or another user's and so none of ours
    return found


def sweep(mark: str) -> None:
    """Kill all marked processes; repeated, because one may be starting a child at this moment."""
    for _ in range(SWEEPS):
        processes = marked(mark)
        if not processes:
            return
        for process in processes:
            try:
                process.kill()
            except psutil.NoSuchProcess:
                continue
        time.sleep(0.02)


def main() -> None:
    """Wait for the end of input, then sweep."""
    sys.stdin.read()
    sweep(os.environ.pop(MARK))


if __name__ == "__main__":
    main()
