"""Asking again (再问): at once at first, then more and more slowly."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

LONGEST_S: Final = 0.5


def pauses(first_s: float) -> Iterator[float]:
    """How long to wait before asking again, without end: twice as long each time, LONGEST_S at most; s."""
    pause_s = first_s
    while True:
        yield pause_s
        pause_s = min(2 * pause_s, LONGEST_S)
