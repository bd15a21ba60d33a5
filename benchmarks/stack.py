"""Broker and registry of one measurement (测试环境): real, fresh, and pinned to a core of their own."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

import psutil
from confluent_kafka import OFFSET_END, TopicPartition

from benchmarks.job import KIND, PROVINCES
from infra.packages import fetch
from infra.registration import register_schemas
from infra.stack.broker import admin, broker_service
from infra.stack.ports import free_ports
from infra.stack.registry import registry_service, registry_url
from infra.supervisor import Supervisor
from infra.topics import TopicSpec, create_topics, topic_specs
from pipelines.catalog import Catalog
from pipelines.names import canonical_topic, parse_raw_topic, quarantine_topic
from sitehub.settings import Settings

BROKER_CORE: Final = 0
CONTESTANT_CORE: Final = 1


@dataclass(frozen=True)
class Stack:
    """What a measurement runs against; `ids`: subject → schema id, `broker`: the broker's process."""

    bootstrap_servers: str
    registry_url: str
    catalog: Catalog
    ids: dict[str, int]
    partitions: int
    provinces: tuple[str, ...]
    home: Path
    broker: psutil.Process

    def create(self, prefix: str = "") -> list[str]:
        """Create the outputs of the job's kind under a prefix; their names."""
        specs = [replace(spec, name=prefix + spec.name) for spec in self._specs() if not spec.name.startswith("raw.")]
        create_topics(self.bootstrap_servers, specs)
        return [spec.name for spec in specs]

    def create_raw(self) -> None:
        """Create the raw topics that the provinces share; their clock is the sender's."""
        create_topics(self.bootstrap_servers, self._raw_specs())

    def empty_raw(self) -> None:
        """Delete what the raw topics hold: who starts to read them begins with what comes."""
        places = [TopicPartition(*place, OFFSET_END) for place in self.raw_places()]
        client = admin(self.bootstrap_servers)
        for answer in client.delete_records(places).values():
            answer.result()

    def raw_places(self) -> list[tuple[str, int]]:
        """Each partition of the raw topics."""
        return [(spec.name, number) for spec in self._raw_specs() for number in range(self.partitions)]

    def settings(self) -> Settings:
        """What a worker of the hub gets."""
        return Settings(
            home=self.home,
            bootstrap_servers=self.bootstrap_servers,
            registry_url=self.registry_url,
            catalog_dir=self.catalog.root,
            partitions=self.partitions,
        )

    def _raw_specs(self) -> list[TopicSpec]:
        return [spec for spec in self._specs() if spec.name.startswith("raw.")]

    def _specs(self) -> Iterator[TopicSpec]:
        """Topics of the provinces for the job's kind and those named after it, without vendors' own links."""
        for spec in topic_specs(self.catalog, self.partitions, 1, "CreateTime", quarantine_retention_days=9):
            if spec.name.startswith("raw."):
                topic = parse_raw_topic(spec.name)
                if topic.province in self.provinces and topic.kind.startswith(KIND) and topic.vendor is None:
                    yield spec
            elif spec.name.startswith((canonical_topic(KIND), *map(quarantine_topic, self.provinces))):
                yield spec


def _of_the_job(catalog: Catalog) -> Catalog:
    """The uploads that take part alone: on one core the registry takes half a minute for all schemas."""
    return replace(
        catalog, raw={feed: raw for feed, raw in catalog.raw.items() if feed[1].startswith((KIND, "device"))}
    )


@contextmanager
def running(partitions: int, catalog: Catalog | None = None, provinces: tuple[str, ...] = PROVINCES) -> Iterator[Stack]:
    """A broker and a registry on BROKER_CORE with the job's topics; gone with their data after the block.

    This process is pinned there too: its children are, unless they are started otherwise.
    """
    psutil.Process().cpu_affinity([BROKER_CORE])
    catalog = catalog or Catalog.load()
    configured = Settings()
    packages = fetch(configured.cache_dir, configured.maven_url)
    broker, registry = free_ports(2)
    work = configured.home / "benchmarks"
    work.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(dir=work) as folder, Supervisor(Path(folder) / "logs", tell=print) as supervisor:
        home = Path(folder)
        services = [registry_service(home, packages, registry), broker_service(home, packages, broker)]
        supervisor.start(services)
        address, url = services[1].address, registry_url(registry)
        process = psutil.Process(supervisor.runs["broker"].process.pid)
        ids = register_schemas(url, _of_the_job(catalog))
        stack = Stack(address, url, catalog, ids, partitions, provinces, home, process)
        stack.create_raw()
        stack.create()
        yield stack
