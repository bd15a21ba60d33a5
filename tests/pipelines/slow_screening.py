"""An independent reference of row screening: one row at a time, in plain Python, from the rule files themselves."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any

import yaml

RULES = Path(__file__).resolve().parents[2] / "quality" / "screening"
FOUND = {"range": 4, "garbled": 4, "unusual": 3, "order": 3, "sum": 3}
MAPPED = {
    "twelve_hours": 3, "fault": 4, "maintenance": 4, "calibration": 4, "over_range": 4, "manual": 3, "unknown_flag": 3,
}  # fmt: skip


@cache
def rules_of(kind: str) -> Mapping[str, Any] | None:
    """What the file of a kind says; None where it has none."""
    file = RULES / f"{kind}.yaml"
    return yaml.safe_load(file.read_text("utf-8")) if file.exists() else None


def screened(kind: str, row: Mapping[str, Any], mapped: Iterable[str]) -> tuple[int, set[str]]:
    """The flag of a canonical row with the notes of its mapping, and the notes of the screening."""
    rules = rules_of(kind)
    notes = _findings(rules, row) if rules else set()
    levels = [(FOUND | MAPPED).get(note.split("=")[1]) for note in (*notes, *mapped)]
    return max(filter(None, levels), default=_unmarked(rules, row) if rules else 2), notes


def _findings(rules: Mapping[str, Any], row: Mapping[str, Any]) -> set[str]:
    notes = _notes(rules, row)
    for name, inner in rules.get("items", {}).items():
        notes |= {f"{name}.{note}" for item in row[name] or () for note in _notes(inner, item)}
    for rule in rules.get("sum", ()):
        array, part = rule["parts"].split(".")
        parts = [item[part] for item in row[array] or ()]
        total = row[rule["total"]]
        if parts and None not in [*parts, total] and abs(total - sum(parts)) > rule.get("absolute", 0):
            notes |= {f"{rule['total']}=sum", f"{array}=sum"}
    return notes


def _notes(rules: Mapping[str, Any], row: Mapping[str, Any]) -> set[str]:
    failed = set()
    for name, (least, greatest) in rules.get("range", {}).items():
        if row[name] is not None and not least <= row[name] <= greatest:
            failed.add(f"{name}=range")
    for name, step in rules.get("finest", {}).items():
        if row[name] and abs(row[name]) < step:
            failed.add(f"{name}=garbled")
    bad = {note.split("=")[0] for note in failed}
    suspect = set()
    for name, (least, greatest) in rules.get("usual", {}).items():
        if row[name] is not None and name not in bad and not least <= row[name] <= greatest:
            suspect.add(f"{name}=unusual")
    for rule in rules.get("order", ()):
        pair = rule["greater"], rule["lesser"]
        greater, lesser = (_number(row[name]) for name in pair)
        if greater is None or lesser is None or set(pair) & bad:
            continue
        if lesser > greater + rule.get("absolute", 0) + greater * rule.get("relative", 0):
            suspect |= {f"{name}=order" for name in pair}
    return failed | suspect


def _number(value: Any) -> float | None:
    return value.timestamp() if isinstance(value, datetime) else value


def _unmarked(rules: Mapping[str, Any], row: Mapping[str, Any]) -> int:
    """9 where nothing of what the kind measures is there, 2 where a kind that measures nothing has nothing to judge."""
    levels = [(rules, [row]), *((inner, row[name] or []) for name, inner in rules.get("items", {}).items())]
    measured = [(inner["measured"], rows) for inner, rows in levels if "measured" in inner]
    if measured:
        found = any(item[name] is not None for names, rows in measured for item in rows for name in names)
        return 1 if found else 9
    return 1 if any(_judgeable(inner, item) for inner, rows in levels for item in rows) else 2


def _judgeable(rules: Mapping[str, Any], row: Mapping[str, Any]) -> bool:
    alone = [[name] for test in ("range", "finest", "usual") for name in rules.get(test, {})]
    pairs = [[rule["greater"], rule["lesser"]] for rule in rules.get("order", ())]
    return any(all(row[name] is not None for name in names) for names in (*alone, *pairs))
