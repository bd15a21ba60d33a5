"""`sitehub publish`: what the hub has found itself, into its own topics (发布)."""

import asyncio
import json
import sys
from dataclasses import asdict
from datetime import date

import sqlalchemy as sa
from rich.console import Console

from infra.errors import StackError
from infra.topics import create_topics
from pipelines.catalog import CanonicalKind, Catalog
from pipelines.codec import encode
from pipelines.dust.exceedance_events import day_of, exceedance_events
from pipelines.names import hub_topic, subject_of
from sitehub.kafka_faults import explained
from sitehub.options import AsJson
from sitehub.services import wanted_topics
from sitehub.settings import settings
from store import gold
from store.tables import dust_daily, exceedance
from streams.publishing import Said
from streams.publishing import publish as make_equal
from streams.writers import registered_id

KIND = "exceedance"


def publish(*, as_json: AsJson = False) -> None:
    """Make the topic hub.exceedance say what the gold table says.

    New and changed exceedances are written, those that late data have taken back are withdrawn (null value), the others
    are left alone. Days that this database has not computed are not touched. Dagster's daemon runs it when figures have
    changed; where there is none, run it after `materialise`, as often as you like.
    """
    here = settings()
    catalog = Catalog.read(here.catalog_dir)
    kind, topic = catalog.hub[KIND], hub_topic(KIND)
    gold.upgrade(here.gold_url)
    schema_id = asyncio.run(registered_id(here.registry_url, subject_of(topic), kind.schema))
    if schema_id is None:
        raise StackError(f"The registry does not hold {subject_of(topic)}.", "Run `sitehub schemas register`.")
    with explained(here.bootstrap_servers), gold.closing_engine(here.gold_url) as made:
        create_topics(here.bootstrap_servers, [spec for spec in wanted_topics(here, catalog) if spec.name == topic])
        done = make_equal(here.bootstrap_servers, topic, lambda: _exceedances(made, kind, schema_id))
    if as_json:
        json.dump({"topic": topic, **asdict(done)}, sys.stdout, indent=2)
        sys.stdout.write("\n")
        return
    Console(soft_wrap=True, highlight=False).print(
        f"{topic}: {done.written} written, {done.withdrawn} withdrawn, {done.unchanged} as they were."
    )


def _exceedances(made: sa.Engine, kind: CanonicalKind, schema_id: int) -> Said:
    """What the gold table says of the days that are computed."""
    found = exceedance_events(gold.read(made, exceedance, sa.select(exceedance)), kind)
    with made.connect() as connection:
        days = connection.execute(sa.select(dust_daily.c.province, dust_daily.c.day).distinct())
        computed = {(province, date.fromisoformat(day)) for province, day in days}
    keys = [event_id.encode() for event_id in found["event_id"]]
    return Said(dict(zip(keys, encode(found, kind, schema_id), strict=True)), lambda key: day_of(key) in computed)
