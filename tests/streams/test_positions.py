"""The committed offsets of a group, asked of a broker that has never heard of a group."""

import subprocess
import sys
from pathlib import Path

from infra.packages import Packages
from infra.stack.broker import broker_service
from infra.stack.ports import free_ports
from infra.supervisor import Supervisor
from tests.conftest import PROJECT_ROOT

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
