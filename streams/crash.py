"""The end of a worker that has met what it does not expect."""

from __future__ import annotations

import os
import sys
from typing import Final

import structlog

from streams.described import described

log = structlog.get_logger(__name__)

CRASHED: Final = 71


def crash(error: BaseException) -> None:
    """Crash only (只崩不跳): one line, and out. Nothing uncommitted is visible; the supervisor starts a new process."""
    log.critical("the worker ends: nothing that was not finished is visible or answered", error=described(error))
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(CRASHED)
