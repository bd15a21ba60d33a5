"""Asking again (再问): at once at first, then more and more slowly."""

from __future__ import annotations

import asyncio
from typing import Final

LONGEST_S: Final = 0.5


async def longer(pause_s: float) -> float:
    """Wait; how long to wait the next time."""
    await asyncio.sleep(pause_s)
    return min(2 * pause_s, LONGEST_S)
