"""Arrays of records (记录数组): each item of an upload goes through a mapping of its own, as an upload does."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import polars as pl

from pipelines.contract import Field
from pipelines.mapping.step import OUTCOME

if TYPE_CHECKING:
    from pipelines.mapping.compiled import CompiledMapping

ROW: Final = "_row"
PLACE: Final = "_place"


@dataclass(frozen=True)
class ItemMapping:
    """How the canonical array `field` is made: of the raw array `source`, item by item.

    An absent array stays absent, an empty one empty; `required`: it must be there and hold an item.
    """

    field: Field
    source: str
    said: str
    required: bool
    item: "CompiledMapping"

    def apply(self, frame: pl.DataFrame) -> pl.DataFrame:
        """Column of the field, then the outcome of its first bad item, one row an upload as in `frame`."""
        uploads = frame.select(pl.int_range(pl.len()).alias(ROW), pl.col(self.source), "_received")
        filled = uploads.filter(pl.col(self.source).list.len() > 0)
        items = filled.with_columns(pl.int_ranges(1, pl.col(self.source).list.len() + 1).alias(PLACE))
        items = items.explode(self.source, PLACE).unnest(self.source)
        mapped = items.select(ROW, PLACE).hstack(self.item.apply(items))
        lists = mapped.group_by(ROW, maintain_order=True).agg(self._list(), *self._outcome())
        joined = uploads.select(ROW, pl.col(self.source).alias("_said")).join(
            lists, on=ROW, how="left", maintain_order="left"
        )
        absent = pl.col("_said").list.len().fill_null(0) == 0
        empty = pl.when(pl.col("_said").is_not_null()).then(pl.lit([], dtype=self.field.dtype))
        made = joined.with_columns(pl.when(absent).then(empty).otherwise(self.field.name).alias(self.field.name))
        if self.required:
            made = made.with_columns(self._missing(absent))
        return made.select(self.field.name, *OUTCOME)

    def _list(self) -> pl.Expr:
        names = [pl.col(name) if name in self.item.fields else pl.lit(None).alias(name) for name in self._names]
        struct = pl.struct(name.cast(item.dtype) for name, item in zip(names, self.field.items, strict=True))
        return struct.alias(self.field.name)

    @property
    def _names(self) -> Sequence[str]:
        return [item.name for item in self.field.items]

    def _outcome(self) -> list[pl.Expr]:
        """The first bad item's fault, with its place, and every item's notes once."""
        bad = pl.col("_reason").is_not_null()
        first = {name: pl.col(name).filter(bad).first() for name in ("_reason", "_field", "_detail", "_remedy")}
        place = pl.col(PLACE).filter(bad).first().cast(pl.String)
        notes = pl.col("_notes").drop_nulls().str.split(";").explode(empty_as_null=True).drop_nulls()
        named = (pl.lit(f"{self.field.name}.") + notes).unique(maintain_order=True).str.join(";")
        return [
            first["_reason"],
            (pl.lit(f"{self.field.name}.") + first["_field"]).alias("_field"),
            pl.concat_str(pl.lit(f"item {self.said} "), place, pl.lit(": "), first["_detail"]).alias("_detail"),
            first["_remedy"],
            pl.when(named != "").then(named).alias("_notes"),
        ]

    def _missing(self, absent: pl.Expr) -> list[pl.Expr]:
        said = {
            "_reason": "missing_field",
            "_field": self.field.name,
            "_detail": f"{self.said} is absent, expected at least one item",
            "_remedy": f"Send {self.said} with at least one item.",
        }
        return [pl.when(absent).then(pl.lit(text)).otherwise(name).alias(name) for name, text in said.items()]


def merged(outcome: pl.DataFrame, arrays: Mapping[str, pl.DataFrame], order: Sequence[str]) -> pl.DataFrame:
    """The upload's outcome: the first fault in field order, `order`, of its fields and its arrays, and all notes."""
    ranks = {name: rank for rank, name in enumerate(order)}
    for name, found in arrays.items():
        earlier = outcome["_field"].replace_strict(ranks, default=None, return_dtype=pl.Int64) < ranks[name]
        ours = found["_reason"].is_not_null() & ~earlier.fill_null(False)
        faults = [
            pl.select(pl.when(ours).then(found[column]).otherwise(outcome[column]).alias(column)).to_series()
            for column in OUTCOME[:-1]
        ]
        notes = pl.select(
            pl.concat_str(outcome["_notes"], found["_notes"], separator=";", ignore_nulls=True)
        ).to_series()
        outcome = pl.DataFrame([*faults, notes.alias("_notes").replace("", None)])
    return outcome
