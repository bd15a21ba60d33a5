"""A lock file that the kernel releases when its holder ends, however it ends (文件锁)."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


class AlreadyHeldError(Exception):
    """Another process holds the lock; its process id is the argument."""

    def __init__(self, pid: int) -> None:
        super().__init__(pid)
        self.pid = pid


@contextmanager
def exclusive(path: Path, wait: bool = True) -> Iterator[None]:
    """Hold the lock at path for the block; with wait=False raise AlreadyHeldError instead of waiting."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a+", encoding="ascii") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
        except BlockingIOError as error:
            raise AlreadyHeldError(holder(path) or 0) from error
        file.truncate(0)
        file.write(str(os.getpid()))
        file.flush()
        yield


def holder(path: Path) -> int | None:
    """Process id of who holds the lock at path now, or None."""
    if not path.exists():
        return None
    with path.open("r+", encoding="ascii") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return int(file.read() or 0)
    return None
