"""The rules of row screening (审核规则): tests of one row's values, data in quality/screening/<kind>.yaml."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Final

import numpy as np
import polars as pl
from numpy.typing import NDArray

GOOD: Final = 1
NOT_EVALUATED: Final = 2
SUSPECT: Final = 3
FAIL: Final = 4
MISSING: Final = 9

Values = NDArray[np.float64]
Flags = NDArray[np.bool_]
Bounds = tuple[float, float]
UNBOUNDED: Final[Bounds] = (-np.inf, np.inf)


@dataclass(frozen=True)
class Order:
    """Two values of one thing: the lesser may pass the greater by absolute + relative * greater. Times in seconds."""

    greater: str
    lesser: str
    absolute: float = 0
    relative: float = 0


@dataclass(frozen=True)
class Sum:
    """A total (合计) and the sum of `part` over the items of `array`: they may differ by `absolute`."""

    total: str
    array: str
    part: str
    absolute: float = 0


@dataclass(frozen=True)
class Screening:
    """The rules of one kind, or of the items of one of its arrays; in the canonical units, bounds included."""

    measured: tuple[str, ...] = ()
    ranges: Mapping[str, Bounds] = field(default_factory=dict)
    orders: tuple[Order, ...] = ()
    usual: Mapping[str, Bounds] = field(default_factory=dict)
    finest: Mapping[str, float] = field(default_factory=dict)
    sums: tuple[Sum, ...] = ()
    items: Mapping[str, "Screening"] = field(default_factory=dict)

    @cached_property
    def judged(self) -> list[str]:
        """The fields that are looked at, those of items apart."""
        ordered = (name for order in self.orders for name in (order.greater, order.lesser))
        totals = (rule.total for rule in self.sums)
        return [*dict.fromkeys((*self.measured, *self.ranges, *self.usual, *self.finest, *ordered, *totals))]

    def judge(self, frame: pl.DataFrame) -> tuple[dict[str, Flags], NDArray[np.int32]]:
        """Note → where it holds, of those that hold somewhere; and the flag of each row before any finding.

        That is MISSING where nothing of what the kind measures is there; of a kind that measures nothing,
        NOT_EVALUATED where no rule has anything to judge; else GOOD.
        """
        values = as_numbers(frame, self.judged)
        found, there = self._findings(values), self._there(values)
        arrays = {name: Items.of(frame[name]) for name in self._arrays}
        for name, rules in self.items.items():
            of_items, fields = as_numbers(arrays[name].frame, rules.judged), arrays[name].frame.columns
            held = rules._findings(of_items)
            for note in sorted(held, key=lambda note: fields.index(note.partition("=")[0])):
                found[f"{name}.{note}"] = arrays[name].any(held[note])
            if rules.measures or not self.measures:
                there = there | arrays[name].any(rules._there(of_items))
        for rule in self.sums:
            total, items = values[self._rows[rule.total]], arrays[rule.array]
            found |= _named({name: items.unequal(rule, total) for name in (rule.total, rule.array)}, "sum")
        absent = MISSING if self.measures else NOT_EVALUATED
        return found, np.where(there, GOOD, absent).astype(np.int32)

    @cached_property
    def measures(self) -> bool:
        """Whether events of the kind are there for what they measure."""
        return bool(self.measured) or any(rules.measures for rules in self.items.values())

    @cached_property
    def _arrays(self) -> list[str]:
        return [*dict.fromkeys((*self.items, *(rule.array for rule in self.sums)))]

    @cached_property
    def _rows(self) -> dict[str, int]:
        return {name: row for row, name in enumerate(self.judged)}

    @cached_property
    def _range(self) -> tuple[Values, Values]:
        return _columns([self.ranges.get(name, UNBOUNDED) for name in self.judged])

    @cached_property
    def _usual(self) -> tuple[Values, Values]:
        return _columns([self.usual.get(name, UNBOUNDED) for name in self.judged])

    @cached_property
    def _finest(self) -> Values:
        return np.array([[self.finest.get(name, 0.0)] for name in self.judged])

    def _findings(self, values: Values) -> dict[str, Flags]:
        """`values`: a row for each judged field, NaN where there is none. What fails is not judged further: it says
        nothing of another value."""
        failed = outside(values, self._range)
        found = self._noted(failed, "range")
        if self.finest:
            garbled = between_steps(values, self._finest)
            found |= self._noted(garbled, "garbled")
            failed = failed | garbled
        if self.usual:
            found |= self._noted(outside(values, self._usual) & ~failed, "unusual")
        for order in self.orders:
            pair = self._rows[order.greater], self._rows[order.lesser]
            broken = disordered(order, values[pair[0]], values[pair[1]]) & ~failed[pair[0]] & ~failed[pair[1]]
            if broken.any():
                for name in (order.greater, order.lesser):
                    found[f"{name}=order"] = found.get(f"{name}=order", False) | broken
        return found

    def _noted(self, flags: Flags, note: str) -> dict[str, Flags]:
        return {f"{self.judged[row]}={note}": flags[row] for row in np.flatnonzero(flags.any(axis=1)).tolist()}

    def _there(self, values: Values) -> Flags:
        """Whether something was measured; where nothing ever is, whether some rule has something to judge."""
        present = ~np.isnan(values)
        if self.measures:
            return _any(present[[self._rows[name] for name in self.measured]])
        alone = _any(present[[self._rows[name] for name in {**self.ranges, **self.usual, **self.finest}]])
        pairs = [present[self._rows[order.greater]] & present[self._rows[order.lesser]] for order in self.orders]
        return _any(np.array([alone, *pairs]))


@dataclass(frozen=True)
class Items:
    """The items of an array column: a row each, and the number of the row that each belongs to."""

    owners: NDArray[np.intp]
    frame: pl.DataFrame
    height: int

    @classmethod
    def of(cls, column: pl.Series) -> "Items":
        """Items of a column of arrays of records."""
        counts = column.list.len().fill_null(0).to_numpy()
        owners = np.repeat(np.arange(len(column)), counts)
        return cls(owners, column.filter(pl.Series(counts > 0)).explode().struct.unnest(), len(column))

    def any(self, flags: Flags) -> Flags:
        """Rows of which some item has the flag."""
        found = np.zeros(self.height, np.bool_)
        found[self.owners[flags]] = True
        return found

    def unequal(self, rule: Sum, total: Values) -> Flags:
        """Sum test (合计不符): rows whose total differs from the sum of the parts; never where one is absent."""
        parts = as_numbers(self.frame, [rule.part])[0]
        # An absent part is NaN and makes the whole sum so; a row without items has no sum to compare.
        sums = np.full(self.height, np.nan)
        held = np.unique(self.owners)
        sums[held] = np.bincount(self.owners, parts, self.height)[held]
        flags: Flags = np.abs(total - sums) > rule.absolute
        return flags


def as_numbers(frame: pl.DataFrame, names: list[str]) -> Values:
    """A row for each of these fields, NaN where it is null; times as seconds since 1970."""
    if not names:
        return np.empty((0, frame.height))
    read = frame[names]
    others = [_number(name, dtype) for name, dtype in read.schema.items() if dtype != pl.Float64]
    return (read.with_columns_seq(others) if others else read).to_numpy().T


def _number(name: str, dtype: pl.DataType) -> pl.Expr:
    if isinstance(dtype, pl.Datetime):
        return pl.col(name).dt.epoch("ms").cast(pl.Float64) / 1000
    return pl.col(name).cast(pl.Float64)


def outside(values: Values, bounds: tuple[Values | float, Values | float]) -> Flags:
    """Gross range test (超量程): whether each value lies outside of its bounds; what is absent (NaN) does not."""
    least, greatest = bounds
    flags: Flags = (values < least) | (values > greatest)
    return flags


def between_steps(values: Values, steps: Values | float) -> Flags:
    """Test for garbled bytes (乱码值): whether a value is nearer to zero than the field's finest step, but not zero."""
    flags: Flags = (-steps < values) & (values < steps) & (values != 0)
    return flags


def disordered(order: Order, greater: Values, lesser: Values) -> Flags:
    """Order test (粒径倒挂、时间倒置): whether the lesser passes the greater by more than the tolerance; never where
    one of them is absent (NaN)."""
    flags: Flags = lesser > greater + (greater * order.relative + order.absolute)
    return flags


def _any(flags: Flags) -> Flags:
    found: Flags = np.logical_or.reduce(flags, axis=0)
    return found


def _named(flags: Mapping[str, Flags], note: str) -> dict[str, Flags]:
    return {f"{name}={note}": held for name, held in flags.items() if held.any()}


def _columns(bounds: list[Bounds]) -> tuple[Values, Values]:
    """Least and greatest value of each judged field, as columns."""
    pairs = np.array(bounds, np.float64).reshape(-1, 2)
    return pairs[:, :1], pairs[:, 1:]
