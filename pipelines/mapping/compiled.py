"""A compiled mapping: the same expressions for every batch, so that no result depends on the batch."""

from collections.abc import Sequence
from dataclasses import dataclass

import polars as pl

from pipelines.mapping.step import FaultCheck, NoteCheck, Step

OUTCOME = ("_reason", "_field", "_detail", "_remedy", "_notes")


@dataclass(frozen=True)
class CompiledMapping:
    """A mapping ready to run. `name` is <province>/<kind>@<12 hex digits of the content's hash>.

    Same name, same result: the hash covers the mapping, both schemas, code tables, units and screening rules.
    """

    name: str
    steps: tuple[Step, ...]

    @property
    def fields(self) -> tuple[str, ...]:
        """The canonical fields that the mapping fills, in canonical order."""
        return tuple(step.field for step in self.steps)

    def apply(self, frame: pl.DataFrame) -> pl.DataFrame:
        """Map uploads, one row each, order kept.

        `frame`: the raw schema's columns and `_received` (Datetime ms UTC). Returns the mapped canonical fields, then
        `_reason`, `_field`, `_detail`, `_remedy` of the first fault in field order (null when the row is fine), and
        `_notes` as `field=note;…` (null when there are none).
        """
        said = frame.with_columns(step.said.alias(f"{step.field}~said") for step in self.steps)
        read = said.with_columns(step.read.alias(f"{step.field}~read") for step in self.steps)
        masks = read.select(
            *(fault.mask.alias(f"{step.field}~{fault.reason}") for step, fault in self._faults),
            *(note.mask.alias(f"{step.field}~{note.note}") for step, note in self._notes),
        )
        values = read.select(step.value.alias(step.field) for step in self.steps)
        # Messages are only written for checks that some row fails: what a row gets does not depend on it.
        hit = {name for name in masks.columns if masks[name].any()}
        judged = read.hstack(masks).with_columns(*self._outcome(hit)).select(OUTCOME)
        return values.hstack(judged)

    @property
    def _faults(self) -> Sequence[tuple[Step, FaultCheck]]:
        return [(step, fault) for step in self.steps for fault in step.faults]

    @property
    def _notes(self) -> Sequence[tuple[Step, NoteCheck]]:
        return [(step, note) for step in self.steps for note in step.notes]

    def _outcome(self, hit: set[str]) -> list[pl.Expr]:
        """The outcome columns, given the names of the checks that some row fails."""
        faults = [(step, fault) for step, fault in self._faults if f"{step.field}~{fault.reason}" in hit]
        notes = [(step, note) for step, note in self._notes if f"{step.field}~{note.note}" in hit]

        def first(messages: Sequence[pl.Expr]) -> pl.Expr:
            cases = [
                pl.when(pl.col(f"{step.field}~{fault.reason}")).then(message)
                for (step, fault), message in zip(faults, messages, strict=True)
            ]
            return pl.coalesce(*cases, pl.lit(None, pl.String))

        texts = [
            pl.when(pl.col(f"{step.field}~{note.note}")).then(pl.lit(f"{step.field}={note.note}"))
            for step, note in notes
        ]
        joined = pl.concat_str(texts, separator=";", ignore_nulls=True) if texts else pl.lit("")
        outcome = (
            first([pl.lit(fault.reason) for _, fault in faults]),
            first([pl.lit(step.field) for step, _ in faults]),
            first([fault.detail for _, fault in faults]),
            first([pl.lit(fault.remedy) for _, fault in faults]),
            pl.when(joined != "").then(joined),
        )
        return [expression.cast(pl.String).alias(name) for name, expression in zip(OUTCOME, outcome, strict=True)]
