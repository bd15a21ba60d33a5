"""The Grafana dashboard (监控面板), as the JSON that Grafana imports."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

WIDTH: Final = 24  # of a dashboard, in Grafana's columns
HEIGHT: Final = 8
ACROSS: Final = 3
SOURCE: Final = {"type": "prometheus", "uid": "${source}"}
RANGE: Final = "[$__rate_interval]"


@dataclass(frozen=True)
class Query:
    """An expression and how its lines are called."""

    expression: str
    legend: str


@dataclass(frozen=True)
class Panel:
    """A chart; unit as Grafana calls it."""

    title: str
    unit: str
    queries: Sequence[Query]


def gauges(aggregate: str, metric: str, *by: str) -> list[Query]:
    """A gauge, aggregated by some labels, of which its lines are called."""
    return [Query(f"{aggregate} by ({', '.join(by)}) ({metric})", _legend(by))]


def rates(counter: str, *by: str) -> list[Query]:
    """A counter's increase a second, summed by some labels."""
    return [Query(f"sum by ({', '.join(by)}) (rate({counter}{RANGE}))", _legend(by))]


def means(histogram: str, *by: str) -> list[Query]:
    """Mean of what a histogram has counted lately, by some labels."""
    total, count = (f"sum by ({', '.join(by)}) (rate({histogram}_{part}{RANGE}))" for part in ("sum", "count"))
    return [Query(f"{total} / {count}", _legend(by))]


def quantiles(histogram: str, *by: str) -> list[Query]:
    """Median and 99th percentile of a histogram by some labels."""
    buckets = f"sum by (le, {', '.join(by)}) (rate({histogram}_bucket{RANGE}))"
    return [Query(f"histogram_quantile({share}, {buckets})", f"{share} {_legend(by)}") for share in (0.5, 0.99)]


def _legend(by: Sequence[str]) -> str:
    return " ".join(f"{{{{{label}}}}}" for label in by)


TOPIC: Final = "messaging_destination_name"
READ: Final = "messaging_client_consumed_messages_total"
MADE: Final = "messaging_client_sent_messages_total"
GATEWAY: Final = (
    Panel("Gateway: devices 网关连接数", "short", gauges("sum", "sitehub_gateway_connections", TOPIC)),
    Panel("Gateway: frames 网关收帧", "cps", rates("sitehub_gateway_frames_total", TOPIC, "kind")),
    Panel("Gateway: answers 网关应答", "cps", rates("sitehub_gateway_answered_total", TOPIC, "command")),
    Panel("Gateway: frame to log 网关入日志时延", "s", quantiles("sitehub_gateway_append_duration_seconds", TOPIC)),
    Panel("Gateway: not acknowledged 网关未确认", "short", gauges("sum", "sitehub_gateway_in_flight", "service")),
    Panel("Gateway: connections ended 网关断开", "cps", rates("sitehub_gateway_closed_total", TOPIC, "reason")),
)
"""Empty where no gateway runs."""
PANELS: Final = (
    Panel("Healthy 健康", "bool_yes_no", gauges("min", "sitehub_healthy", "service")),
    Panel("Oldest unprocessed 最久未处理", "s", gauges("max", "sitehub_oldest_unprocessed_age_seconds", TOPIC)),
    Panel("Lag 滞后", "short", gauges("sum", "sitehub_lag_offsets", TOPIC)),
    Panel("Uploads normalised 处理的上传", "cps", rates(f'{READ}{{{TOPIC}=~"raw[.].*"}}', TOPIC)),
    Panel("Canonical 标准数据", "cps", rates(f'{MADE}{{{TOPIC}=~"canonical[.].*"}}', "province", "kind")),
    Panel("Quarantined 隔离", "cps", rates("sitehub_quarantined_total", "province", "reason")),
    Panel("Receipt to record 端到端时延", "s", quantiles("sitehub_end_to_end_latency_seconds", "province")),
    Panel("Record to lake 落湖时延", "s", quantiles("sitehub_landing_delay_seconds", TOPIC)),
    Panel("Records landed 落湖", "cps", rates(f'{READ}{{{TOPIC}!~"raw[.].*"}}', TOPIC)),
    Panel("Transaction 事务时间", "s", quantiles("messaging_client_operation_duration_seconds", TOPIC)),
    Panel("Processing 处理时间", "s", quantiles("messaging_process_duration_seconds", "messaging_operation_name")),
    Panel("Uploads a transaction 每批上传数", "short", means("sitehub_transaction_uploads", "province")),
    Panel("Waiting for the registry 等待注册中心", "s", gauges("max", "sitehub_registry_waiting_seconds", "service")),
    Panel("Retries 重试", "cps", rates("sitehub_retries_total", "service", "operation")),
    Panel("Memory 内存", "bytes", gauges("sum", 'process_resident_memory_bytes{job="sitehub"}', "service")),
    *GATEWAY,
)


def dashboard() -> dict[str, Any]:
    """The dashboard; Grafana asks for the data source when it is imported."""
    return {
        "uid": "sitehub",
        "title": "sitehub 智慧工地数据中枢",
        "schemaVersion": 39,
        "timezone": "Asia/Shanghai",
        "refresh": "10s",
        "time": {"from": "now-1h", "to": "now"},
        "templating": {"list": [{"name": "source", "type": "datasource", "query": "prometheus"}]},
        "panels": [_drawn(number, panel) for number, panel in enumerate(PANELS)],
    }


def _drawn(number: int, panel: Panel) -> dict[str, Any]:
    width = WIDTH // ACROSS
    return {
        "id": number + 1,
        "type": "timeseries",
        "title": panel.title,
        "datasource": SOURCE,
        "gridPos": {"x": number % ACROSS * width, "y": number // ACROSS * HEIGHT, "w": width, "h": HEIGHT},
        "fieldConfig": {"defaults": {"unit": panel.unit, "min": 0}, "overrides": []},
        "targets": [
            {"refId": chr(ord("A") + at), "datasource": SOURCE, "expr": query.expression, "legendFormat": query.legend}
            for at, query in enumerate(panel.queries)
        ],
    }
