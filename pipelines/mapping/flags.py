"""Flags beside values (数据标记): what an instrument says of its own value."""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import replace
from typing import Final

import polars as pl

from pipelines.contract import CodeTable, Field
from pipelines.mapping.grammar import Rule
from pipelines.mapping.step import NoteCheck, Step, text_of

GOOD: Final = "good"
# Nothing was measured then; a value that stands there all the same is an invention of the logger.
NOT_MEASURED: Final = ("stopped", "no_communication")
DOUBTFUL: Final = ("maintenance", "manual", "fault", "calibration", "over_range")
MEANINGS: Final = (GOOD, *NOT_MEASURED, *DOUBTFUL)
UNKNOWN: Final = "unknown_flag"


def flagged(step: Step, rule: Rule, raw: Mapping[str, Field], table: CodeTable) -> Step:
    """The step of a number with flags: a value that was not measured is null; each flag of a value that is said is
    noted, unless it is good.

    `raw`: the raw schema's fields by name; `table`: flag → one of MEANINGS.
    """
    flag = _flag(rule, raw)
    codes: defaultdict[str, list[str]] = defaultdict(list)
    for code, meaning in table.values.items():
        codes[str(meaning)].append(code)
    unmeasured = [code for meaning in NOT_MEASURED for code in codes[meaning]]
    notes = [NoteCheck(meaning, _is_one(flag, codes[meaning])) for meaning in MEANINGS[1:] if codes[meaning]]
    unknown = NoteCheck(UNKNOWN, flag.is_not_null() & ~_is_one(flag, list(table.values)))
    good = {None, *codes[GOOD]}

    def all_good(_: pl.Series, uploads: pl.DataFrame) -> bool:
        return all(good.issuperset(uploads[name].unique()) for name in dict.fromkeys(rule.flag))

    said = pl.when(~_is_one(flag, unmeasured)).then(step.said)
    return replace(step, said=said, notes=(*step.notes, *notes, unknown), is_calm=all_good)


def _flag(rule: Rule, raw: Mapping[str, Field]) -> pl.Expr:
    """The flag of the value that is taken: the first of `from` that is said."""
    flags = rule.flag if len(rule.flag) > 1 else rule.flag * len(rule.sources)
    chosen = pl.lit(None, pl.String)
    for source, flag in reversed(list(zip(rule.sources, flags, strict=True))):
        said = text_of(source) if raw[source].type == "string" else pl.col(source)
        chosen = pl.when(said.is_not_null()).then(text_of(flag)).otherwise(chosen)
    return chosen


def _is_one(flag: pl.Expr, codes: list[str]) -> pl.Expr:
    return flag.is_in(codes).fill_null(False)
