"""Which services make up the whole (服务): broker, registry, normalisers, landing, Dagster.

Used by `sitehub up` and by the demo, each with settings of its own.
"""

import shutil
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from urllib.parse import urlsplit

import httpx

from infra.errors import StackError
from infra.lag import group_is_stable
from infra.packages import Packages
from infra.registration import register_schemas
from infra.stack.broker import broker_service
from infra.stack.ports import LOOPBACK, answers, free_ports, need_free
from infra.stack.registry import API, registry_service
from infra.supervisor import Service
from infra.topics import TopicSpec, create_topics, topic_specs
from pipelines.catalog import Catalog
from sitehub.settings import PROJECT_ROOT, Settings

LANDING = "landing"
GATEWAY = "gateway"
CODE = "assets.definitions"
# One code server for web server and daemon: each would start its own otherwise, and load all assets again.
WORKSPACE = """\
load_from:
  - grpc_server: {{host: {host}, port: {port}, location_name: sitehub}}
"""


def normaliser_of(province: str) -> str:
    """Service that normalises a province's uploads."""
    return f"normaliser-{province}"


def group_of(province: str) -> str:
    """Consumer group of a province's normaliser."""
    return f"sitehub-{province}"


def wanted_ports(settings: Settings) -> list[tuple[int, str]]:
    """Ports that the stack will listen on, with the setting that changes each. StackError when one is not local."""
    workers = worker_ports(settings, Catalog.read(settings.catalog_dir).provinces) if settings.metrics_port else {}
    return [
        (broker_port(settings), "SITEHUB_BOOTSTRAP_SERVERS"),
        (registry_port(settings), "SITEHUB_REGISTRY_URL"),
        (settings.dagster_port, "SITEHUB_DAGSTER_PORT"),
        *((port, "SITEHUB_METRICS_PORT") for port in workers.values()),
        *((port, "SITEHUB_GATEWAY_PORTS") for port in settings.gateway_ports.values()),
    ]


def check_ports(settings: Settings) -> None:
    """Raise StackError when a port of the stack is taken or an address is not a local one."""
    for port, setting in wanted_ports(settings):
        need_free(port, setting)


def kafka_and_registry(settings: Settings, packages: Packages, *, quick: bool = False) -> list[Service]:
    """The two servers at the addresses of the settings; quick: for minutes, not days."""
    return [
        registry_service(settings.home, packages, registry_port(settings), quick),
        broker_service(settings.home, packages, broker_port(settings), quick),
    ]


def provision(settings: Settings, catalog: Catalog) -> list[str]:
    """Register the schemas and create the topics; names of the topics that are new."""
    register_schemas(settings.registry_url, catalog)
    return provide_topics(settings, catalog)


def provide_topics(settings: Settings, catalog: Catalog) -> list[str]:
    """Create the topics of the catalog; names of those that are new."""
    return create_topics(settings.bootstrap_servers, wanted_topics(settings, catalog))


def wanted_topics(settings: Settings, catalog: Catalog) -> tuple[TopicSpec, ...]:
    """The topics of the catalog, kept as the settings say."""
    return topic_specs(
        catalog,
        settings.partitions,
        settings.raw_retention_days,
        settings.raw_timestamps,
        settings.quarantine_retention_days,
    )


def workers(settings: Settings, provinces: Sequence[str]) -> list[Service]:
    """A normaliser for each feed, the landing, and the gateway where it has ports."""
    ports = worker_ports(settings, provinces)
    normalisers = [_normaliser(settings, province, ports[normaliser_of(province)]) for province in provinces]
    landing = _worker(settings, LANDING, ports[LANDING], "land")
    gateways = [_gateway(settings, ports[GATEWAY])] if settings.gateway_ports else []
    return [*normalisers, replace(landing, ready=lambda: answers(ports[LANDING])), *gateways]


