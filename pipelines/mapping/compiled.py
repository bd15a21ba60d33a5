"""A compiled mapping: the same expressions for every batch, so that no result depends on the batch."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import polars as pl

from pipelines.mapping.items import ItemMapping, merged
from pipelines.mapping.numbers import Numbers
from pipelines.mapping.step import OUTCOME, FaultCheck, Made, NoteCheck, Number, Step
from pipelines.mapping.texts import NOTHING, cleaned


@dataclass(frozen=True)
class CompiledMapping:
    """A mapping ready to run. `name` is <province>/<kind>@<12 hex digits of the content's hash>.

    Same name, same result: the hash covers the mapping, both schemas, code tables, units and screening rules.
    `texts`: raw fields of text that it reads; `absent`: the texts that mean that nothing is said.
    """

    name: str
    steps: tuple[Step, ...]
    texts: tuple[str, ...]
    absent: tuple[str, ...]
    arrays: tuple[ItemMapping, ...] = ()
    order: tuple[str, ...] = ()  # of all fields, those of arrays too: faults are told in it

    @property
    def fields(self) -> tuple[str, ...]:
        """The canonical fields that the mapping fills: in canonical order, arrays of records last."""
        return (*(step.field for step in self.steps), *(array.field.name for array in self.arrays))

    def apply(self, frame: pl.DataFrame) -> pl.DataFrame:
        """Map uploads, one row each, order kept.

        `frame`: the raw schema's columns and `_received` (Datetime ms UTC). Returns the mapped canonical fields, then
        `_reason`, `_field`, `_detail`, `_remedy` of the first fault in field order (null when the row is fine), and
        `_notes` as `field=note;…` (null when there are none).
        """
        said = frame.hstack(cleaned(frame, self.texts, self.absent)).with_columns_seq(self._said)
        numbers, held = self._numbers.read(said)
        read = said.with_columns_seq(self._read)
        made = read.select_seq(self._values)
        columns = {column.name: column for column in (*made.get_columns(), *numbers)}
        # Messages are only written for checks that some row fails: what a row gets does not depend on it.
        checks = [mask for step in self.steps if not _is_calm(step, columns, frame) for mask in self._masks[step.field]]
        held |= {checked.name: checked for checked in read.select_seq(checks).get_columns() if checked.any()}
        judged = self._judged(read, held)
        if self.arrays:
            found = {array.field.name: array.apply(frame) for array in self.arrays}
            columns |= {name: items[name] for name, items in found.items()}
            judged = merged(judged, found, self.order)
        return pl.DataFrame([columns[field] for field in self.fields]).hstack(judged)

    @cached_property
    def _said(self) -> list[pl.Expr]:
        return [step.said.alias(f"{step.field}~said") for step in self.steps]

    @cached_property
    def _numbers(self) -> Numbers:
        return Numbers({step.field: step.made for step in self.steps if isinstance(step.made, Number)})

    @cached_property
    def _read(self) -> list[pl.Expr]:
        return [step.made.read.alias(f"{step.field}~read") for step in self.steps if isinstance(step.made, Made)]

    @cached_property
    def _values(self) -> list[pl.Expr]:
        return [step.made.value.alias(step.field) for step in self.steps if isinstance(step.made, Made)]

    @cached_property
    def _masks(self) -> Mapping[str, list[pl.Expr]]:
        """The masks of each field's checks, each under the check's name."""
        return {
            step.field: [
                *(fault.mask.alias(f"{step.field}~{fault.reason}") for fault in step.faults if fault.mask is not None),
                *(note.mask.alias(f"{step.field}~{note.note}") for note in step.notes if note.mask is not None),
            ]
            for step in self.steps
        }

    @cached_property
    def _faults(self) -> Mapping[str, tuple[Step, FaultCheck]]:
        return {f"{step.field}~{fault.reason}": (step, fault) for step in self.steps for fault in step.faults}

    @cached_property
    def _notes(self) -> Mapping[str, tuple[Step, NoteCheck]]:
        return {f"{step.field}~{note.note}": (step, note) for step in self.steps for note in step.notes}

    def _judged(self, read: pl.DataFrame, held: Mapping[str, pl.Series]) -> pl.DataFrame:
        """The columns of OUTCOME, given where checks fail, of those that some row fails."""
        if not held:
            nothing = NOTHING.new_from_index(0, read.height)
            return pl.DataFrame([nothing.alias(name) for name in OUTCOME])
        faults = [(name, step, fault) for name, (step, fault) in self._faults.items() if name in held]
        notes = [(name, step, note) for name, (step, note) in self._notes.items() if name in held]

        def first(messages: Sequence[pl.Expr]) -> pl.Expr:
            cases = [
                pl.when(pl.col(name)).then(message) for (name, _, _), message in zip(faults, messages, strict=True)
            ]
            return pl.coalesce(*cases, pl.lit(None, pl.String))

        texts = [pl.when(pl.col(name)).then(pl.lit(f"{step.field}={note.note}")) for name, step, note in notes]
        joined = pl.concat_str(texts, separator=";", ignore_nulls=True) if texts else pl.lit("")
        outcome = (
            first([pl.lit(fault.reason) for _, _, fault in faults]),
            first([pl.lit(step.field) for _, step, _ in faults]),
            first([fault.detail for _, _, fault in faults]),
            first([pl.lit(fault.remedy) for _, _, fault in faults]),
            pl.when(joined != "").then(joined),
        )
        named = [expression.cast(pl.String).alias(name) for name, expression in zip(OUTCOME, outcome, strict=True)]
        judged = read.hstack([column.alias(name) for name, column in held.items()]).with_columns_seq(named)
        return judged[list(OUTCOME)]


def _is_calm(step: Step, columns: Mapping[str, pl.Series], frame: pl.DataFrame) -> bool:
    return step.is_calm is not None and step.is_calm(columns[step.field], frame)
