"""What a measured number depends on (测量环境): machine, versions, commit."""

import platform
import subprocess
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

import psutil

from infra.packages import LOCK, locked
from sitehub.settings import PROJECT_ROOT

SERVERS: Final = ("kafka_2.13", "apicurio-registry-app")


def circumstances(libraries: Sequence[str], servers: Sequence[str] = ()) -> dict[str, Any]:
    """The head of a file of results; `libraries` and `servers` are those that carry the load."""
    versions = {"python": platform.python_version(), **{name: version(name) for name in libraries}}
    return {"machine": machine(), "versions": versions | jars(servers), "commit": commit()}


def jars(artifacts: Sequence[str], lock: Path = LOCK) -> dict[str, str]:
    """Versions of these artifacts, as far as the lock of packages has them."""
    named = (package.coordinate.split(":") for package in locked(lock))
    return {artifact: number for _, artifact, *_, number in named if artifact in artifacts}


def machine() -> dict[str, Any]:
    """Processor, cores, memory and system."""
    lines = Path("/proc/cpuinfo").read_text("utf-8").splitlines()
    models = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return {
        "cpu": models[0] if models else platform.machine(),
        "cores": psutil.cpu_count(),
        "memory_gib": round(psutil.virtual_memory().total / (1 << 30), 1),
        "system": f"{platform.system()} {platform.release()}",
    }


def commit() -> str:
    """The commit, with + where code differs from it (results may: they are what is being written)."""
    said = [
        subprocess.run(["git", *words], cwd=PROJECT_ROOT, capture_output=True, text=True, check=True).stdout.strip()
        for words in (["rev-parse", "--short=12", "HEAD"], ["status", "--porcelain", "--", "*.py", "*.java", "*.lock"])
    ]
    return said[0] + ("+" if said[1] else "")
