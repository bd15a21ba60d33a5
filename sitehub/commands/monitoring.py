"""`sitehub monitoring`: files for a Prometheus and a Grafana (监控)."""

import json
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

import yaml
from rich.console import Console

from infra.errors import StackError
from pipelines.catalog import Catalog
from sitehub.monitoring.alerts import rules
from sitehub.monitoring.dashboard import dashboard
from sitehub.monitoring.scrape import scrape_config
from sitehub.services import worker_ports
from sitehub.settings import Settings, settings
from sitehub.state import read_state

PROMETHEUS: Final = "prometheus.yml"
RULES: Final = "sitehub-alerts.yml"
DASHBOARD: Final = "sitehub-dashboard.json"


def monitoring(*, into: Path = Path("monitoring")) -> None:
    """Write Prometheus' configuration and alerting rules, and a Grafana dashboard to import.

    Parameters
    ----------
    into
        Folder of the files; those of the same names are replaced.
    """
    chosen = settings()
    config = scrape_config(targets(chosen), RULES)
    files = {PROMETHEUS: _yaml(config), RULES: _yaml(rules())}
    files[DASHBOARD] = json.dumps(dashboard(), ensure_ascii=False, indent=2) + "\n"
    into.mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        (into / name).write_text(text, encoding="utf-8")
        Console(soft_wrap=True, highlight=False).print(str(into / name))


def targets(chosen: Settings) -> dict[str, str]:
    """Worker → host:port of its /metrics: as they run now, else as the settings place them."""
    state = read_state(chosen.home)
    if state is not None:
        return {service.name: urlsplit(service.health).netloc for service in state.services if service.health}
    if not chosen.metrics_port:
        raise StackError(
            "With SITEHUB_METRICS_PORT=0 the ports are known while the stack runs only.",
            "Start it with `sitehub up`, or set a port.",
        )
    ports = worker_ports(chosen, Catalog.read(chosen.catalog_dir).provinces)
    return {name: f"{chosen.metrics_host}:{port}" for name, port in ports.items()}


def _yaml(content: object) -> str:
    return yaml.safe_dump(content, allow_unicode=True, sort_keys=False, width=200)
