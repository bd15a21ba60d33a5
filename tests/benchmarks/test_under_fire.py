"""The section on faults, hours and damage: what was found stands there, what was not measured is said."""

from typing import Any

from benchmarks.under_fire import as_markdown

COUNTS: dict[str, Any] = {
    "uploads": 400_000, "canonical": 396_000, "quarantined": 4_000, "mappings": 4, "landed": 400_000, "figures": 5_000,
}  # fmt: skip
RUN: dict[str, Any] = COUNTS | {
    "brokers": 3, "seconds": 960.0, "faults": 100, "longest_stalls_s": [97.6, 95.2, 73.7, 70.0], "findings": [],
    "by_kind": {
        "broker_killed": {"faults": 10, "recovery_median_s": 17.2, "recovery_longest_s": 56.9},
        "new_mapping": {"faults": 4, "recovery_median_s": None, "recovery_longest_s": None},
    },
}  # fmt: skip
MEMORY = {"first_fifth": 230, "last_fifth": 232, "largest": 240, "grown": False}
FOUND: dict[str, Any] = {
    "soak": {"commit": "abc", "runs": [RUN]},
    "endurance": {
        "commit": "abc", "minutes": 120, "uploads_per_second": 1000, "landed": 7_200_000,
        "memory_mib": {"landing": MEMORY, "normaliser-0": MEMORY | {"last_fifth": 300, "grown": True}},
        "ledger": COUNTS | {"missing": 0, "doubled": 2, "invented": 0},
    },
    "fuzz": {
        "commit": "abc", "uploads": 1_000_000, "accepted": 700_000, "mistreated": 0, "memory_mib": MEMORY,
        "quarantined": {"undecodable": 200_000, "unframed": 100_000}, "whole_way": COUNTS | {"findings": []},
    },
}  # fmt: skip


def test_what_was_found_is_told() -> None:
    """Counts, times and growth of each run."""
    text = as_markdown(FOUND)
    assert "### 100 faults on 3 broker(s) in 16 min, none with an effect" in text
    assert "Longest stalls of a partition: 97.6 s, 95.2 s, 73.7 s." in text
    assert "| broker killed | 10 | 17.2 s | 56.9 s |" in text
    assert "| new mapping | 4 | – | – |" in text
    assert "0 missing, 2 doubled, 0 invented; 7,200,000 landed" in text
    assert "| normaliser-0 | 230 | 300 | 240 | yes |" in text
    assert "700,000 rightly accepted, 300,000 in quarantine" in text
    assert "396,000 canonical records, 4,000 in quarantine, 400,000 landed, all as the pure core makes them." in text


def test_what_went_wrong_is_not_hidden() -> None:
    """Findings stand in the heading and one by one; without a run through Kafka there is no word of one."""
    sad = FOUND["fuzz"] | {"whole_way": COUNTS | {"findings": ["ledger: 2 doubled"]}}
    text = as_markdown(FOUND | {"soak": {"commit": "abc", "runs": [RUN | {"findings": ["2 doubled"]}]}, "fuzz": sad})
    assert "in 16 min, **1 findings**" in text
    assert "- 2 doubled" in text
    assert "**ledger: 2 doubled**" in text
    assert "Kafka" not in as_markdown(FOUND | {"fuzz": sad | {"whole_way": None}}).split("damaged uploads")[1]


def test_what_was_not_measured_is_said() -> None:
    """Each part with the command that measures it."""
    text = as_markdown(dict.fromkeys(FOUND))
    assert all(f"`make {name}` was not run at this commit." in text for name in FOUND)
