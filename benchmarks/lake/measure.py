"""Time and memory of a function in a process of its own."""

import multiprocessing
import os
import platform
import resource
import subprocess
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from importlib.metadata import version
from typing import Any

LIBRARIES = ("polars", "deltalake", "dagster", "great-expectations", "XlsxWriter", "typst")


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


def machine() -> dict[str, Any]:
    """What the figures were measured on."""
    with open("/proc/cpuinfo", encoding="utf-8") as info:  # noqa: PTH123 (no path of the project)
        models = {line.split(":", 1)[1].strip() for line in info if line.startswith("model name")}
    pages = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    return {
        "cpu": ", ".join(sorted(models)) or platform.machine(),
        "cores": len(os.sched_getaffinity(0)),
        "memory_gib": round(pages / 2**30, 1),
        "system": f"{platform.system()} {platform.release()}",
    }


def versions() -> dict[str, str]:
    """Python and the libraries that do the work."""
    return {"python": platform.python_version()} | {name: version(name) for name in LIBRARIES}


def commit() -> str:
    """The commit that was measured, with '+' where files have been changed since."""
    head = subprocess.run(["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=True)
    changed = subprocess.run(["git", "status", "--porcelain"], capture_output=True, text=True, check=True)
    return head.stdout.strip() + ("+" if changed.stdout.strip() else "")
