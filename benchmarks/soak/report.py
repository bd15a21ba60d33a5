"""What a soak says of itself: results as data and as a page."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import asdict
from statistics import median
from typing import Any

from benchmarks.circumstances import circumstances
from tests.faults.soak import Soak, Struck

LIBRARIES = ("faust-streaming", "aiokafka", "confluent-kafka", "polars", "deltalake")


def as_json(runs: Sequence[Soak]) -> dict[str, Any]:
    """Circumstances and each run with its faults by kind; times in seconds."""
    return {**circumstances(LIBRARIES), "runs": [_run(each) for each in runs]}


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
    }


def _kind(struck: Sequence[Struck]) -> dict[str, Any]:
    seen = [fault.recovery_s for fault in struck if fault.recovery_s is not None]
    return {
        "faults": len(struck),
        "recovery_median_s": round(median(seen), 1) if seen else None,
        "recovery_longest_s": round(max(seen), 1) if seen else None,
    }


def as_markdown(runs: Sequence[Soak]) -> str:
    """A page for a reader."""
    parts = ["# Soak\n"]
    for soak in runs:
        shown, proof = _run(soak), soak.proof
        outcome = "none with an effect" if not proof.findings else f"**{len(proof.findings)} findings**"
        stalls = ", ".join(f"{each} s" for each in shown["longest_stalls_s"][:3])
        parts.append(
            f"\n## {soak.plan.brokers} broker(s): {len(soak.struck)} faults in {soak.seconds / 60:.0f} min, {outcome}\n"
            f"\n{proof.uploads:,} uploads → {proof.canonical:,} canonical + {proof.quarantined:,} quarantined by "
            f"{proof.mappings} mappings, {proof.landed:,} landed, {proof.figures:,} rows of figures equal to a calm "
            f"run's. Longest stalls of a partition: {stalls}.\n"
            "\n| fault | times | recovery, median | longest |\n|---|---|---|---|\n"
        )
        for name, kind in shown["by_kind"].items():
            words = name.replace("_", " ")
            times = f"{kind['recovery_median_s']} s | {kind['recovery_longest_s']} s"
            parts.append(f"| {words} | {kind['faults']} | {times} |\n")
        parts += [f"\n- {finding}" for finding in proof.findings]
    return "".join(parts) + "\n"
