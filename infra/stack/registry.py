"""The schema registry (Apicurio, Confluent-compatible API) as a service (模式注册中心)."""

from pathlib import Path

import httpx

from infra.packages import Packages
from infra.stack.java import QUICK_START
from infra.stack.ports import LOOPBACK
from infra.supervisor import Service

API = "/apis/ccompat/v7"


def registry_url(port: int) -> str:
    """Root of the Confluent-compatible API on 127.0.0.1:port."""
    return f"http://{LOOPBACK}:{port}{API}"


def registry_service(home: Path, packages: Packages, port: int, quick: bool = False) -> Service:
    """The registry on 127.0.0.1:port with its database under home/registry; quick: in memory (tests)."""
    folder = home / "registry"
    folder.mkdir(parents=True, exist_ok=True)
    database = "jdbc:h2:mem:registry" if quick else f"jdbc:h2:file:{folder / 'registry'}"
    return Service(
        name="registry",
        command=(
            *(str(packages.java), "-Xmx384m", *QUICK_START[quick]),
            f"-Dquarkus.http.host={LOOPBACK}",
            f"-Dquarkus.http.port={port}",
            f"-Dapicurio.datasource.url={database}",
            "-Dquarkus.management.enabled=false",
            *("-jar", str(packages.registry_jar)),
        ),
        ready=lambda: registry_answers(registry_url(port)),
        address=registry_url(port),
        folder=folder,
    )


def registry_answers(url: str, timeout: float = 2.0) -> bool:
    """Whether the registry lists its subjects within timeout (s)."""
    try:
        return httpx.get(f"{url.rstrip('/')}/subjects", timeout=timeout).status_code == httpx.codes.OK
    except httpx.TransportError:
        return False
