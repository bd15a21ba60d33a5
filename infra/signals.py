"""The end of a program by Ctrl-C or SIGTERM takes the same way (信号)."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType


@contextmanager
def interrupted_by_signals() -> Iterator[None]:
    """The first SIGINT or SIGTERM ends the block with KeyboardInterrupt; later ones are ignored, so that stopping
    completes.

    Whatever error the block ends with after the signal is taken for the interruption: inside a call of a C library
    KeyboardInterrupt comes out as another one (of confluent-kafka's admin client as ValueError or SystemError).
    """
    asked = False

    def interrupt(_number: int, _frame: FrameType | None) -> None:
        nonlocal asked
        asked = True
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, signal.SIG_IGN)
        raise KeyboardInterrupt

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, interrupt)
    try:
        yield
    except Exception as error:
        if asked:
            raise KeyboardInterrupt from error
        raise
