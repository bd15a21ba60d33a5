"""Metrics, health, dashboard and logs of a running normaliser and landing, on a real Kafka and registry."""

import json
import re
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import httpx
import orjson
import polars as pl
import pytest
from confluent_kafka import Producer
from prometheus_client import Metric
from prometheus_client.parser import text_string_to_metric_families

from infra.stack.ports import free_ports
from sitehub.health import health_of
from sitehub.monitoring.alerts import ALERTS
from sitehub.monitoring.dashboard import GATEWAY, PANELS
from store.lake import Lake
from streams import watch
from streams.positions import of_normaliser
from streams.sending import Sender
from streams.watch import LogWatch
from tests.conftest import Stack
from tests.pipelines.invented import TOPIC, avro_body, upload
from tests.system.expressions import assert_found
from tests.system.processes import PROJECT, Relay, wait_until
from tests.system.test_delivery import Hub, invented_hub

# What a person could be known by, in every place that an upload has.
PERSON = "320102199003071234"
pytestmark = pytest.mark.timeout(400)  # for all at once, on what may be a busy machine


@dataclass
class Seen:
    """What was seen of a normaliser and a landing while uploads came, and before."""

    sent: int
    while_the_registry_was_away: dict[str, float] = field(default_factory=dict)
    overdue: list[str] = field(default_factory=list)
    status_of_waiting: str = ""
    healthy: list[bool] = field(default_factory=list)
    normaliser: str = ""
    landing: str = ""
    logs: str = ""

    def samples(self, name: str) -> list[Any]:
        """Samples of both workers."""
        return [s for family in self.families() for s in family.samples if s.name == name]

    def total(self, name: str, **labels: str) -> float:
        """Sum over the samples that have these labels."""
        return float(sum(s.value for s in self.samples(name) if labels.items() <= s.labels.items()))

    def families(self) -> list[Metric]:
        """Metrics of both workers."""
        return [*text_string_to_metric_families(self.normaliser), *text_string_to_metric_families(self.landing)]


def personal_uploads(hub: Hub) -> list[bytes]:
    """Sound and broken uploads, all with the person's number in them."""
    sound = upload(code="YN-9", site=PERSON)
    spelt = {"PM2.5" if name == "PM2_5" else name: value for name, value in sound.items()}
    frame = b"\0" + hub.schema_id.to_bytes(4, "big")
    return [
        frame + avro_body(sound),
        orjson.dumps(spelt),
        orjson.dumps({**spelt, "at": PERSON}),
        orjson.dumps({**spelt, "code": PERSON * 20}),
        orjson.dumps({"at": PERSON}),
        b'{"code": "' + PERSON.encode(),
        frame + PERSON.encode(),
        b"\0\x7f\xff\xff\xfe" + PERSON.encode(),
        PERSON.encode(),
    ]


