"""Uploads of any kind that must be rejected 通用损坏: one a feed for every fault that its mapping knows."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any, Final

from pipelines.catalog import Field
from simulation.inverse import Inverse
from simulation.occurrences import Occurrence

Change = Mapping[str, Any]  # raw field → what it holds instead; CUT: its last character is lost

CUT: Final = object()
WRONG: Final[Mapping[str, Mapping[str, Any]]] = {
    "bad_time": {"string": "2026-02-31 10:00:00", "long": 202603011200005, "int": 99_999},
    "bad_code": {"string": "没有的代码", "int": 99_999},
}


def changes(inverse: Inverse) -> dict[str, Change]:
    """Rejection reason → what makes an upload deserve it."""
    types = {each.name: each for each in inverse.raw.fields}
    found: dict[str, Change] = {"bad_time": _all(inverse.sources("observed_at"), "bad_time", types)}
    for rule in inverse.rules.values():
        if rule.required and rule.raw_fields:
            found.setdefault("missing_field", dict.fromkeys(rule.raw_fields))
        if rule.required and rule.codes and rule.unknown == "reject":
            found.setdefault("bad_code", _all(rule.sources, "bad_code", types))
        if rule.required and (rule.identifier or rule.pseudonym == "citizen") and rule.invalid == "reject":
            found.setdefault("bad_identifier", {rule.sources[0]: CUT})
    return found


def to_be_spoilt(happened: list[Occurrence], inverse: Inverse) -> list[Occurrence]:
    """For each fault a sound occurrence, to be sent damaged a moment after it was sent sound."""
    sound = [each for each in happened if not each.flags]
    reasons = list(changes(inverse))
    return [
        replace(each, timestamp=each.timestamp + timedelta(milliseconds=333), damage=reason, flags="damaged")
        for number, reason in enumerate(reasons)
        for each in sound[number * len(sound) // len(reasons) :][:1]
    ]


def spoilt(record: Mapping[str, Any], change: Change) -> dict[str, Any]:
    """The raw record with its fault."""
    return {**record, **{name: record[name][:-1] if wrong is CUT else wrong for name, wrong in change.items()}}


def _all(sources: tuple[str, ...], reason: str, types: Mapping[str, Field]) -> Change:
    return {name: WRONG[reason][types[name].type] for name in sources}
