"""`sitehub publish`: what the hub has found itself, into its own topics (发布)."""

import asyncio
import json
import sys
from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import date
from functools import partial
from typing import Final

import polars as pl
import sqlalchemy as sa

from infra.errors import StackError
from infra.topics import create_topics
from pipelines.catalog import CanonicalKind, Catalog
from pipelines.codec import encode
from pipelines.dust.exceedance_events import exceedance_events
from pipelines.dust.findings import day_of
from pipelines.dust.state_events import state_events
from pipelines.names import hub_topic, subject_of
from sitehub.kafka_faults import explained
from sitehub.options import AsJson
from sitehub.printing import screen
from sitehub.services import wanted_topics
from sitehub.settings import settings
from store import gold
from store.tables import device_states, dust_daily, exceedance
from streams.publishing import Published, Said
from streams.publishing import publish as make_equal
from streams.writers import registered_id


@dataclass(frozen=True)
class Source:
    """The gold table of a kind, how its rows become records, and the table that tells which days are computed."""

    table: sa.Table
    events: Callable[[pl.DataFrame, CanonicalKind], pl.DataFrame]
    computed: sa.Table


SOURCES: Final = {
    "exceedance": Source(exceedance, exceedance_events, dust_daily),
    "device-state": Source(device_states, state_events, device_states),
}


def publish(*, as_json: AsJson = False) -> None:
    """Make the topics hub.exceedance and hub.device-state say what the gold tables say.

    New and changed findings are written, those that late data have taken back are withdrawn (null value), the others
    are left alone. Days that this database has not computed are not touched. Dagster's daemon runs it when figures have
    changed; where there is none, run it after `materialise`, as often as you like.
    """
    here = settings()
    catalog = Catalog.read(here.catalog_dir)
    kinds = {hub_topic(name): kind for name, kind in catalog.published.items()}
    gold.upgrade(here.gold_url)
    ids = {topic: _schema_id(here.registry_url, topic, kind) for topic, kind in kinds.items()}
    done: dict[str, Published] = {}
    with explained(here.bootstrap_servers), gold.closing_engine(here.gold_url) as made:
        create_topics(here.bootstrap_servers, [spec for spec in wanted_topics(here, catalog) if spec.name in kinds])
        for topic, kind in kinds.items():
            look = partial(_said, made, kind, ids[topic])
            done[topic] = make_equal(here.bootstrap_servers, topic, look)
    if as_json:
        json.dump({topic: asdict(what) for topic, what in done.items()}, sys.stdout, indent=2)
        sys.stdout.write("\n")
        return
    for topic, what in done.items():
        screen().print(f"{topic}: {what.written} written, {what.withdrawn} withdrawn, {what.unchanged} as they were.")


def _schema_id(registry_url: str, topic: str, kind: CanonicalKind) -> int:
    found = asyncio.run(registered_id(registry_url, subject_of(topic), kind.schema))
    if found is None:
        raise StackError(f"The registry does not hold {subject_of(topic)}.", "Run `sitehub schemas register`.")
    return found


def _said(made: sa.Engine, kind: CanonicalKind, schema_id: int) -> Said:
    """What the gold table of the kind says of the days that are computed."""
    source = SOURCES[kind.name]
    found = source.events(gold.read(made, sa.select(source.table)), kind)
    with made.connect() as connection:
        days = connection.execute(sa.select(source.computed.c.province, source.computed.c.day).distinct())
        computed = {(province, date.fromisoformat(day)) for province, day in days}
    keys = [event_id.encode() for event_id in found["event_id"]]
    return Said(dict(zip(keys, encode(found, kind, schema_id), strict=True)), lambda key: day_of(key) in computed)
