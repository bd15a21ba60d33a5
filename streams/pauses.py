"""Asking again (再问): at once at first, then more and more slowly, and not all lanes at the same moment."""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import Final

LONGEST_S: Final = 0.5


def pauses(first_s: float) -> Iterator[float]:
    """How long to wait before asking again, without end: by chance between half of a time and the whole, which is
    `first_s` at first, twice as long each time, and LONGEST_S at most; s."""
    pause_s = first_s
    while True:
        yield random.uniform(pause_s / 2, pause_s)
        pause_s = min(2 * pause_s, LONGEST_S)
