"""Runs a table's suite over one partition with Great Expectations and writes its Data Docs page (数据质量检查).

Import this module only where a check runs: Great Expectations takes seconds to import. One ephemeral context serves the
process. Findings name rows by the suite's key, never more than `NAMED_ROWS` of them, and carry no other column than the
one judged.
"""

import gc
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any

os.environ.setdefault("GX_ANALYTICS_ENABLED", "false")  # read at import: nothing about a run leaves this machine

import great_expectations as gx
import great_expectations.expectations as gxe
import polars as pl
from great_expectations.core import ExpectationSuiteValidationResult, ExpectationValidationResult
from great_expectations.core.batch_definition import BatchDefinition
from great_expectations.data_context.types.base import (
    DataContextConfig,
    InMemoryStoreBackendDefaults,
    ProgressBarsConfig,
)
from great_expectations.expectations.expectation import Expectation
from great_expectations.render.renderer import ValidationResultsPageRenderer
from great_expectations.render.view import DefaultJinjaPageView

from quality.docs_site import empty_page, offline, page_path, publish
from quality.expectations.suites import SUITES, Suite

gc.freeze()  # what is imported stays: collections of all objects took 1.5 s of a large day's run, without these 1.0

NAMED_ROWS = 20
NAMED_VALUES = 3
BRIEF = {"result_format": "BASIC"}
NAMING_ROWS = {"result_format": "COMPLETE", "return_unexpected_index_query": False}
ROWS_JUDGED = 20_000
"""Of a larger partition every k-th row is judged, and all that seem to break a rule; the verdict says how many."""


class ExpectationError(RuntimeError):
    """An expectation could not run at all: the suite and the table have come apart."""


@dataclass(frozen=True)
class Finding:
    """One expectation that does not hold: how many rows break it, some of what was seen and some of their keys."""

    rule: str
    column: str
    rows: int
    seen: tuple[str, ...]
    keys: tuple[str, ...]


@dataclass(frozen=True)
class Verdict:
    """What a suite says about a partition."""

    expectations: int
    rows: int
    rows_judged: int
    findings: tuple[Finding, ...]
    page: Path

    @property
    def passed(self) -> bool:
        return not self.findings


