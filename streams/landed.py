"""How far the landing has come (落湖进度), asked from where it is kept: the lake and the register history."""

from __future__ import annotations

from collections.abc import Mapping

import sqlalchemy as sa
from deltalake.exceptions import DeltaError

from pipelines.catalog import Catalog
from pipelines.names import canonical_topic
from store.lake import QUARANTINE, Lake, canonical_table
from store.registers import landed_offset
from store.tables import HISTORIES
from streams.reading import Place
from streams.topics import topic_partitions
from streams.watch import Positions, PositionsUnknownError


def of_landing(bootstrap_servers: str, catalog: Catalog, lake: Lake, gold: sa.Engine) -> Positions:
    """What lake and register history hold, the one that is behind counting."""
    registers = {canonical_topic(name) for name in HISTORIES}
    tables = {canonical_topic(name): canonical_table(name) for name in catalog.canonical}

    def landed(topic: str, count: int) -> list[int]:
        found = lake.landed(tables.get(topic, QUARANTINE), [f"{topic}/{number}" for number in range(count)])
        noted = [landed_offset(gold, topic, number) for number in range(count)] if topic in registers else found
        return [min(-1 if at is None else at for at in both) for both in zip(found, noted, strict=True)]

    def positions() -> Mapping[Place, int]:
        counts = topic_partitions(bootstrap_servers)
        topics = [topic for topic in counts if topic in tables or topic.startswith("quarantine.")]
        try:
            return {(topic, number): at for topic in topics for number, at in enumerate(landed(topic, counts[topic]))}
        except (DeltaError, sa.exc.SQLAlchemyError) as error:
            raise PositionsUnknownError from error

    return positions
