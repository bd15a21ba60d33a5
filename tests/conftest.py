"""Fixtures of the whole suite: the settings of hypothesis and one real Kafka with a real registry a session."""

import os
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import structlog
from hypothesis import settings as hypothesis_settings

from infra.packages import Packages
from infra.registration import register_schemas
from infra.stack.broker import broker_service
from infra.stack.ports import free_ports
from infra.stack.registry import registry_service, registry_url
from infra.supervisor import Supervisor
from infra.topics import Timestamps, create_topics, list_topics, topic_specs
from sitehub.fetching import fetch_packages
from sitehub.settings import Settings

if TYPE_CHECKING:
    from pipelines.catalog import Catalog

PROJECT_ROOT = Path(__file__).resolve().parents[1]
SHARED_DATA = PROJECT_ROOT.parent / "shared" / "data"

# Ctrl-C is tested: programs started here must not inherit that a shell's background job ignores it.
signal.signal(signal.SIGINT, signal.default_int_handler)

# What a command logs that a test calls in its own process goes where the program logs, never between its results.
structlog.configure(logger_factory=structlog.PrintLoggerFactory(sys.__stderr__))

hypothesis_settings.register_profile("ci", max_examples=60, deadline=None, derandomize=True)
hypothesis_settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "ci"))


LONGEST = ("test_demo.py", "test_up.py", "test_faults.py", "test_real_data.py", "test_delivery.py")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The longest files begin first: begun last, one of them would run alone for minutes."""
    items.sort(key=lambda item: LONGEST.index(item.path.name) if item.path.name in LONGEST else len(LONGEST))


Tell = Callable[[str], None]
"""Tells a figure that the run's last lines repeat."""


@pytest.fixture
def tell(record_property: Callable[[str, object], None]) -> Tell:
    """What a test has found, for the reader of the run, also where tests run in several processes."""
    return lambda found: record_property("found", found)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Repeats what tests have told."""
    for report in terminalreporter.getreports("passed"):
        for name, found in report.user_properties:
            if name == "found":
                terminalreporter.write_line(f"{report.nodeid.split('::')[-1]}: {found}")


OF_DUST = frozenset({"project", "device", "dust-reading", "station-reading", "hj212"})


def of_dust(catalog: "Catalog") -> "Catalog":
    """The catalog's uploads of registers and dust alone: all kinds together would take each stack half a minute."""
    return replace(catalog, raw={feed: raw for feed, raw in catalog.raw.items() if feed[1] in OF_DUST})


@dataclass(frozen=True)
class Stack:
    """A running broker and registry; supervisor lets a test add services or kill one."""

    bootstrap_servers: str
    registry_url: str
    home: Path
    supervisor: Supervisor

    def provision(
        self,
        catalog: "Catalog | None" = None,
        *,
        partitions: int = 2,
        timestamps: Timestamps = "LogAppendTime",
    ) -> dict[str, int]:
        """Register the schemas of registers and dust and create their topics; subject → schema id."""
        from tests.contract import CATALOG

        catalog = of_dust(catalog or CATALOG)
        specs = topic_specs(catalog, partitions, 30, timestamps, quarantine_retention_days=38)
        create_topics(self.bootstrap_servers, specs)
        return register_schemas(self.registry_url, catalog)

    def topics(self) -> dict[str, int]:
        """Topic → number of partitions."""
        return list_topics(self.bootstrap_servers)

    def environment(self, home: Path) -> dict[str, str]:
        """SITEHUB_* variables for a child process that works on this stack with its own home."""
        return Settings(
            home=home, bootstrap_servers=self.bootstrap_servers, registry_url=self.registry_url
        ).environment()


@contextmanager
def running_stack(packages: Packages, home: Path) -> Iterator[Stack]:
    """Start both on free ports, stop them after the block."""
    broker, registry = free_ports(2)
    services = [
        registry_service(home, packages, registry, quick=True),
        broker_service(home, packages, broker, quick=True),
    ]
    with Supervisor(home / "logs", tell=print) as supervisor:
        supervisor.start(services)
        yield Stack(services[1].address, registry_url(registry), home, supervisor)


@pytest.fixture(scope="session")
def packages() -> Packages:
    """Broker and registry from the user's cache; fetched once."""
    return fetch_packages(Settings())


@pytest.fixture(scope="session")
def stack(packages: Packages, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A real Kafka and registry for the session, without topics and schemas: call `stack.provision()`."""
    with running_stack(packages, tmp_path_factory.mktemp("stack")) as running:
        yield running


@pytest.fixture
def own_stack(packages: Packages, tmp_path: Path) -> Iterator[Stack]:
    """A Kafka and registry for one test that stops or kills them, or needs topics of its own."""
    with running_stack(packages, tmp_path / "stack") as running:
        yield running
