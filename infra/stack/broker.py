"""Kafka brokers in KRaft mode as services (消息代理): one, or a cluster of which each is a controller too."""

import base64
import subprocess
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient

from infra.errors import StackError
from infra.packages import Packages
from infra.stack.java import QUICK_START, knowing
from infra.stack.ports import LOOPBACK, answers, free_ports
from infra.supervisor import Service

LARGEST_MESSAGE = 8 << 20

LOGGING = ("-Dorg.slf4j.simpleLogger.defaultLogLevel=warn", "-Dorg.slf4j.simpleLogger.showDateTime=true")

COPIES = 3  # of every record, where there are as many brokers; acknowledged by all but one

PROPERTIES = """\
process.roles=broker,controller
node.id={node}
controller.quorum.voters={voters}
controller.listener.names=CONTROLLER
listeners={listeners},CONTROLLER://{host}:{controller}
advertised.listeners={advertised}
listener.security.protocol.map={protocols},CONTROLLER:PLAINTEXT
inter.broker.listener.name=PLAINTEXT
log.dirs={data}
auto.create.topics.enable=false
message.max.bytes={largest}
replica.fetch.max.bytes={largest}
default.replication.factor={copies}
min.insync.replicas={acknowledged}
offsets.topic.num.partitions=4
offsets.topic.replication.factor={copies}
transaction.state.log.num.partitions=4
transaction.state.log.replication.factor={copies}
transaction.state.log.min.isr={acknowledged}
share.coordinator.state.topic.replication.factor={copies}
share.coordinator.state.topic.min.isr={acknowledged}
group.initial.rebalance.delay.ms=0
log.cleaner.dedupe.buffer.size=8388608
log.cleaner.threads=1
num.network.threads=2
num.io.threads=4
"""


@dataclass(frozen=True)
class Door:
    """A further listener of a broker: it answers on `port` and sends clients to `advertised`, a relay before it."""

    port: int
    advertised: int


def broker_service(home: Path, packages: Packages, port: int, quick: bool = False) -> Service:
    """The broker on 127.0.0.1:port with its data under home/kafka; quick: starts fast, peaks low (tests)."""
    return _service("broker", home / "kafka", packages, port, quick, _Node(1, {1: free_ports(1)[0]}, {}))


def cluster_services(
    home: Path,
    packages: Packages,
    ports: Sequence[int],
    quick: bool = False,
    doors: Mapping[int, Mapping[str, Door]] | None = None,
) -> list[Service]:
    """A broker for each port, together one cluster; their data under home/kafka-1, home/kafka-2, ….

    `doors`: port → name → further listener. With three brokers records have three copies, two of which acknowledge:
    any one broker may be away. Start them together: none is ready before most are.
    """
    controllers = dict(enumerate(free_ports(len(ports)), start=1))
    return [
        _service(
            f"broker-{number}",
            home / f"kafka-{number}",
            packages,
            port,
            quick,
            _Node(number, controllers, (doors or {}).get(port, {})),
        )
        for number, port in enumerate(ports, start=1)
    ]


@dataclass(frozen=True)
class _Node:
    """A broker's place in its cluster: its number, every controller's port by number, and its own further doors."""

    number: int
    controllers: Mapping[int, int]
    doors: Mapping[str, Door]


def _service(name: str, folder: Path, packages: Packages, port: int, quick: bool, node: _Node) -> Service:
    config = folder / "server.properties"
    folder.mkdir(parents=True, exist_ok=True)
    config.write_text(_properties(folder / "data", port, node), encoding="utf-8")
    options = ("-Xmx512m", *QUICK_START[quick], *knowing(packages), *LOGGING)
    java = (str(packages.java), *options, "-cp", f"{packages.broker_jars}/*")
    if not (folder / "data" / "meta.properties").exists():
        _format(java, config, folder.parent)
    return Service(
        name=name,
        command=(*java, "kafka.Kafka", str(config)),
        ready=lambda: broker_answers(f"{LOOPBACK}:{port}"),
        address=f"{LOOPBACK}:{port}",
        grace=30.0,
    )


def _properties(data: Path, port: int, node: _Node) -> str:
    doors = {"PLAINTEXT": Door(port, port), **node.doors}
    copies = min(len(node.controllers), COPIES)
    return PROPERTIES.format(
        host=LOOPBACK,
        node=node.number,
        voters=",".join(f"{number}@{LOOPBACK}:{at}" for number, at in node.controllers.items()),
        controller=node.controllers[node.number],
        listeners=",".join(f"{name}://{LOOPBACK}:{door.port}" for name, door in doors.items()),
        advertised=",".join(f"{name}://{LOOPBACK}:{door.advertised}" for name, door in doors.items()),
        protocols=",".join(f"{name}:PLAINTEXT" for name in doors),
        data=data,
        largest=LARGEST_MESSAGE,
        copies=copies,
        acknowledged=max(copies - 1, 1),
    )


def broker_answers(bootstrap_servers: str, timeout: float = 2.0) -> bool:
    """Whether the brokers give their metadata within timeout (s)."""
    port = int(bootstrap_servers.split(",")[0].rpartition(":")[2])
    if bootstrap_servers.startswith(LOOPBACK) and not answers(port):
        return False
    try:
        return bool(admin(bootstrap_servers).list_topics(timeout=timeout).brokers)
    except KafkaException:
        return False


def admin(bootstrap_servers: str, **config: Any) -> AdminClient:
    """An admin client that keeps its connection troubles to itself; calls report them."""
    return AdminClient({"bootstrap.servers": bootstrap_servers, "log_level": 0, **config})


def _format(java: tuple[str, ...], config: Path, home: Path) -> None:
    # The cluster's id follows from its home: a broker that has lost its data comes back as one of the same cluster.
    of_home = uuid.uuid5(uuid.NAMESPACE_URL, home.absolute().as_uri())
    cluster = base64.urlsafe_b64encode(of_home.bytes).decode("ascii").rstrip("=")
    command = [*java, "kafka.tools.StorageTool", "format", f"--cluster-id={cluster}", "-c", str(config)]
    outcome = subprocess.run(command, capture_output=True, text=True, check=False)
    if outcome.returncode:
        raise StackError(
            f"The broker's data folder could not be prepared: {(outcome.stderr or outcome.stdout).strip()[-400:]}",
            f"Look at {config.parent}; deleting it starts anew without data.",
        )
