"""Ctrl-C and SIGTERM while Dagster computes (中断): a run is ended by them, and so is what started it."""

import signal
import socket
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def heeded() -> Iterator[None]:
    """Tells SIGINT or SIGTERM once more at the end of the block, when the program's own handlers are back in place.

    Dagster puts its handlers in their place while a run lasts: it fails the run, if it notices at all, and goes on as
    if nothing had been asked. What Python receives it also writes to the wakeup descriptor, whoever handles it. For the
    main thread, as signals are.
    """
    told, heard = socket.socketpair()
    with told, heard:
        told.setblocking(False)
        heard.setblocking(False)
        before = signal.set_wakeup_fd(told.fileno())
        try:
            yield
        finally:
            signal.set_wakeup_fd(before)
        numbers = _received(heard)
    for number in (signal.SIGINT, signal.SIGTERM):
        if number in numbers:
            signal.raise_signal(number)


def _received(heard: socket.socket) -> bytes:
    """The numbers of the signals that came."""
    try:
        return heard.recv(4096)
    except BlockingIOError:
        return b""
