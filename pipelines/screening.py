"""Row screening (逐条审核) with the flags of IOOS QARTOD: each rule is data in quality/screening/<kind>.yaml.

A value that fails stays in the record; a note says which value and why, and the row's flag is the worst of all.
"""

from collections.abc import Mapping
from typing import Final

import numpy as np
import polars as pl

from pipelines.contract import CanonicalKind
from pipelines.screening_rules import FAIL, GOOD, MISSING, NOT_EVALUATED, SUSPECT, Flags, Screening

__all__ = ["FAIL", "GOOD", "LEVELS", "MISSING", "NOT_EVALUATED", "SUSPECT", "Screening", "level_of", "screen"]

# Notes without a level only explain: a sentinel made null, a code kept unread, a time taken from the receipt.
LEVELS: Final[Mapping[str, int]] = {
    "range": FAIL,
    "garbled": FAIL,
    "unusual": SUSPECT,
    "order": SUSPECT,
    "sum": SUSPECT,
    "twelve_hours": SUSPECT,
    # What an instrument says of its own value (mapping/flags.py).
    "fault": FAIL,
    "maintenance": FAIL,
    "calibration": FAIL,
    "over_range": FAIL,
    "manual": SUSPECT,
    "unknown_flag": SUSPECT,
}


def screen(frame: pl.DataFrame, kind: CanonicalKind, rules: Screening | None) -> pl.DataFrame:
    """The frame with `quality` and `quality_notes`; `_notes` and `_form_note` (may be null) are merged into the latter.

    Rolled up: 4 where a value fails, else 3 where one is suspect, else 9 where nothing was measured, else 2 where no
    rule judges anything, else 1.
    """
    # Findings that no row has are left out: what a row gets does not depend on it.
    none: dict[str, Flags] = {}
    findings, unmarked = rules.judge(frame) if rules else (none, np.full(frame.height, NOT_EVALUATED, np.int32))
    flagged = frame.hstack([pl.Series("quality", unmarked)])
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
