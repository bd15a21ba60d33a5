"""The committed offsets of a group, on a real Kafka."""

import subprocess
import sys
from pathlib import Path

from confluent_kafka import Consumer, Producer, TopicPartition

from infra.packages import Packages
from infra.stack.broker import broker_service
from infra.stack.ports import free_ports
from infra.supervisor import Supervisor
from infra.topics import TopicSpec, create_topics
from streams.positions import committed
from tests.conftest import PROJECT_ROOT, Stack
from tests.system.processes import wait_until

ASK = """
import sys
from streams.positions import committed
print(committed(sys.argv[1], "new", [("raw.yunnan.device", 0)]))
"""


def test_asking_a_broker_that_just_makes_its_coordinator(packages: Packages, tmp_path: Path) -> None:
    """It answers that it is not the group's coordinator yet: librdkafka's admin client then ends the process (SIGSEGV),
    as it ended workers of a stack that had just come up."""
    service = broker_service(tmp_path, packages, free_ports(1)[0], quick=True)
    with Supervisor(tmp_path / "logs", tell=print) as supervisor:
        supervisor.start([service])
        asked = subprocess.run(
            [sys.executable, "-c", ASK, service.address], cwd=PROJECT_ROOT, capture_output=True, text=True, check=False
        )
    assert (asked.returncode, asked.stdout) == (0, "{('raw.yunnan.device', 0): -1001}\n"), asked.stderr


def test_a_transaction_under_way_is_not_waited_for(stack: Stack) -> None:
    """What it has committed does not count yet; of a busy group there always is one, so that nothing was answered."""
    servers, place = stack.bootstrap_servers, ("position", 0)
    create_topics(servers, [TopicSpec("position", 1, {})])
    member = Consumer({"bootstrap.servers": servers, "group.id": "busy"})
    producer = Producer({"bootstrap.servers": servers, "transactional.id": "busy"})
    producer.init_transactions(30)
    producer.begin_transaction()
    producer.send_offsets_to_transaction([TopicPartition(*place, 2)], member.consumer_group_metadata())
    assert committed(servers, "busy", [place])[place] < 0
    producer.commit_transaction(30)
    wait_until(lambda: committed(servers, "busy", [place]) == {place: 2}, "the offset", 30)
    member.close()
