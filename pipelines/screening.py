"""Row screening (逐条审核) with the flags of IOOS QARTOD: each rule is data in quality/screening/<kind>.yaml.

A value that fails stays in the record; a note says which value and why, and the row's flag is the worst of all.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Final

import numpy as np
import polars as pl
from numpy.typing import NDArray

from pipelines.contract import CanonicalKind, CatalogError, read_yaml

GOOD: Final = 1
NOT_EVALUATED: Final = 2
SUSPECT: Final = 3
FAIL: Final = 4
MISSING: Final = 9

# Notes without a level only explain: a sentinel made null, a code kept unread, a time taken from the receipt.
LEVELS: Final[Mapping[str, int]] = {
    "range": FAIL,
    "order": SUSPECT,
    "twelve_hours": SUSPECT,
    # What an instrument says of its own value (mapping/flags.py).
    "fault": FAIL,
    "maintenance": FAIL,
    "calibration": FAIL,
    "over_range": FAIL,
    "manual": SUSPECT,
    "unknown_flag": SUSPECT,
}
Values = NDArray[np.float64]
Flags = NDArray[np.bool_]
KEYS: Final = frozenset({"kind", "title", "zh", "source", "measured", "range", "order"})


@dataclass(frozen=True)
class Order:
    """Two fractions of one thing: the lesser may pass the greater by absolute + relative * greater."""

    greater: str
    lesser: str
    absolute: float
    relative: float


@dataclass(frozen=True)
class Screening:
    """The rules of one kind; ranges in the canonical units, bounds included."""

    measured: tuple[str, ...]
    ranges: Mapping[str, tuple[float, float]]
    orders: tuple[Order, ...]

    @cached_property
    def judged(self) -> list[str]:
        """The fields that are looked at."""
        ordered = (name for order in self.orders for name in (order.greater, order.lesser))
        return [*dict.fromkeys((*self.measured, *self.ranges, *ordered))]

    def findings(self, values: Values) -> dict[str, Flags]:
        """Note → where it holds, of those that hold somewhere; `values`: a row for each judged field, NaN where there
        is none.

        Order is judged between values in range: a failed one says nothing of the other.
        """
        failed = outside(values, self._bounds)
        found = {f"{self.judged[row]}=range": failed[row] for row in np.flatnonzero(failed.any(axis=1)).tolist()}
        rows = {name: row for row, name in enumerate(self.judged)}
        for order in self.orders:
            pair = rows[order.greater], rows[order.lesser]
            broken = disordered(order, values[pair[0]], values[pair[1]]) & ~failed[pair[0]] & ~failed[pair[1]]
            if broken.any():
                for name in (order.greater, order.lesser):
                    found[f"{name}=order"] = found.get(f"{name}=order", False) | broken
        return found

    @cached_property
    def _bounds(self) -> tuple[Values, Values]:
        """Least and greatest good value of each judged field, as columns."""
        bounds = np.array([self.ranges.get(name, (-np.inf, np.inf)) for name in self.judged])
        return bounds[:, :1], bounds[:, 1:]

    def unmarked(self, values: Values) -> NDArray[np.int32]:
        """The flag of each row before any finding: MISSING where nothing was measured."""
        measured = [self.judged.index(name) for name in self.measured]
        return np.where(np.isnan(values[measured]).all(axis=0), MISSING, GOOD).astype(np.int32)


def read_screening(file: Path, kinds: Mapping[str, CanonicalKind]) -> Screening:
    """Read quality/screening/<kind>.yaml; CatalogError names file, place and remedy."""
    content = read_yaml(file)
    if set(content) - KEYS or not {"kind", "measured", "range"} <= set(content):
        raise CatalogError(file, "file", "keys are missing or unknown", f"Use {', '.join(sorted(KEYS))}")
    if content["kind"] != file.stem or file.stem not in kinds:
        raise CatalogError(file, "kind", "is no kind, or not the file's name", f"Use one of {', '.join(kinds)}")
    rules = Screening(
        measured=tuple(content["measured"]),
        ranges={name: _bounds(file, name, bounds) for name, bounds in content["range"].items()},
        orders=tuple(_order(file, entry) for entry in content.get("order", ())),
    )
    ordered = [name for order in rules.orders for name in (order.greater, order.lesser)]
    for name in [*rules.measured, *rules.ranges, *ordered]:
        if name not in kinds[file.stem].by_name:
            raise CatalogError(file, name, "is no canonical field", f"Use a field of canonical/{file.stem}.avsc")
    return rules


def screen(frame: pl.DataFrame, kind: CanonicalKind, rules: Screening | None) -> pl.DataFrame:
    """The frame with `quality` and `quality_notes`; `_notes` and `_form_note` (may be null) are merged into the latter.

    Rolled up: 4 where a value fails, else 3 where one is suspect, else 9 where nothing was measured, else 2 where the
    kind has no rules, else 1.
    """
    values = frame[rules.judged].to_numpy().T if rules else np.empty((0, frame.height))
    unmarked = rules.unmarked(values) if rules else np.full(frame.height, NOT_EVALUATED, np.int32)
    flagged = frame.hstack([pl.Series("quality", unmarked)])
    # Texts are only written for findings that some row has: what a row gets does not depend on it.
    findings = rules.findings(values) if rules else {}
    if not findings and all(frame[name].null_count() == frame.height for name in ("_notes", "_form_note")):
        return flagged.hstack([pl.Series("quality_notes", [None], pl.String).new_from_index(0, frame.height)])
    notes = [pl.when(pl.lit(pl.Series(flags))).then(pl.lit(note)) for note, flags in findings.items()]
    said = pl.concat_str("_notes", *notes, "_form_note", separator=";", ignore_nulls=True)
    judged = flagged.with_columns_seq(quality_notes=said)
    texts = judged["quality_notes"].unique().to_list()
    # Notes are a closed vocabulary: a batch holds few distinct combinations, each put in order and judged once.
    ranks = {field.name: rank for rank, field in enumerate(kind.fields)}
    in_order = {text: sort_notes(text, ranks) or None for text in texts}
    levels = {text: level_of(text) for text in texts}
    column = pl.col("quality_notes")
    return judged.with_columns_seq(
        column.replace_strict(in_order, return_dtype=pl.String),
        pl.coalesce(column.replace_strict(levels, return_dtype=pl.Int32), "quality").alias("quality"),
    )


def level_of(notes: str) -> int | None:
    """The worst level of `field=note;…`, or None where no note has one."""
    levels = [LEVELS[kind] for note in filter(None, notes.split(";")) if (kind := note.partition("=")[2]) in LEVELS]
    return max(levels, default=None)


def sort_notes(text: str, ranks: Mapping[str, int]) -> str:
    """`field=note;…` in the order of the kind's fields, what belongs to no field last."""
    return ";".join(
        sorted(filter(None, text.split(";")), key=lambda note: ranks.get(note.split("=")[0].split(".")[0], len(ranks)))
    )


def outside(values: Values, bounds: tuple[Values | float, Values | float]) -> Flags:
    """Gross range test (超量程): whether each value lies outside of its bounds; what is absent (NaN) does not."""
    least, greatest = bounds
    flags: Flags = (values < least) | (values > greatest)
    return flags


def disordered(order: Order, greater: Values, lesser: Values) -> Flags:
    """Order test (粒径倒挂): whether the lesser fraction passes the greater by more than the tolerance; never where one
    of them is absent (NaN)."""
    flags: Flags = lesser > greater + (greater * order.relative + order.absolute)
    return flags


def _bounds(file: Path, name: str, bounds: object) -> tuple[float, float]:
    match bounds:
        case [int() | float() as least, int() | float() as greatest] if least <= greatest:
            return float(least), float(greatest)
    raise CatalogError(file, name, f"range is {bounds!r}", "Write [least, greatest]")


def _order(file: Path, entry: object) -> Order:
    match entry:
        case {"greater": str(greater), "lesser": str(lesser), "absolute": absolute, "relative": relative}:
            return Order(greater, lesser, float(absolute), float(relative))
    raise CatalogError(
        file, "order", f"{entry!r} is no rule", "Write {greater: …, lesser: …, absolute: …, relative: …}"
    )
