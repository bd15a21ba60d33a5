"""What the gateway counts (网关指标). Labels are bounded: topics, kinds and reasons, never a device or an address."""

from typing import Final

from prometheus_client import Counter, Gauge, Histogram

DURATIONS: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)
DESTINATION: Final = "messaging_destination_name"

connections = Gauge("sitehub_gateway_connections", "Devices that are connected", [DESTINATION])
frames = Counter(
    "sitehub_gateway_frames",
    "What came: uploads, parts of split ones, what needs no place in the log (notice, heartbeat, answer), damaged ones",
    [DESTINATION, "kind"],
)
answered = Counter("sitehub_gateway_answered", "Answers sent, by their command", [DESTINATION, "command"])
closed = Counter("sitehub_gateway_closed", "Connections ended, by the reason", [DESTINATION, "reason"])
append_duration = Histogram(
    "sitehub_gateway_append_duration_seconds",
    "From a frame's arrival until the broker has acknowledged it",
    [DESTINATION],
    buckets=DURATIONS,
)


def expect(topic: str) -> None:
    """Let the series of a port begin at 0 (as streams.metrics.expect_uploads)."""
    connections.labels(topic)
    append_duration.labels(topic)
    for kind in ("upload", "part", "notice", "heartbeat", "answer", "damaged"):
        frames.labels(topic, kind)
    for command in ("9013", "9014"):
        answered.labels(topic, command)
