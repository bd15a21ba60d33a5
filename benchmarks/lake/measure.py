"""Time and memory of a function in a process of its own."""

import multiprocessing
import resource
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Measured:
    """What a function returned; wall and CPU seconds; the greatest resident memory of its process, MiB."""

    result: Any
    seconds: float
    cpu_s: float
    peak_mib: float

    def as_row(self) -> dict[str, Any]:
        """Everything as plain values, the result's own among them."""
        return {
            **self.result,
            "seconds": round(self.seconds, 2),
            "cpu_s": round(self.cpu_s, 2),
            "peak_mib": round(self.peak_mib),
        }


def in_child(function: Callable[..., dict[str, Any]], *arguments: Any) -> Measured:
    """Calls a function of a module in a fresh process; the time is that of the call, without the process's start."""
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as child:
        return child.submit(_timed, function, arguments).result()


def _timed(function: Callable[..., dict[str, Any]], arguments: tuple[Any, ...]) -> Measured:
    began, worked = time.perf_counter(), time.process_time()
    result = function(*arguments)
    seconds, cpu_s = time.perf_counter() - began, time.process_time() - worked
    return Measured(result, seconds, cpu_s, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
