"""Whom Prometheus asks (采集), as its configuration."""

from collections.abc import Mapping
from typing import Any


def scrape_config(targets: Mapping[str, str], rule_file: str) -> dict[str, Any]:
    """The content of prometheus.yml. targets: service → host:port; the label `service` carries its name."""
    return {
        "global": {"scrape_interval": "10s", "evaluation_interval": "10s"},
        "rule_files": [rule_file],
        "scrape_configs": [
            {
                "job_name": "sitehub",
                "static_configs": [
                    {"targets": [address], "labels": {"service": service}} for service, address in targets.items()
                ],
            }
        ],
    }
