"""From entries to what is published (汇总): medians with their least and greatest, and ratios within a round."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any, Final

Entry = Mapping[str, Any]
BUSY: Final = 0.9


@dataclass(frozen=True)
class Spread:
    """Least, median and greatest of some measurements."""

    least: float
    median: float
    greatest: float

    @classmethod
    def of(cls, values: Iterable[float]) -> "Spread":
        """Of at least one value."""
        found = sorted(values)
        return cls(found[0], median(found), found[-1])

    def __str__(self) -> str:
        """The median, and where the others differ, their least and greatest."""
        one = self.least == self.greatest
        return f"{self.median:.1f}" if one else f"{self.median:.1f} ({self.least:.1f} – {self.greatest:.1f})"


@dataclass(frozen=True)
class Line:
    """One contestant in one workload; `ratio`: the hub's rate as a multiple of its, each within one round."""

    contestant: str
    guarantee: str
    readings: int
    rate: Spread
    per_cpu_s: Spread
    core: float
    broker: float
    peak_mb: float
    ratio: Spread

    @property
    def bottleneck(self) -> str:
        """What was busy while it ran."""
        busy = [name for name, share in (("its core", self.core), ("the broker's core", self.broker)) if share >= BUSY]
        return " and ".join(busy) or "waiting"


def lines(entries: Sequence[Entry], workload: str) -> list[Line]:
    """The contestants of a workload in the order of their first round."""
    chosen = [entry for entry in entries if entry["workload"] == workload]
    hub = {entry["round"]: entry["events_per_s"] for entry in chosen if entry["contestant"] == "sitehub"}
    names = dict.fromkeys((entry["contestant"], entry["guarantee"]) for entry in chosen)
    return [
        _line(name, [entry for entry in chosen if (entry["contestant"], entry["guarantee"]) == name], hub)
        for name in names
    ]


def _line(name: tuple[str, str], entries: Sequence[Entry], hub: Mapping[int, float]) -> Line:
    return Line(
        *name,
        readings=entries[0]["readings"],
        rate=Spread.of(entry["events_per_s"] for entry in entries),
        per_cpu_s=Spread.of(entry["per_cpu_s"] for entry in entries),
        core=median(entry["core_share"] for entry in entries),
        broker=median(entry["broker_share"] for entry in entries),
        peak_mb=max(entry["peak_mb"] for entry in entries),
        ratio=Spread.of(hub[entry["round"]] / entry["events_per_s"] for entry in entries if entry["round"] in hub),
    )


def line_of(found: Sequence[Line], contestant: str, guarantee: str = "exactly_once") -> Line:
    """One of the lines; LookupError where it was not measured."""
    for line in found:
        if (line.contestant, line.guarantee) == (contestant, guarantee):
            return line
    raise LookupError(f"{contestant} {guarantee} was not measured: run `make bench`")


def grouped(
    entries: Sequence[Entry], by: Sequence[str], values: Sequence[str], of: Callable[[Iterable[float]], Any] = median
) -> list[dict[str, Any]]:
    """Entries of the same `by`, in the order of the first, with the median, or what `of` makes, of each of `values`."""
    keys = dict.fromkeys(tuple(entry.get(name) for name in by) for entry in entries)
    return [
        dict(zip(by, key, strict=True))
        | {
            value: of(entry[value] for entry in entries if tuple(entry.get(name) for name in by) == key)
            for value in values
        }
        for key in keys
    ]
