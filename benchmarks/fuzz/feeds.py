"""Sound uploads to damage (样本): a small simulated day of every feed, with the schemas that wrote it."""

from collections import defaultdict
from dataclasses import dataclass
from datetime import date
from typing import Final

from benchmarks.fuzz.damage import Upload
from pipelines.catalog import Catalog
from pipelines.names import canonical_topic, quarantine_topic, subject_of
from pipelines.wire import WriterId, WriterSchema
from simulation.encode import GUID_HEADER, Registry
from simulation.simulate import simulate
from simulation.spec import Spec
from streams.outputs import Target

SPEC: Final = Spec(date(2026, 3, 2), days=1, devices=8, faults=False)
PARTITIONS: Final = 4


@dataclass(frozen=True)
class Feeds:
    """Sound uploads by raw topic, what the registry knows, and where outputs go. received: epoch ms, after the day."""

    catalog: Catalog
    sound: dict[str, list[Upload]]
    writers: dict[WriterId, WriterSchema | None]
    target: Target
    received: int


def feeds() -> Feeds:
    """Every raw topic of the project's simulation."""
    catalog = Catalog.load()
    schemas = {raw.subject: raw.schema for raw in catalog.raw.values()}
    ids = {subject: number for number, subject in enumerate(sorted(schemas), start=1)}
    sound: defaultdict[str, list[Upload]] = defaultdict(list)
    rows = simulate(SPEC, catalog, Registry(ids.__getitem__)).uploads
    for topic, key, value, guid in rows.select("topic", "key", "value", "guid").iter_rows():
        sound[topic].append(Upload(key, value, [] if guid is None else [(GUID_HEADER, guid)]))
    canonical = {canonical_topic(name): PARTITIONS for name in catalog.canonical}
    refused = {quarantine_topic(province): PARTITIONS for province in catalog.provinces}
    return Feeds(
        catalog,
        dict(sound),
        {number: WriterSchema(schemas[subject], frozenset([subject])) for subject, number in ids.items()},
        Target({subject_of(topic): 100 + n for n, topic in enumerate(canonical)}, canonical | refused),
        int(rows["timestamp"].max()),  # type: ignore[arg-type] # a maximum of integers
    )
