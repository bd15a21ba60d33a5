"""What a simulation needs of the hub before its vendors can upload (模拟准备)."""

from uuid import UUID

import httpx

from infra.registration import register_schemas
from infra.topics import create_topics, raw_spec
from pipelines.catalog import Catalog
from simulation.encode import Registry
from simulation.simulate import topics_of
from simulation.spec import Spec
from sitehub.settings import Settings
from streams.writers import guid_of as computed_guid


def prepare(spec: Spec, chosen: Settings, catalog: Catalog, topics: bool) -> Registry:
    """Register the catalog's schemas; with `topics` also create the topics that the simulated vendors own.

    Returns what the vendors ask the registry for.
    """
    ids = register_schemas(chosen.registry_url, catalog)
    if topics:
        specs = [
            raw_spec(name, chosen.partitions, chosen.raw_retention_days, chosen.raw_timestamps)
            for name in topics_of(spec, catalog)
        ]
        create_topics(chosen.bootstrap_servers, specs)
    return Registry(ids.__getitem__, lambda subject: guid_of(chosen.registry_url, subject))


def guid_of(registry_url: str, subject: str) -> UUID:
    """The GUID of a subject's newest schema: the registry's own, or computed where it gives none."""
    answer = httpx.get(f"{registry_url.rstrip('/')}/subjects/{subject}/versions/latest", timeout=30)
    latest = answer.raise_for_status().json()
    return UUID(latest["guid"]) if latest.get("guid") else computed_guid(latest["schema"])
