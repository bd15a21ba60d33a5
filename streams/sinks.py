"""Where landed rows go (落点): the lake, and for registers also the SQL history.

What is no register is filled from the device register on its way into the lake.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

import polars as pl
import sqlalchemy as sa
import structlog

from pipelines.catalog import Catalog
from pipelines.names import canonical_topic
from store.filling import with_filled
from store.lake import QUARANTINE, Lake, canonical_table
from store.registers import landed_offset, merge_history
from store.tables import HISTORIES
from streams.reading import Place

log = structlog.get_logger(__name__)


class Sink(Protocol):
    """Takes rows of a topic and, in the same commit, the next offset to read of each of its partitions."""

    def next_offset(self, topic: str, partition: int) -> int | None:
        """Where to go on; None at the first time."""

    def write(self, topic: str, frame: pl.DataFrame, offsets: Mapping[Place, int]) -> None:
        """Rows and offsets, all or nothing."""


class CanonicalSink:
    """The lake's table of a canonical kind."""

    def __init__(self, lake: Lake, kind: str) -> None:
        self._lake, self._kind = lake, kind

    def next_offset(self, topic: str, partition: int) -> int | None:
        """The version of the partition's app transaction."""
        return self._lake.transaction_version(canonical_table(self._kind), _app_id(topic, partition))

    def rows(self) -> pl.LazyFrame:
        """All that has landed of the kind, in canonical columns."""
        return self._lake.read(self._kind).drop("day")

    def write(self, topic: str, frame: pl.DataFrame, offsets: Mapping[Place, int]) -> None:  # noqa: ARG002 (see Sink)
        """One Delta commit."""
        self._lake.append_canonical(self._kind, frame, _transactions(offsets))


class FilledSink(CanonicalSink):
    """The lake's table of a kind that is no register: with what the device register knows and the upload left out."""

    def __init__(self, lake: Lake, kind: str, engine: sa.Engine) -> None:
        super().__init__(lake, kind)
        self._engine = engine

    def write(self, topic: str, frame: pl.DataFrame, offsets: Mapping[Place, int]) -> None:
        """One Delta commit."""
        super().write(topic, with_filled(self._engine, frame), offsets)


class QuarantineSink:
    """The lake's table of rejected uploads."""

    def __init__(self, lake: Lake) -> None:
        self._lake = lake

    def next_offset(self, topic: str, partition: int) -> int | None:
        """The version of the partition's app transaction."""
        return self._lake.transaction_version(QUARANTINE, _app_id(topic, partition))

    def write(self, topic: str, frame: pl.DataFrame, offsets: Mapping[Place, int]) -> None:  # noqa: ARG002 (see Sink)
        """One Delta commit."""
        self._lake.append_quarantine(frame, _transactions(offsets))


class HistorySink:
    """The history of a register kind in the gold database."""

    def __init__(self, engine: sa.Engine, kind: str, lake: CanonicalSink) -> None:
        """`lake` has the same register in the lake."""
        self._engine, self._kind, self._lake = engine, kind, lake
        self._restored = False

    def next_offset(self, topic: str, partition: int) -> int | None:
        """What the database has noted beside the rows.

        A database that notes nothing is new, or was lost: what the lake has landed of the partition comes from there,
        since a compacted topic no longer has all of it.
        """
        noted = landed_offset(self._engine, topic, partition)
        in_lake = self._lake.next_offset(topic, partition) if noted is None else None
        if in_lake is None:
            return noted
        log.warning("the register history lacks what the lake has: made again from there", place=(topic, partition))
        # The rows of all partitions come with the first one.
        rows = self._lake.rows().head(0) if self._restored else self._lake.rows()
        merge_history(self._engine, self._kind, rows.collect(), {(topic, partition): in_lake})
        self._restored = True
        return in_lake

    def write(self, topic: str, frame: pl.DataFrame, offsets: Mapping[Place, int]) -> None:  # noqa: ARG002 (see Sink)
        """One SQL transaction."""
        merge_history(self._engine, self._kind, frame, offsets)


def sinks_of(topic: str, catalog: Catalog, lake: Lake, engine: sa.Engine) -> list[Sink]:
    """The sinks of a canonical or quarantine topic, in the order of writing.

    The history comes first: the lake's commit is what makes figures be computed again, and they read the history.
    """
    for kind in catalog.canonical.values():
        if topic == canonical_topic(kind.name):
            if kind.name not in HISTORIES:
                return [FilledSink(lake, kind.name, engine)]
            rows = CanonicalSink(lake, kind.name)
            return [HistorySink(engine, kind.name, rows), rows]
    return [QuarantineSink(lake)]


def _app_id(topic: str, partition: int) -> str:
    return f"{topic}/{partition}"


def _transactions(offsets: Mapping[Place, int]) -> dict[str, int]:
    return {_app_id(topic, partition): offset for (topic, partition), offset in offsets.items()}
