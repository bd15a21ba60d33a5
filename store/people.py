"""Where a person stands (人员所在): rows of the lake and of the register histories that bear a pseudonym."""

from __future__ import annotations

import re
from typing import Final

import polars as pl
import sqlalchemy as sa

from pipelines.catalog import CanonicalKind, Catalog
from pipelines.contract import RECORDS, TEXTS, Field
from store.lake import Lake
from store.tables import HISTORIES

PSEUDONYM: Final = re.compile(r"[0-9a-f]{8}-[0-9a-f]{32}")
"""`<key id>-<digest>`: it stands in no text by chance."""


def kinds_of_people(catalog: Catalog) -> list[CanonicalKind]:
    """The canonical kinds that are made of uploads and may name a person."""
    return [
        kind
        for kind in catalog.made.values()
        if any(each.personal == "pseudonym" for field in kind.fields for each in (field, *field.items))
    ]


def rows_of(lake: Lake, kind: CanonicalKind, person: str) -> pl.DataFrame:
    """The rows of a kind that bear the pseudonym in any text, with the columns of the kind.

    In any: a party's or a trainee's code is a pseudonym where the party is a person.
    """
    named = pl.any_horizontal(says for field in kind.fields if (says := _says(field, person)) is not None)
    return lake.read(kind.name).filter(named).select(kind.polars_schema.names()).collect(engine="streaming")


def _says(field: Field, person: str) -> pl.Expr | None:
    """Whether the field bears the pseudonym; None for a field that holds no text."""
    column = pl.col(field.name)
    if field.type == "string":
        return (column == person).fill_null(False)
    if field.type == TEXTS:
        return column.list.contains(person).fill_null(False)
    texts = [pl.element().struct.field(item.name) for item in field.items if item.type == "string"]
    if field.type == RECORDS and texts:
        return column.list.eval(pl.any_horizontal(text == person for text in texts)).list.any().fill_null(False)
    return None


def states_of(made: sa.Engine, person: str) -> dict[str, int]:
    """Table → number of states of the register histories that bear the pseudonym, where there are any."""
    counts = {}
    with made.connect() as connection:
        for table in HISTORIES.values():
            texts = [column for column in table.c if isinstance(column.type, sa.Text)]
            named = sa.or_(*[column.contains(person) for column in texts])
            counts[table.name] = connection.execute(sa.select(sa.func.count()).where(named)).scalar_one()
    return {name: count for name, count in counts.items() if count}