@pytest.fixture(scope="module")
def hub(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> Hub:
    """The invented province on the session's Kafka."""
    return invented_hub(stack, tmp_path_factory.mktemp("outside"))


@pytest.fixture(scope="module")
def seen(hub: Hub) -> Seen:
    """A normaliser that first waits for the registry, then works; and a landing."""
    target = urlsplit(hub.registry_url)
    assert target.port is not None
    relay = Relay(target.port)
    ports = free_ports(2)
    urls = [f"http://127.0.0.1:{port}" for port in ports]
    registry = {"SITEHUB_REGISTRY_URL": f"http://127.0.0.1:{relay.port}{target.path}"}
    normalise = ("normalise", "--province", "yunnan", "--metrics-port", str(ports[0]))
    uploads = personal_uploads(hub)
    found = Seen(len(uploads))
    with (
        hub.worker(*normalise, **registry) as normaliser,
        hub.worker("land", "--metrics-port", str(ports[1])) as landing,
    ):
        sender = Sender(Producer({"bootstrap.servers": hub.servers}))
        for value in uploads:
            sender.send(TOPIC, value, PERSON.encode(), [("trace", PERSON.encode()), (PERSON, b"x")])
        sender.finish()
        wait_until(
            lambda: health_of(f"{urls[0]}/health").registry_attempts is not None, "it waits for the registry", 120
        )
        found.status_of_waiting = health_of(f"{urls[0]}/health").sentence
        found.while_the_registry_was_away = {
            sample.name: sample.value
            for family in text_string_to_metric_families(httpx.get(f"{urls[0]}/metrics").text)
            for sample in family.samples
            if family.name.startswith("sitehub_")
        }
        found.overdue = overdue_within_a_second(hub)
        relay.speak()
        hub.await_all()
        lake = Lake(hub.environment["SITEHUB_LAKE_URL"], hub.catalog.root)
        wait_until(lambda: landed(lake) >= found.sent, "all landed", 120)
        for url in urls:
            wait_until(calm(url), f"nothing lags at {url}", 120)
        found.normaliser, found.landing = (httpx.get(f"{url}/metrics").text for url in urls)
        found.healthy = [health_of(f"{url}/health").healthy for url in urls]
        assert (normaliser.stop(), landing.stop()) == (0, 0)
        found.logs = normaliser.log() + landing.log()
    relay.fall_silent()
    return found


def overdue_within_a_second(hub: Hub) -> list[str]:
    """What a watch says that is less patient than two minutes."""
    impatient = LogWatch(hub.servers, of_normaliser(hub.servers, "yunnan", hub.catalog))
    impatient.look(time.time())
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(watch, "OVERDUE_S", 1.0)
        return impatient.faults(time.time() + 1.0)


def landed(lake: Lake) -> int:
    """Records with the person in the lake."""
    accepted = lake.read("dust-reading", "yunnan").filter(project_code=PERSON)
    refused = lake.read_quarantine("yunnan").filter(pl.col("value").bin.contains(PERSON.encode()))
    return sum(int(rows.select(pl.len()).collect().item()) for rows in (accepted, refused))


def calm(url: str) -> Callable[[], bool]:
    """Whether the worker has seen that nothing is left to do."""

    def is_calm() -> bool:
        families = text_string_to_metric_families(httpx.get(f"{url}/metrics").text)
        lags = [s.value for family in families for s in family.samples if s.name == "sitehub_lag_offsets"]
        return bool(lags) and not any(lags)

    return is_calm


def test_uploads_in_are_the_records_out(seen: Seen) -> None:
    """The counts of one worker add up, reason by reason; all was landed."""
    raw = seen.total("messaging_client_consumed_messages_total", messaging_destination_name="raw.yunnan.dust-reading")
    canonical = seen.total("messaging_client_sent_messages_total", messaging_destination_name="canonical.dust-reading")
    rejected = seen.total("messaging_client_sent_messages_total", messaging_destination_name="quarantine.yunnan")
    assert raw == canonical + rejected >= seen.sent
    assert seen.total("sitehub_quarantined_total", province="yunnan", kind="dust-reading") == rejected
    assert {"missing_field", "undecodable", "unknown_schema", "unframed"} <= {
        sample.labels["reason"] for sample in seen.samples("sitehub_quarantined_total") if sample.value
    }
    assert seen.total("sitehub_end_to_end_latency_seconds_count") == raw
    assert seen.total("sitehub_transaction_uploads_sum") == raw
    assert seen.total("sitehub_landing_delay_seconds_count") >= seen.sent


def test_health_is_judged_from_the_log(seen: Seen) -> None:
    """While the registry is away the uploads wait, which the log tells; afterwards both workers are healthy."""
    assert len(seen.overdue) >= 1
    sentence = re.compile(r"raw\.yunnan\.dust-reading\S*/\d stands at offset \d+, which has waited since")
    assert all(sentence.match(said) for said in seen.overdue)
    assert seen.healthy == [True, True]
    assert [sample.value for sample in seen.samples("sitehub_healthy")] == [1, 1]
    assert seen.total("sitehub_oldest_unprocessed_age_seconds") == 0


def test_an_outage_of_the_registry_is_seen(seen: Seen) -> None:
    """Also before the first upload could be read."""
    assert seen.while_the_registry_was_away["sitehub_registry_answering"] == 0
    assert seen.while_the_registry_was_away["sitehub_registry_attempts"] >= 1
    assert seen.while_the_registry_was_away["sitehub_retries_total"] >= 1
    assert re.search(r"waits for the registry for \d+ s, \d+ attempts", seen.status_of_waiting)
    assert seen.total("sitehub_registry_answering") == 1


def test_every_expression_of_dashboard_and_alerts_finds_its_metrics(seen: Seen) -> None:
    """A metric or a label that nobody exports would leave a panel empty and an alert silent."""
    panels = [panel for panel in PANELS if panel not in GATEWAY]  # its own test looks for these
    expressions = [query.expression for panel in panels for query in panel.queries]
    assert_found([*expressions, *(alert.expression for alert in ALERTS)], seen.families())


def test_the_document_lists_what_is_exported(seen: Seen) -> None:
    """Name, type, labels and meaning of each metric, as docs/monitoring.md has them."""
    exported: dict[str, tuple[str, set[str], str]] = {}
    for family in seen.families():
        if family.name.startswith(("sitehub_", "messaging_")):
            name = f"{family.name}_total" if family.type == "counter" else family.name
            _, labels, _ = exported.setdefault(name, (family.type, set(), family.documentation))
            labels |= {label for sample in family.samples for label in sample.labels} - {"le"}
    text = (PROJECT / "docs" / "monitoring.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| `((?:sitehub|messaging)_\w+)` \| (\w+) \| (.*?) \| (.*?) \|$", text, re.MULTILINE)
    documented = {name: (kind, set(re.findall(r"`(\w+)`", labels)), meaning) for name, kind, labels, meaning in rows}
    assert documented == exported


def test_no_personal_data_in_logs(seen: Seen) -> None:
    """Every line is a JSON object, and none of what a person could be known by is in any of them."""
    lines = seen.logs.splitlines()
    assert len(lines) > 3
    assert all(isinstance(json.loads(line), dict) for line in lines)
    assert PERSON not in seen.logs
