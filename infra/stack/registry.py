"""The schema registry (Apicurio, Confluent-compatible API) as a service (模式注册中心)."""

from pathlib import Path

import httpx

from infra.packages import Packages
from infra.stack.java import QUICK_START
from infra.stack.ports import LOOPBACK, answers
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
            # Asked when all starts and seldom after: the second compiler stage would cost more than it ever gains.
            *(str(packages.java), "-Xmx384m", *QUICK_START[True]),
            f"-Dquarkus.http.host={LOOPBACK}",
            f"-Dquarkus.http.port={port}",
            f"-Dapicurio.datasource.url={database}",
            # The management interface is built in and would listen on port 9000 of every address.
            *(f"-Dquarkus.management.host={LOOPBACK}", "-Dquarkus.management.port=0"),
            *("-Dquarkus.log.level=WARN", "-Dquarkus.log.console.color=false"),
            *("-jar", str(packages.registry_jar)),
        ),
        ready=lambda: registry_answers(registry_url(port)),
        address=registry_url(port),
        folder=folder,
    )


def registry_answers(url: str, timeout: float = 2.0) -> bool:
    """Whether the registry lists its subjects within timeout (s)."""
    address = httpx.URL(url)
    if address.host == LOOPBACK and address.port and not answers(address.port):
        return False  # asked often while it starts, and a refused connection costs less than a client
    try:
        return httpx.get(f"{url.rstrip('/')}/subjects", timeout=timeout).status_code == httpx.codes.OK
    except httpx.TransportError:
        return False
