"""Whom Prometheus is told to ask."""

from pathlib import Path

import pytest

from infra.errors import StackError
from pipelines.catalog import Catalog
from sitehub.commands.monitoring import targets
from sitehub.services import wanted_ports, worker_ports, workers
from sitehub.settings import Settings

PROVINCES = ("guizhou", "jiangsu", "national", "shanxi", "sichuan")


def test_prometheus_asks_where_up_places_the_workers(tmp_path: Path) -> None:
    """Landing first, then the feeds in alphabetical order; each is told its port and says where its health is."""
    chosen = Settings(home=tmp_path, metrics_port=20_000)
    assert Catalog.load(chosen.catalog_dir).provinces == PROVINCES
    asked = targets(chosen)
    assert asked == {
        "landing": "127.0.0.1:20000",
        **{f"normaliser-{province}": f"127.0.0.1:{20_001 + at}" for at, province in enumerate(PROVINCES)},
    }
    for service in workers(chosen, PROVINCES):
        assert service.health == f"http://{asked[service.name]}/health"
        assert service.command[-2:] == ("--metrics-port", asked[service.name].rpartition(":")[2])


def test_free_ports_are_known_while_the_stack_runs_only(tmp_path: Path) -> None:
    """They differ from start to start, so that no file could name them."""
    chosen = Settings(home=tmp_path, metrics_port=0)
    assert len(set(worker_ports(chosen, PROVINCES).values())) == 1 + len(PROVINCES)
    with pytest.raises(StackError, match="while the stack runs only"):
        targets(chosen)


def test_a_gateway_with_ports_is_started_and_asked_too(tmp_path: Path) -> None:
    """Behind the normalisers; its ports are told to child processes as they were given."""
    chosen = Settings(home=tmp_path, metrics_port=20_000, gateway_ports={"jiangsu": 20_500})
    assert targets(chosen)["gateway"] == f"127.0.0.1:{20_001 + len(PROVINCES)}"
    service = workers(chosen, PROVINCES)[-1]
    assert service.command[-4:] == ("gateway", "hj212", "--metrics-port", str(20_001 + len(PROVINCES)))
    assert service.environment["SITEHUB_GATEWAY_PORTS"] == '{"jiangsu": 20500}'
    assert (20_500, "SITEHUB_GATEWAY_PORTS") in wanted_ports(chosen)
