"""Numbers (数值): parse, sentinel values, unit, whole numbers; all numbers of a mapping at once, as a matrix."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Final

import numpy as np
import polars as pl
from numpy.typing import NDArray

from pipelines.contract import Field
from pipelines.mapping.grammar import Rule
from pipelines.mapping.origin import Origin
from pipelines.mapping.stacking import stacked, unstacked
from pipelines.mapping.step import FaultCheck, NoteCheck, Number, Step, said_of, shown
from pipelines.mapping.units import Linear

# Digits 0-9 only: \d would take the digits of every script.
NUMBER: Final = r"^[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]+)?$"
INT_LIMITS: Final = (-(2**31), 2**31 - 1)
WRONG: Final = "bad_number"
SENTINEL: Final = "sentinel"

Matrix = NDArray[np.float64]  # a row for each field, a column for each upload
Flags = NDArray[np.bool_]


def number_step(rule: Rule, field: Field, said: Origin, unit: Linear) -> Step:
    """The step of a canonical double or int got from a number, or from text that is one."""
    kind = "a finite number" if field.type == "double" else "a whole number"
    called = f" in {rule.unit}" if rule.unit else ""
    text = "text" if said.type == "text" else "number"
    seen = shown(said_of(field.name))
    detail = pl.concat_str(said.name, pl.lit(f" is {text} "), seen, pl.lit(f", expected {kind}{called}"))
    remedy = f"Send {said.names} as {kind}{called}; send null when it was not measured."
    return Step(
        field=field.name,
        said=said.said,
        made=Number(said.type == "text", field.dtype, unit, rule.sentinels, rule.alias),
        faults=(FaultCheck(WRONG, None, detail, remedy),),
        notes=(NoteCheck(SENTINEL, None),) if rule.sentinels else (),
    )


@dataclass(frozen=True)
class Numbers:
    """The numbers of a mapping, by canonical field."""

    by_field: Mapping[str, Number]

    def read(self, said: pl.DataFrame) -> tuple[list[pl.Series], dict[str, pl.Series]]:
        """Canonical columns, and where a check fails: `field~bad_number`, `field~sentinel`, those that fail somewhere.

        `said` has the columns said_of(field).
        """
        if not self.by_field:
            return [], {}
        read, is_said = self._parsed(said)
        is_sentinel = np.zeros(read.shape, dtype=np.bool_)
        for sentinels in self._sentinels:
            is_sentinel |= read == sentinels
        with np.errstate(all="ignore"):  # what overflows is no finite number any more, and refused
            values = self._converted(read)
        good = np.isfinite(values)
        for row in self._whole:
            good[row] &= _is_whole(values[row])
        wrong = is_said & ~good & ~is_sentinel
        values[is_sentinel | ~good] = np.nan
        columns = unstacked(pl.Series("", values.ravel(), pl.Float64, nan_to_null=True), self._names)
        found = {WRONG: wrong, SENTINEL: is_sentinel & is_said}
        held = {
            f"{self._names[row]}~{check}": pl.Series(flags[row])
            for check, flags in found.items()
            for row in np.flatnonzero(flags.any(axis=1)).tolist()
        }
        for row in self._whole:
            columns[row] = columns[row].cast(self._ordered[row].dtype)
        return columns, held

    @cached_property
    def _names(self) -> list[str]:
        """The fields in the order of the matrix: numbers said as text behind the others."""
        return sorted(self.by_field, key=lambda name: self.by_field[name].is_text)

    @cached_property
    def _ordered(self) -> list[Number]:
        return [self.by_field[name] for name in self._names]

    @cached_property
    def _whole(self) -> list[int]:
        return [row for row, number in enumerate(self._ordered) if number.dtype != pl.Float64]

    @cached_property
    def _sentinels(self) -> list[Matrix]:
        """First, second, … sentinel of each field; NaN, which equals nothing, where it has no more."""
        most = max(len(number.sentinels) for number in self._ordered)
        return [
            _column(number.sentinels[at] if at < len(number.sentinels) else np.nan for number in self._ordered)
            for at in range(most)
        ]

    @cached_property
    def _factors(self) -> Matrix:
        return _column(number.unit.factor for number in self._ordered)

    def _parsed(self, said: pl.DataFrame) -> tuple[Matrix, Flags]:
        """What is said as numbers, NaN where it is none; and where anything is said."""
        texts = [f"{name}~said" for name in self._names if self.by_field[name].is_text]
        plain = [f"{name}~said" for name in self._names if not self.by_field[name].is_text]
        parts = [read(said[names]) for read, names in ((_as_said, plain), (_as_read, texts)) if names]
        numbers, present = zip(*parts, strict=True)
        return np.concatenate(numbers), np.concatenate(present)

    def _converted(self, read: Matrix) -> Matrix:
        """The numbers in canonical units."""
        values = read * self._factors
        for row, number in enumerate(self._ordered):
            for alias, meant in number.alias.items():
                values[row, read[row] == alias] = meant * number.unit.factor
            if number.unit.offset:
                values[row] += number.unit.offset
        return values


def _as_said(said: pl.DataFrame) -> tuple[Matrix, Flags]:
    """Columns of numbers as a matrix, and where anything is said: NaN is, null is not."""
    numbers = said.to_numpy().T.astype(np.float64)
    is_said = ~np.isnan(numbers)
    if is_said.sum() + sum(column.null_count() for column in said.get_columns()) < numbers.size:
        is_said = said.select_seq(pl.all().is_not_null()).to_numpy().T
    return numbers, is_said


def _as_read(said: pl.DataFrame) -> tuple[Matrix, Flags]:
    """Columns of texts as a matrix of the numbers that they spell, and where anything is said."""
    text = pl.col("said")
    number = pl.when(text.str.contains(NUMBER)).then(text).cast(pl.Float64, strict=False).alias("number")
    read = stacked(said.get_columns()).select_seq(number, is_said=text.is_not_null())
    shape = said.width, said.height
    return read["number"].to_numpy().reshape(shape), read["is_said"].to_numpy().reshape(shape)


def _column(values: Iterable[float]) -> Matrix:
    return np.array([*values])[:, np.newaxis]


def _is_whole(values: Matrix) -> Flags:
    least, greatest = INT_LIMITS
    whole: Flags = (values == np.round(values)) & (values >= least) & (values <= greatest)
    return whole
