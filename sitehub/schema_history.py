"""The gate before a schema change (模式变更检查): the tree against every earlier version in git, and the registry."""

import json
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from infra.errors import StackError
from pipelines.catalog import Catalog
from pipelines.compatibility import backward_faults, full_faults
from pipelines.names import canonical_topic, hub_topic, subject_of


@dataclass(frozen=True)
class Subject:
    """A subject of the tree: its name, file, schema, and whether it is canonical (compatible both ways)."""

    name: str
    file: Path
    schema: Mapping[str, Any]
    canonical: bool


@dataclass(frozen=True)
class Finding:
    """One reason why a schema may not be released. `against` is a commit or a registry address."""

    subject: str
    against: str
    fault: str


def subjects_of(catalog: Catalog) -> list[Subject]:
    """All subjects of the catalog, canonical ones first, then the hub's own."""
    canonical = [
        Subject(subject_of(canonical_topic(name)), catalog.root / "canonical" / f"{name}.avsc", kind.schema, True)
        for name, kind in catalog.canonical.items()
    ]
    own = [
        Subject(subject_of(hub_topic(name)), catalog.root / "hub" / f"{name}.avsc", kind.schema, True)
        for name, kind in catalog.hub.items()
    ]
    return [*canonical, *own] + [Subject(raw.subject, raw.file, raw.schema, False) for raw in catalog.raw.values()]


def check_history(catalog: Catalog) -> tuple[list[Finding], int]:
    """Compare each schema with every committed version of its file; findings, and how many versions were compared."""
    root = catalog.root.resolve()
    findings, compared = [], 0
    versions = _versions(root)
    for subject in subjects_of(catalog):
        for commit, earlier in versions.pop(subject.file.resolve(), []):
            compared += 1
            faults = (full_faults if subject.canonical else backward_faults)(subject.schema, earlier)
            findings += [Finding(subject.name, f"commit {commit[:8]}", fault) for fault in faults]
    for file, known in versions.items():
        remedy = "the file is gone, but its topic may still hold records; restore it"
        findings.append(Finding(str(file.relative_to(root)), f"commit {known[0][0][:8]}", remedy))
    return findings, compared


def is_shallow(root: Path) -> bool:
    """Whether the clone that holds `root` was cut: earlier versions may then be missing from the comparison."""
    return _git(root, "rev-parse", "--is-shallow-repository").strip() == "true"


def check_registry(catalog: Catalog, url: str) -> list[Finding]:
    """Ask the registry whether each schema may follow the versions it holds; StackError when it does not answer."""
    with httpx.Client(base_url=url.rstrip("/"), timeout=30) as client:
        try:
            return [finding for subject in subjects_of(catalog) for finding in _asked(client, subject, url)]
        except httpx.TransportError as error:
            raise StackError(
                f"The registry at {url} does not answer ({type(error).__name__}).",
                "Start it with `sitehub up`, or correct the address.",
            ) from error


def _asked(client: httpx.Client, subject: Subject, url: str) -> Iterator[Finding]:
    known = client.get(f"/subjects/{subject.name}/versions")
    if known.status_code == httpx.codes.NOT_FOUND:
        return
    text = json.dumps(subject.schema, ensure_ascii=False)
    for version in known.raise_for_status().json():
        answer = client.post(
            f"/compatibility/subjects/{subject.name}/versions/{version}",
            params={"verbose": True},
            json={"schema": text},
        )
        result = answer.raise_for_status().json()
        if not result["is_compatible"]:
            reasons = "; ".join(result.get("messages") or ["incompatible"])
            yield Finding(subject.name, f"{url} version {version}", reasons)


def _versions(root: Path) -> dict[Path, list[tuple[str, dict[str, Any]]]]:
    """File → (commit, schema) of each commit that changed it, newest first, for all schemas ever committed."""
    top = Path(_git(root, "rev-parse", "--show-toplevel").strip())
    log = _git(root, "log", "--format=%x00%H", "--name-only", "--diff-filter=d", "--", "canonical", "hub", "raw")
    versions: dict[Path, list[tuple[str, dict[str, Any]]]] = {}
    for entry in log.split("\0")[1:]:
        commit, *names = entry.split()
        for name in (name for name in names if name.endswith(".avsc")):
            schema = json.loads(_git(root, "show", f"{commit}:{name}"))
            versions.setdefault((top / name).resolve(), []).append((commit, schema))
    return versions


def _git(folder: Path, *arguments: str) -> str:
    command = ["git", "-C", str(folder), "-c", "core.quotePath=false", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise StackError(
            f"git {arguments[0]} failed in {folder}: {done.stderr.strip()}.",
            "Run the check in a clone of the project with its whole history.",
        )
    return done.stdout
