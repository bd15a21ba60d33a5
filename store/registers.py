"""Register history (登记历史): what was known of a device, a project, a worker, …, from when until when.

A register upload says how things are from `observed_at` on. Its state holds until the next one of the same subject
begins. Uploads may come late, twice or amended: the history of the touched subjects is computed anew each time from all
that is known of them, so the order of arrival does not matter.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import orjson
import polars as pl
import sqlalchemy as sa

from store.gold import insert_frame
from store.tables import HISTORIES, VALIDITY, frame_schema, history_column
from store.tables import landed_offset as landed

SUBJECTS_AT_ONCE = 500  # SQLite binds at most 32,766 values in a statement; this also keeps the statements readable
AGE = ("received_at", "source_topic", "source_partition", "source_offset")


def history(events: pl.DataFrame, subject: Sequence[str]) -> pl.DataFrame:
    """The states of each subject, from its register events in any order.

    Of equal event_ids the latest received holds (an amendment). Adds valid_from (= observed_at) and valid_to (= the
    next state's valid_from, null for the last).
    """
    return (
        events.sort(*AGE)
        .unique("event_id", keep="last", maintain_order=True)
        .sort("province", *subject, "observed_at")
        .with_columns(
            valid_from=pl.col("observed_at"),
            valid_to=pl.col("observed_at").shift(-1).over("province", *subject),
        )
    )


def merge_history(made: sa.Engine, kind: str, frame: pl.DataFrame, offsets: Mapping[tuple[str, int], int]) -> None:
    """Take canonical rows of a register kind into its history, and note how far its topic partitions are landed.

    One transaction; repeating it changes nothing. `offsets` maps (topic, partition) to the next offset to read.
    """
    table = HISTORIES[kind]
    known = [name for name in frame_schema(table) if name not in VALIDITY]
    events = as_stored(frame).select(known)
    with made.begin() as connection:
        for (topic, partition), next_offset in sorted(offsets.items()):
            _note_offset(connection, topic, partition, next_offset)  # first: a write takes SQLite's lock before we read
        for touched, fresh in by_subjects(table, events):
            rows = [tuple(row) for row in connection.execute(sa.select(*[table.c[c] for c in known]).where(touched))]
            stored = pl.DataFrame(rows, schema={c: frame_schema(table)[c] for c in known}, orient="row")
            merged = history(pl.concat([stored, fresh.cast(stored.schema)]), table.info["subject"])
            connection.execute(sa.delete(table).where(touched))
            insert_frame(connection, table, merged)


def as_stored(frame: pl.DataFrame) -> pl.DataFrame:
    """Canonical rows with the columns of a history: arrays as texts of JSON."""
    arrays = [
        pl.Series(name, [None if items is None else _json(items) for items in frame[name].to_list()], pl.String)
        for name, dtype in frame.schema.items()
        if isinstance(dtype, pl.List)
    ]
    return frame.with_columns(arrays).rename(history_column)


def _json(items: list[object]) -> str:
    return orjson.dumps(items, option=orjson.OPT_UTC_Z).decode()


def by_subjects(table: sa.Table, rows: pl.DataFrame) -> Iterator[tuple[sa.ColumnElement[bool], pl.DataFrame]]:
    """Some hundreds of subjects at a time: what chooses them in a history, and those of the rows that are theirs."""
    subject = table.info["subject"]
    for (province,), of_province in rows.group_by("province", maintain_order=True):
        subjects = of_province.select(subject).unique().sort(subject)
        for some in subjects.iter_slices(SUBJECTS_AT_ONCE):
            first = table.c[subject[0]].in_(some[subject[0]].unique().sort())  # SQLite finds a tuple in no index
            chosen = first & sa.tuple_(*[table.c[name] for name in subject]).in_(some.rows())
            yield (table.c.province == province) & chosen, of_province.join(some, on=list(subject), how="semi")


def _note_offset(connection: sa.Connection, topic: str, partition: int, next_offset: int) -> None:
    """Move the landed offset forward, never back."""
    here = (landed.c.topic == topic) & (landed.c.partition == partition)
    further = sa.case((landed.c.next_offset > next_offset, landed.c.next_offset), else_=next_offset)
    if connection.execute(sa.update(landed).where(here).values(next_offset=further)).rowcount == 0:
        connection.execute(sa.insert(landed).values(topic=topic, partition=partition, next_offset=next_offset))


def landed_offset(made: sa.Engine, topic: str, partition: int) -> int | None:
    """The next offset to read of a register topic's partition; None when nothing of it has landed."""
    here = (landed.c.topic == topic) & (landed.c.partition == partition)
    with made.connect() as connection:
        return connection.execute(sa.select(landed.c.next_offset).where(here)).scalar_one_or_none()
