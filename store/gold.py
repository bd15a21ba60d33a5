"""The gold database (结果库): SQLite by default, PostgreSQL by URL.

A partition (province and local day) is replaced whole, in one transaction.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

import polars as pl
import sqlalchemy as sa
from alembic import command
from alembic.config import Config

from store.tables import DAILY, HISTORIES, frame_schema

ROOT = Path(__file__).resolve().parents[1]
BUSY_TIMEOUT_S = 60
READ_AT_ONCE = 50_000
"""Rows that are in memory as objects before they become a frame, in which they take a tenth of it."""


def engine(url: str) -> sa.Engine:
    """An engine whose errors name no values. SQLite gets WAL (no reader waits), a busy timeout, real transactions."""
    parsed = sa.make_url(url)
    if parsed.get_backend_name() != "sqlite":
        return sa.create_engine(parsed, hide_parameters=True, pool_pre_ping=True)
    if parsed.database:
        Path(parsed.database).parent.mkdir(parents=True, exist_ok=True)
    made = sa.create_engine(parsed, hide_parameters=True, connect_args={"timeout": BUSY_TIMEOUT_S})
    sa.event.listen(made, "connect", _prepare_sqlite)
    sa.event.listen(made, "begin", _begin_sqlite)
    return made


def _prepare_sqlite(connection: Any, _record: Any) -> None:
    connection.isolation_level = None  # the driver must not begin and commit on its own: `_begin_sqlite` does
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=FULL")  # offsets are committed here: they must survive a power cut


def _begin_sqlite(connection: sa.Connection) -> None:
    connection.exec_driver_sql("BEGIN")


def upgrade(url: str) -> None:
    """Bring the database to the newest schema (Alembic head). Harmless where it already is."""
    config = Config(ROOT / "alembic.ini")
    with closing_engine(url) as made:
        config.attributes["engine"] = made
        command.upgrade(config, "head")


@contextmanager
def closing_engine(url: str) -> Iterator[sa.Engine]:
    """An engine whose connections are closed at the end."""
    made = engine(url)
    try:
        yield made
    finally:
        made.dispose()


def insert_frame(connection: sa.Connection, table: sa.Table, frame: pl.DataFrame) -> None:
    """Insert the rows of `frame`. ValueError names columns that the table does not have."""
    if unknown := sorted(set(frame.columns) - set(table.c.keys())):
        raise ValueError(f"table {table.name} has no column {', '.join(unknown)}; drop it or write a migration")
    if not frame.is_empty():
        connection.execute(sa.insert(table), frame.to_dicts())


def replace_partition(made: sa.Engine, table: str, province: str, day: str, frame: pl.DataFrame) -> None:
    """Replace the rows of one province and local day ('YYYY-MM-DD') by `frame`, in one transaction.

    An empty frame empties the partition. ValueError if a row belongs to another partition: it would be lost from the
    view of whoever replaces that one.
    """
    target = DAILY[table]
    strangers = frame.filter((pl.col("province") != province) | (pl.col("day") != day)) if frame.height else frame
    if not strangers.is_empty():
        raise ValueError(f"{table}: {strangers.height} rows do not belong to {province} {day}; replace them there")
    with made.begin() as connection:
        connection.execute(sa.delete(target).where(target.c.province == province, target.c.day == day))
        insert_frame(connection, target, frame)


def read_partition(made: sa.Engine, table: str, province: str, day: str) -> pl.DataFrame:
    """The rows of one province and local day, all columns, ordered by key; empty when there are none."""
    source = DAILY[table]
    query = sa.select(source).where(source.c.province == province, source.c.day == day)
    return read(made, query.order_by(*source.primary_key.columns))


def read_history(
    made: sa.Engine, kind: str, province: str, as_of: datetime | None, columns: Sequence[str] | None = None
) -> pl.DataFrame:
    """The register of `kind` of a province: the named columns, or all of them.

    With `as_of` (zoned) the state in force at that instant, one row per subject; with None the whole history, one row
    per state, by subject and valid_from.
    """
    source = HISTORIES[kind]
    subject = [source.c[name] for name in source.info["subject"]]
    query = sa.select(*(source.c[name] for name in columns or source.c.keys())).where(source.c.province == province)
    if as_of is not None:
        query = query.where(source.c.valid_from <= as_of)
        query = query.where(sa.or_(source.c.valid_to.is_(None), source.c.valid_to > as_of))
    return read(made, query.order_by(*subject, source.c.valid_from))


def read(made: sa.Engine, query: sa.Select[Any]) -> pl.DataFrame:
    """What a query of gold tables finds as a frame whose types do not depend on what the rows happen to hold."""
    schema = frame_schema(query)
    with made.connect() as connection:
        found = connection.execution_options(yield_per=READ_AT_ONCE).execute(query)
        parts = [
            pl.DataFrame([*map(pl.Series, schema, zip(*rows, strict=True), schema.values())])
            for rows in found.partitions()
        ]
    return pl.concat([pl.DataFrame(schema=schema), *parts], rechunk=True)
