"""What a measured number depends on (测量环境): machine, versions, commit."""

import platform
import subprocess
import time
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

import psutil

from infra.packages import locked

LIBRARIES: Final = ("faust-streaming", "aiokafka", "confluent-kafka", "polars", "deltalake")
SERVERS: Final = ("kafka_2.13", "apicurio-registry-app")
PROJECT: Final = Path(__file__).resolve().parents[1]


def circumstances() -> dict[str, Any]:
    """The head of every file of results."""
    return {
        "machine": machine(),
        "versions": versions(),
        "commit": commit(),
        "measured_at": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
    }


def machine() -> dict[str, Any]:
    """Processor, cores and memory."""
    lines = Path("/proc/cpuinfo").read_text("utf-8").splitlines()
    model = next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "unknown")
    return {
        "processor": model,
        "cores": psutil.cpu_count(),
        "memory_gib": round(psutil.virtual_memory().total / (1 << 30), 1),
        "system": platform.platform(),
    }


def versions() -> dict[str, str]:
    """Of Python, of the libraries that carry the load, of broker and registry."""
    servers = {
        artifact: last
        for _, artifact, *_, last in (package.coordinate.split(":") for package in locked())
        if artifact in SERVERS
    }
    return {"python": platform.python_version(), **{name: version(name) for name in LIBRARIES}, **servers}


def commit() -> str:
    """The checked-out commit; with a plus sign where files differ from it."""
    command = ("git", "describe", "--always", "--dirty=+", "--abbrev=12", "--exclude=*")
    answer = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, check=False)
    return answer.stdout.strip() or "unknown"
