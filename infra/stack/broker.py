"""One Kafka broker in KRaft mode as a service (消息代理)."""

import base64
import subprocess
import uuid
from pathlib import Path
from typing import Any

from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient

from infra.errors import StackError
from infra.packages import Packages
from infra.stack.java import QUICK_START
from infra.stack.ports import LOOPBACK, answers, free_ports
from infra.supervisor import Service

LARGEST_MESSAGE = 8 << 20

LOGGING = ("-Dorg.slf4j.simpleLogger.defaultLogLevel=warn", "-Dorg.slf4j.simpleLogger.showDateTime=true")

PROPERTIES = """\
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@{host}:{controller}
controller.listener.names=CONTROLLER
listeners=PLAINTEXT://{host}:{port},CONTROLLER://{host}:{controller}
advertised.listeners=PLAINTEXT://{host}:{port}
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT
log.dirs={data}
auto.create.topics.enable=false
message.max.bytes={largest}
replica.fetch.max.bytes={largest}
offsets.topic.num.partitions=4
offsets.topic.replication.factor=1
transaction.state.log.num.partitions=4
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
group.initial.rebalance.delay.ms=0
log.cleaner.dedupe.buffer.size=8388608
log.cleaner.threads=1
num.network.threads=2
num.io.threads=4
"""


def broker_service(home: Path, packages: Packages, port: int, quick: bool = False) -> Service:
    """The broker on 127.0.0.1:port with its data under home/kafka; quick: starts fast, peaks low (tests)."""
    data = home / "kafka" / "data"
    config = home / "kafka" / "server.properties"
    config.parent.mkdir(parents=True, exist_ok=True)
    controller = free_ports(1)[0]
    config.write_text(
        PROPERTIES.format(host=LOOPBACK, port=port, controller=controller, data=data, largest=LARGEST_MESSAGE),
        encoding="utf-8",
    )
    java = (str(packages.java), "-Xmx512m", *QUICK_START[quick], *LOGGING, "-cp", f"{packages.broker_jars}/*")
    if not (data / "meta.properties").exists():
        _format(java, config)
    return Service(
        name="broker",
        command=(*java, "kafka.Kafka", str(config)),
        ready=lambda: broker_answers(f"{LOOPBACK}:{port}"),
        address=f"{LOOPBACK}:{port}",
        grace=30.0,
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


def _format(java: tuple[str, ...], config: Path) -> None:
    cluster = base64.urlsafe_b64encode(uuid.uuid4().bytes).decode("ascii").rstrip("=")
    command = [*java, "kafka.tools.StorageTool", "format", f"--cluster-id={cluster}", "-c", str(config)]
    outcome = subprocess.run(command, capture_output=True, text=True, check=False)
    if outcome.returncode:
        raise StackError(
            f"The broker's data folder could not be prepared: {(outcome.stderr or outcome.stdout).strip()[-400:]}",
            f"Look at {config.parent}; deleting it starts anew without data.",
        )