def judge(
    table: str, frame: pl.DataFrame | pl.LazyFrame, province: str, day: date, docs: Path, sample_of: int | None = None
) -> Verdict:
    """Judges one partition of `table` and writes its page below `docs`.

    sample_of: rows of the partition, where `frame` is a sample of them. Raises KeyError for a table without a suite and
    ExpectationError where a rule could not be evaluated.
    """
    suite = SUITES[table]
    prepared = suite.prepared(frame.lazy().collect())
    rows = prepared.height if sample_of is None else sample_of
    page = page_path(docs, day.isoformat(), province, table)
    if prepared.is_empty():
        publish(docs, page, empty_page(table))
        return Verdict(0, 0, 0, (), page)
    rules = suite.expectations(province, day)
    if prepared.height > ROWS_JUDGED:
        every = pl.int_range(pl.len()) % (prepared.height // ROWS_JUDGED + 1) == 0
        prepared = prepared.filter(pl.any_horizontal(every, *(_broken(rule) for rule in rules)))
    result = _validate(suite, prepared, rules, f"{table} {day} {province}")
    findings = tuple(_finding(suite, each) for each in result.results if not each.success)
    publish(docs, page, _page(result))
    return Verdict(len(result.results), rows, prepared.height, findings, page)


def _broken(rule: Expectation) -> pl.Expr:
    """Whether a row seems to break the rule: the library takes a hundred times as long to say so."""
    match rule:
        case gxe.ExpectColumnValuesToBeNull(column=column):
            broken = pl.col(column).is_not_null()
        case gxe.ExpectColumnValuesToBeInSet(column=column, value_set=values):
            broken = ~pl.col(column).is_in(values)
        case gxe.ExpectColumnValuesToBeBetween(column=column, min_value=lowest, max_value=highest):
            broken = (pl.col(column) < pl.lit(lowest)) | (pl.col(column) > pl.lit(highest))
        case gxe.ExpectCompoundColumnsToBeUnique(column_list=columns):
            broken = pl.struct(columns).is_duplicated()
        case _:
            raise ExpectationError(f"say in quality/expectations/judge.py which rows break {type(rule).__name__}")
    return broken.fill_null(False)


def _validate(
    suite: Suite, frame: pl.DataFrame, rules: Sequence[Expectation], name: str
) -> ExpectationSuiteValidationResult:
    """Judges briefly, which is all that a sound partition needs; only where a rule does not hold, naming the rows."""
    batch = _batches(suite.table).get_batch({"dataframe": frame.to_pandas()})

    def judged(result_format: dict[str, Any]) -> ExpectationSuiteValidationResult:
        return batch.validate(gx.ExpectationSuite(name=name, expectations=list(rules)), result_format=result_format)

    result = judged(BRIEF)
    if not result.success:
        result = judged(NAMING_ROWS | {"unexpected_index_column_names": list(suite.key)})
    for each in result.results:
        _refuse_unrun(suite.table, each)
        _shorten(each.result)
    return result


@cache
def _context() -> Any:  # the union of context classes that GX declares here has no common typed base
    in_memory = DataContextConfig(store_backend_defaults=InMemoryStoreBackendDefaults(init_temp_docs_sites=False))
    context = gx.get_context(mode="ephemeral", project_config=in_memory)
    context.variables.progress_bars = ProgressBarsConfig(globally=False)
    return context


@cache
def _batches(table: str) -> BatchDefinition[Any]:  # the partitioner's type does not matter for a whole dataframe
    source = _context().data_sources.add_or_update_pandas(table)
    return source.add_dataframe_asset(table).add_batch_definition_whole_dataframe("partition")  # type: ignore[no-any-return]  # the context is untyped, see above


def _refuse_unrun(table: str, each: ExpectationValidationResult) -> None:
    """GX reports a rule that could not run as one that failed; that would hide a misspelt column behind "bad data"."""
    info = each.exception_info or {}
    faults = [info] if "raised_exception" in info else list(info.values())
    raised = [fault for fault in faults if fault.get("raised_exception")]
    if raised:
        raise ExpectationError(
            f"{table}: {_rule(each)} on {_column(each)} could not run: {raised[0].get('exception_message')}; "
            "mend the suite in quality/expectations/suites.py or the table"
        )


def _shorten(result: dict[str, Any]) -> None:
    for name, value in result.items():
        if isinstance(value, list):
            result[name] = value[:NAMED_ROWS]
    result.pop("unexpected_index_query", None)


def _finding(suite: Suite, each: ExpectationValidationResult) -> Finding:
    rows: list[Mapping[str, Any]] = each.result.get("unexpected_index_list") or []
    keys = tuple(" ".join(str(row[name]) for name in suite.key) for row in rows)
    seen = tuple(dict.fromkeys(str(value) for value in each.result.get("unexpected_list") or []))
    return Finding(_rule(each), _column(each), int(each.result.get("unexpected_count") or 0), seen[:NAMED_VALUES], keys)


def _rule(each: ExpectationValidationResult) -> str:
    return str(each.expectation_config.type) if each.expectation_config else "unknown expectation"


def _column(each: ExpectationValidationResult) -> str:
    kwargs = each.expectation_config.kwargs if each.expectation_config else {}
    return str(kwargs.get("column") or ", ".join(kwargs.get("column_list", ())))


def _page(result: ExpectationSuiteValidationResult) -> str:
    content = ValidationResultsPageRenderer(run_info_at_end=True).render(result)
    return offline(str(_view().render(content)))


@cache
def _view() -> Any:  # untyped in GX; kept, because each new one compiles its templates again
    return DefaultJinjaPageView()
