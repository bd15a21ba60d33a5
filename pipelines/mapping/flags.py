"""Flags beside values (数据标记): what an instrument says of its own value."""

from collections import defaultdict
from dataclasses import replace
from typing import Final

import polars as pl

from pipelines.contract import CodeTable
from pipelines.mapping.grammar import Rule
from pipelines.mapping.step import NoteCheck, Step

GOOD: Final = "good"
# Nothing was measured then; a value that stands there all the same is an invention of the logger.
NOT_MEASURED: Final = ("stopped", "no_communication")
DOUBTFUL: Final = ("maintenance", "manual", "fault", "calibration", "over_range")
MEANINGS: Final = (GOOD, *NOT_MEASURED, *DOUBTFUL)
UNKNOWN: Final = "unknown_flag"


def flagged(step: Step, rule: Rule, absent: tuple[str, ...], table: CodeTable) -> Step:
    """The step of a number with flags: a value that was not measured is null; each flag of a value that is said is
    noted, unless it is good.

    `table`: flag → one of MEANINGS.
    """
    flag = _flag(rule, absent)
    codes: defaultdict[str, list[str]] = defaultdict(list)
    for code, meaning in table.values.items():
        codes[str(meaning)].append(code)
    unmeasured = [code for meaning in NOT_MEASURED for code in codes[meaning]]
    notes = [NoteCheck(meaning, _is_one(flag, codes[meaning])) for meaning in MEANINGS[1:] if codes[meaning]]
    unknown = NoteCheck(UNKNOWN, flag.is_not_null() & ~_is_one(flag, list(table.values)))
    said = pl.when(~_is_one(flag, unmeasured)).then(step.said)
    return replace(step, said=said, notes=(*step.notes, *notes, unknown))


def _flag(rule: Rule, absent: tuple[str, ...]) -> pl.Expr:
    """The flag of the value that is taken: the first of `from` that is said."""
    flags = rule.flag if len(rule.flag) > 1 else rule.flag * len(rule.sources)
    chosen = pl.lit(None, pl.String)
    for source, flag in reversed(list(zip(rule.sources, flags, strict=True))):
        chosen = pl.when(_said(source, absent).is_not_null()).then(_said(flag, absent)).otherwise(chosen)
    return chosen


def _said(raw_field: str, absent: tuple[str, ...]) -> pl.Expr:
    text = pl.col(raw_field).cast(pl.String).str.strip_chars()
    return pl.when(~text.is_in(list(absent))).then(text)


def _is_one(flag: pl.Expr, codes: list[str]) -> pl.Expr:
    return flag.is_in(codes).fill_null(False)