def worker_ports(settings: Settings, provinces: Sequence[str]) -> dict[str, int]:
    """Service → port of its /metrics and /health."""
    names = [LANDING, *map(normaliser_of, sorted(provinces)), *([GATEWAY] if settings.gateway_ports else [])]
    first = settings.metrics_port
    return dict(zip(names, range(first, first + len(names)) if first else free_ports(len(names)), strict=True))


def dagster(settings: Settings) -> list[list[Service]]:
    """Dagster's code server, then its web server and daemon; a new home gets the project's dagster.yaml."""
    home = settings.home / "dagster"
    home.mkdir(parents=True, exist_ok=True)
    if not (home / "dagster.yaml").exists():
        shutil.copyfile(PROJECT_ROOT / "dagster.yaml", home / "dagster.yaml")
    [code_port] = free_ports(1)
    workspace = home / "workspace.yaml"
    workspace.write_text(WORKSPACE.format(host=LOOPBACK, port=code_port), encoding="utf-8")
    environment = {**settings.environment(), "DAGSTER_HOME": str(home)}
    url = f"http://{LOOPBACK}:{settings.dagster_port}"
    programs = Path(sys.executable).parent
    code = (sys.executable, "-m", "dagster", "api", "grpc", "-h", LOOPBACK, "-p", str(code_port), "-m", CODE)
    web = (str(programs / "dagster-webserver"), "-h", LOOPBACK, "-p", str(settings.dagster_port), "-w", str(workspace))
    daemon = (str(programs / "dagster-daemon"), "run", "-w", str(workspace))
    serves = _http(settings.dagster_port, "/server_info")
    return [
        [Service("dagster-code", code, lambda: answers(code_port), environment, folder=PROJECT_ROOT)],
        [
            Service("dagster-web", web, serves, environment, url, folder=PROJECT_ROOT),
            Service("dagster-daemon", daemon, None, environment, folder=PROJECT_ROOT),
        ],
    ]


def broker_port(settings: Settings) -> int:
    """Local port of the broker."""
    host, _, port = settings.bootstrap_servers.rpartition(":")
    return _local(host, port, "SITEHUB_BOOTSTRAP_SERVERS", "127.0.0.1:19092")


def registry_port(settings: Settings) -> int:
    """Local port of the registry."""
    url = urlsplit(settings.registry_url)
    if url.path.rstrip("/") != API:
        raise StackError(f"SITEHUB_REGISTRY_URL must end with {API}.", "The local registry serves no other path.")
    return _local(url.hostname or "", str(url.port or ""), "SITEHUB_REGISTRY_URL", f"http://127.0.0.1:18081{API}")


def _local(host: str, port: str, setting: str, example: str) -> int:
    if host not in (LOOPBACK, "localhost") or not port.isdigit():
        raise StackError(
            f"{setting} names no port of this machine, so there is nothing to start there.",
            f"For the local stack write for example {example}; workers alone run by `sitehub normalise` and `land`.",
        )
    return int(port)


def _normaliser(settings: Settings, province: str, port: int) -> Service:
    return replace(
        _worker(settings, normaliser_of(province), port, "normalise", "--province", province),
        ready=lambda: group_is_stable(settings.bootstrap_servers, group_of(province)),
    )


def _gateway(settings: Settings, port: int) -> Service:
    listening = settings.gateway_ports.values()
    return replace(
        _worker(settings, GATEWAY, port, "gateway", "hj212"), ready=lambda: all(answers(port) for port in listening)
    )


def _worker(settings: Settings, name: str, port: int, *arguments: str) -> Service:
    command = (sys.executable, "-m", "sitehub", *arguments, "--metrics-port", str(port))
    url = f"http://{settings.metrics_host}:{port}"
    return Service(
        name, command, environment=settings.environment(), address=url, health=f"{url}/health", folder=PROJECT_ROOT
    )


def _http(port: int, path: str) -> Callable[[], bool]:
    def serves() -> bool:
        try:
            return answers(port) and httpx.get(f"http://{LOOPBACK}:{port}{path}", timeout=5).is_success
        except httpx.TransportError:
            return False

    return serves
