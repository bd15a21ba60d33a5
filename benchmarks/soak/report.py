"""What a soak says of itself: results as data and as a section of a page."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from statistics import median
from typing import Any

from tests.faults.soak import Soak, Struck

LIBRARIES = ("faust-streaming", "aiokafka", "confluent-kafka", "polars", "deltalake")


def as_json(about: Mapping[str, Any], runs: Sequence[Soak]) -> dict[str, Any]:
    """The runs' circumstances, and each run with its faults by kind; times in seconds."""
    return {**about, "runs": [_run(each) for each in runs]}


def _run(soak: Soak) -> dict[str, Any]:
    by_kind: defaultdict[str, list[Struck]] = defaultdict(list)
    for fault in soak.struck:
        by_kind[fault.name].append(fault)
    return {
        "brokers": soak.plan.brokers,
        "seed": soak.plan.seed,
        "uploads_per_second": soak.plan.per_second,
        "seconds": round(soak.seconds, 1),
        "faults": len(soak.struck),
        "by_kind": {name: _kind(struck) for name, struck in sorted(by_kind.items())},
        "longest_stalls_s": [round(each, 1) for each in soak.stalls_s[:10]],
        "ends_by_exit_code": soak.ends,
        **asdict(soak.proof),
        "findings": soak.findings,
    }


def _kind(struck: Sequence[Struck]) -> dict[str, Any]:
    seen = [fault.recovery_s for fault in struck if fault.recovery_s is not None]
    return {
        "faults": len(struck),
        "recovery_median_s": round(median(seen), 1) if seen else None,
        "recovery_longest_s": round(max(seen), 1) if seen else None,
    }


def as_markdown(found: Mapping[str, Any]) -> str:
    """A section for a reader, from what `as_json` gives."""
    return "\n\n".join(map(_as_section, found["runs"]))


def _as_section(run: Mapping[str, Any]) -> str:
    findings = run["findings"]
    outcome = f"**{len(findings)} findings**" if findings else "none with an effect"
    stalls = ", ".join(f"{each} s" for each in run["longest_stalls_s"][:3])
    rows = [
        f"| {name.replace('_', ' ')} | {kind['faults']} | {_time(kind['recovery_median_s'])} | "
        f"{_time(kind['recovery_longest_s'])} |"
        for name, kind in run["by_kind"].items()
    ]
    return "\n".join(
        [
            f"### {run['faults']} faults on {run['brokers']} broker(s) in {run['seconds'] / 60:.0f} min, {outcome}",
            "",
            f"{run['uploads']:,} uploads became {run['canonical']:,} canonical records and {run['quarantined']:,} in "
            f"quarantine by {run['mappings']} mappings; {run['landed']:,} landed, {run['figures']:,} rows of figures "
            f"equal to a calm run's. Longest stalls of a partition: {stalls}.",
            "",
            "| fault | times | recovery, median | longest |",
            "|---|---:|---:|---:|",
            *rows,
            *([""] if findings else []),
            *(f"- {finding}" for finding in findings),
        ]
    )


def _time(seconds: float | None) -> str:
    return "–" if seconds is None else f"{seconds} s"
