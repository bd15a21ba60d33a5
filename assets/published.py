"""What Dagster shows of a computed partition (元数据): counts, columns and their meaning, a preview, the verdict."""

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import dagster as dg
import polars as pl
import yaml

from assets.hub import Hub
from assets.partitions import FeedDay

if TYPE_CHECKING:
    from quality.expectations.judge import Verdict

PREVIEW_ROWS = 5
PREVIEW_COLUMNS = 12


@cache
def _meanings() -> dict[str, str]:
    words: dict[str, str] = yaml.safe_load((Path(__file__).parent / "columns.yaml").read_text(encoding="utf-8"))
    return words


def column_schema(schema: Mapping[str, pl.DataType]) -> dg.TableSchema:
    """The columns with their types and, where columns.yaml has it, their meaning in Chinese and English."""
    return dg.TableSchema([dg.TableColumn(name, str(dtype), _meanings().get(name)) for name, dtype in schema.items()])


def described(frame: pl.DataFrame, figures: Mapping[str, str]) -> dict[str, Any]:
    """Metadata of a stored partition: its rows, columns, first rows and `figures` (numerator / denominator)."""
    return {
        "dagster/row_count": frame.height,
        "dagster/column_schema": column_schema(frame.schema),
        "preview": dg.MetadataValue.md(preview(frame)),
        **figures,
    }


def preview(frame: pl.DataFrame) -> str:
    """The first rows and columns as a Markdown table."""
    with pl.Config(
        tbl_formatting="ASCII_MARKDOWN",
        tbl_hide_dataframe_shape=True,
        tbl_hide_column_data_types=True,
        tbl_rows=PREVIEW_ROWS,
        tbl_cols=PREVIEW_COLUMNS,
        tbl_width_chars=400,
        fmt_str_lengths=40,
    ):
        return str(frame.head(PREVIEW_ROWS).select(frame.columns[:PREVIEW_COLUMNS]))


def checked(
    hub: Hub, table: str, frame: pl.DataFrame | pl.LazyFrame, at: FeedDay, sample_of: int | None = None
) -> dg.AssetCheckResult:
    """The table's expectations over one partition, as the result of its blocking check."""
    from quality.expectations.judge import judge  # Great Expectations takes seconds to import: only where a check runs

    verdict = judge(table, frame, at.province, at.day, hub.docs, sample_of)
    return dg.AssetCheckResult(
        check_name="expectations",
        passed=verdict.passed,
        severity=dg.AssetCheckSeverity.ERROR,
        description=_sentence(verdict),
        metadata={
            "expectations": verdict.expectations,
            "rows": verdict.rows,
            "rows_judged": verdict.rows_judged,
            # a path, not a link: browsers refuse file:// from a page that came by http
            "data_docs": dg.MetadataValue.path(verdict.page.absolute()),
            "findings": dg.MetadataValue.md(_findings(verdict)),
        },
    )


def _sentence(verdict: "Verdict") -> str:
    if verdict.passed:
        return f"All {verdict.expectations} expectations hold for {verdict.rows_judged} of {verdict.rows} rows."
    rules = "; ".join(f"{f.column}: {', '.join(f.seen)} ({f.rows} rows)" for f in verdict.findings)
    return f"{len(verdict.findings)} of {verdict.expectations} expectations do not hold: {rules}"


def _findings(verdict: "Verdict") -> str:
    if verdict.passed:
        return "–"
    head = "| expectation | column | rows | seen | keys |\n|---|---|---:|---|---|\n"
    rows = (
        f"| {f.rule} | {f.column} | {f.rows} | {', '.join(f.seen)} | {'; '.join(f.keys)} |" for f in verdict.findings
    )
    return head + "\n".join(rows)
