"""What faults, hours of load and damaged uploads did to the hub (经受考验), as a section of RESULTS.md."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from benchmarks.soak.report import as_markdown as soak_as_markdown

RESULTS: Final = Path(__file__).parent / "results"


def under_fire() -> dict[str, Any]:
    """Name → what `make soak`, `make endurance` and `make fuzz` have found last, None where they found nothing yet."""
    files = {name: RESULTS / f"{name}.json" for name in ("soak", "endurance", "fuzz")}
    return {name: json.loads(file.read_text("utf-8")) if file.exists() else None for name, file in files.items()}


def as_markdown(found: Mapping[str, Any]) -> str:
    """The section; what was not measured is said."""
    parts = {"soak": _soak, "endurance": _endurance, "fuzz": _fuzz}
    sections = [
        part(found[name]) if found[name] else f"`make {name}` was not run at this commit."
        for name, part in parts.items()
    ]
    return "\n\n".join(["## Under fire", *sections]) + "\n"


def _soak(soak: Mapping[str, Any]) -> str:
    return (
        f"`make soak`, commit {soak['commit']}: what strikes is listed in [guarantees](../docs/guarantees.md). "
        f"Everything that is left is compared with a calm run over the same uploads.\n\n{soak_as_markdown(soak)}"
    )


def _endurance(endurance: Mapping[str, Any]) -> str:
    ledger = endurance["ledger"]
    rows = [
        f"| {name} | {memory['first_fifth']} | {memory['last_fifth']} | {memory['largest']} | "
        f"{'yes' if memory['grown'] else 'no'} |"
        for name, memory in endurance["memory_mib"].items()
    ]
    return "\n".join(
        [
            f"### {endurance['minutes']:g} minutes of {endurance['uploads_per_second']:,} uploads a second",
            "",
            f"`python -m benchmarks.endurance --minutes {endurance['minutes']:g} --per-second "
            f"{endurance['uploads_per_second']}`, commit {endurance['commit']}: {ledger['uploads']:,} uploads, "
            f"{ledger['canonical']:,} "
            f"canonical records and {ledger['quarantined']:,} in quarantine, {ledger['missing']} missing, "
            f"{ledger['doubled']} doubled, {ledger['invented']} invented; {endurance['landed']:,} landed. Resident "
            "memory, MiB, medians of the first and the last fifth of the time when warm:",
            "",
            "| process | first fifth | last fifth | largest | grown |",
            "|---|---:|---:|---:|---|",
            *rows,
        ]
    )


def _fuzz(fuzz: Mapping[str, Any]) -> str:
    memory, reasons = fuzz["memory_mib"], fuzz["quarantined"]
    text = (
        f"### {fuzz['uploads']:,} damaged uploads\n\n"
        f"`make fuzz`, commit {fuzz['commit']}: {fuzz['accepted']:,} rightly accepted, {sum(reasons.values()):,} in "
        f"quarantine with their bytes ({', '.join(f'{reason} {count:,}' for reason, count in reasons.items())}), "
        f"{fuzz['mistreated']} mistreated; memory {memory['first_fifth']} MiB in the first fifth of the time, "
        f"{memory['last_fifth']} in the last."
    )
    return text + (f" {_whole_way(fuzz['whole_way'])}" if fuzz["whole_way"] else "")


def _whole_way(proof: Mapping[str, Any]) -> str:
    outcome = f"**{'; '.join(proof['findings'])}**" if proof["findings"] else "all as the pure core makes them"
    return (
        f"{proof['uploads']:,} more through a real Kafka and two normalisers: {proof['canonical']:,} canonical "
        f"records, {proof['quarantined']:,} in quarantine, {proof['landed']:,} landed, {outcome}."
    )
