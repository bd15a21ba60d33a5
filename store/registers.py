"""Register history (登记历史): what was known of a device or project, from when until when.

A register upload says how things are from `observed_at` on. Its state holds until the next one of the same subject
begins. Uploads may come late, twice or amended: the history of the touched subjects is computed anew each time from all
that is known of them, so the order of arrival does not matter.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import polars as pl
import sqlalchemy as sa

from store.gold import insert_frame
from store.tables import HISTORIES, frame_schema
from store.tables import landed_offset as landed

SUBJECTS_AT_ONCE = 500  # SQLite binds at most 32,766 values in a statement; this also keeps the statements readable
AGE = ("received_at", "source_topic", "source_partition", "source_offset")


def history(events: pl.DataFrame, subject: str) -> pl.DataFrame:
    """The states of each subject, from its register events in any order.

    Of equal event_ids the latest received holds (an amendment). Adds valid_from (= observed_at) and valid_to (= the
    next state's valid_from, null for the last).
    """
    return (
        events.sort(*AGE)
        .unique("event_id", keep="last", maintain_order=True)
        .sort("province", subject, "observed_at")
        .with_columns(
            valid_from=pl.col("observed_at"),
            valid_to=pl.col("observed_at").shift(-1).over("province", subject),
        )
    )


def merge_history(made: sa.Engine, kind: str, frame: pl.DataFrame, offsets: Mapping[tuple[str, int], int]) -> None:
    """Take canonical rows of a register kind into its history, and note how far its topic partitions are landed.

    One transaction; repeating it changes nothing. `offsets` maps (topic, partition) to the next offset to read.
    """
    table = HISTORIES[kind]
    subject = table.info["subject"]
    known = [column for column in frame_schema(table) if column not in ("valid_from", "valid_to")]
    with made.begin() as connection:
        for (topic, partition), next_offset in sorted(offsets.items()):
            _note_offset(connection, topic, partition, next_offset)  # first: a write takes SQLite's lock before we read
        for province, codes in _subjects(frame, subject):
            touched = (table.c.province == province) & table.c[subject].in_(codes)
            rows = [tuple(row) for row in connection.execute(sa.select(*[table.c[c] for c in known]).where(touched))]
            stored = pl.DataFrame(rows, schema={c: frame_schema(table)[c] for c in known}, orient="row")
            fresh = frame.filter((pl.col("province") == province) & pl.col(subject).is_in(codes)).select(known)
            merged = history(pl.concat([stored, fresh.cast(stored.schema)]), subject)
            connection.execute(sa.delete(table).where(touched))
            insert_frame(connection, table, merged)


def _subjects(frame: pl.DataFrame, subject: str) -> Iterator[tuple[str, list[str]]]:
    """The subjects of a frame by province, some hundreds at a time."""
    for (province,), rows in frame.sort("province").group_by("province", maintain_order=True):
        codes = rows[subject].unique().sort().to_list()
        for start in range(0, len(codes), SUBJECTS_AT_ONCE):
            yield str(province), codes[start : start + SUBJECTS_AT_ONCE]


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
