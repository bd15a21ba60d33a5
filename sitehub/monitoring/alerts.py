"""What an operator wants to be told at once (告警), as Prometheus' alerting rules."""

from dataclasses import dataclass
from typing import Any, Final


@dataclass(frozen=True)
class Alert:
    """holds_for: how long the expression must hold, as Prometheus writes it; severity: page wakes somebody."""

    name: str
    expression: str
    holds_for: str
    severity: str
    summary: str


ALERTS: Final = (
    Alert(
        "SitehubUnprocessed",
        "sitehub_healthy == 0",
        "30s",
        "page",
        "{{ $labels.service }}: something received has waited for two minutes, or nobody knows; its /health says what.",
    ),
    Alert(
        "SitehubDown",
        'up{job="sitehub"} == 0',
        "1m",
        "page",
        "{{ $labels.service }} does not answer: it has ended, or hangs as a whole. `sitehub status` names its log.",
    ),
    Alert(
        "SitehubRestarts",
        'changes(process_start_time_seconds{job="sitehub"}[15m]) > 2',
        "0m",
        "page",
        "{{ $labels.service }} ends again and again; the last line of its log says why.",
    ),
    Alert(
        "SitehubRegistryAway",
        "sitehub_registry_waiting_seconds > 60",
        "0m",
        "page",
        "{{ $labels.service }} waits for the schema registry; uploads of unknown schemas wait with it.",
    ),
    Alert(
        "SitehubManyRejected",
        "sum by (province) (rate(sitehub_quarantined_total[15m]))"
        " > 0.05 * sum by (province) (rate(messaging_client_sent_messages_total[15m]))",
        "15m",
        "ticket",
        "More than one upload in twenty of {{ $labels.province }} is rejected: "
        "`sitehub quarantine list --province {{ $labels.province }}`.",
    ),
    Alert(
        "SitehubSlow",
        "histogram_quantile(0.99, sum by (le, province) (rate(sitehub_end_to_end_latency_seconds_bucket[5m]))) > 5",
        "10m",
        "ticket",
        "Uploads of {{ $labels.province }} take longer than 5 s to become readable records.",
    ),
    Alert(
        "SitehubLandingSlow",
        "histogram_quantile(0.99, sum by (le) (rate(sitehub_landing_delay_seconds_bucket[15m]))) > 60",
        "15m",
        "ticket",
        "Records take longer than a minute into the lake.",
    ),
)


def rules() -> dict[str, Any]:
    """The content of a rule file."""
    return {
        "groups": [
            {
                "name": "sitehub",
                "rules": [
                    {
                        "alert": alert.name,
                        "expr": alert.expression,
                        "for": alert.holds_for,
                        "labels": {"severity": alert.severity},
                        "annotations": {"summary": alert.summary},
                    }
                    for alert in ALERTS
                ],
            }
        ]
    }
