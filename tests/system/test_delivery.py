"""Delivery on a real Kafka and registry: an invented province runs from files alone, and whatever is sent, one upload
becomes exactly one record, in the topics, in the lake and in a replay. What is killed meanwhile: tests/faults."""

import asyncio
import json
import shutil
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import orjson
import polars as pl
import pytest
from aiokafka import TopicPartition
from confluent_kafka import Producer

from infra.topics import create_topics, raw_spec
from pipelines.catalog import Catalog
from pipelines.names import canonical_topic, quarantine_topic
from store.lake import Lake
from streams.ledger import Ledger, ledger
from streams.quarantined import original_headers
from streams.reading import spans
from streams.retry import quarantined, retry
from streams.sending import Sender
from streams.writers import DOUBT_S, guid_of
from tests.conftest import Stack
from tests.pipelines.invented import RAW_SCHEMA, SUBJECT, TOPIC, avro_body, invented_catalog, upload
from tests.streams.forgotten import end_in_part, one_record
from tests.streams.test_header_names import NoText, send_in_one_batch
from tests.streams.test_leftovers import unverified
from tests.system.processes import PROJECT, Relay, Worker, wait_until

__all__ = ["unverified"]

Place = tuple[str, int, int]
DAY_MS = 86_400_000


@dataclass(frozen=True)
class Hub:
    """The invented province on the session's Kafka."""

    servers: str
    registry_url: str
    catalog: Catalog
    schema_id: int
    environment: dict[str, str]
    folder: Path

    def worker(self, *arguments: str, **settings: str) -> Worker:
        """A `sitehub` command with the province's settings."""
        return Worker(self.folder / f"{'-'.join(arguments)}.log", self.environment | settings, *arguments)

    def normaliser(self, **settings: str) -> Worker:
        """A normaliser of the province that looks for new topics every second."""
        return self.worker("normalise", "--province", "yunnan", "--watch-seconds", "1", **settings)

    def run(self, *arguments: str, **settings: str) -> subprocess.CompletedProcess[str]:
        """Run a command to its end."""
        command = [sys.executable, "-m", "sitehub", *arguments]
        return subprocess.run(
            command,
            env={**self.environment, **settings, "PATH": "", "NO_COLOR": "1"},
            cwd=PROJECT,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )

    def ledger(self) -> Ledger:
        """The ledger of the province."""
        return ledger(self.servers, self.catalog, ["yunnan"])

    def await_all(self) -> Ledger:
        """The ledger once no upload waits any more."""
        wait_until(lambda: self.ledger().accounts["waiting"].sum() == 0, "every upload normalised", 90)
        return self.ledger()

    def send(self, values: list[bytes | None], topic: str = TOPIC, headers: Any = None) -> list[Place]:
        """Send uploads and wait for their places."""
        sender = Sender(Producer({"bootstrap.servers": self.servers, "message.max.bytes": 2 << 20}))
        for number, value in enumerate(values):
            sender.send(topic, value, f"YN-{number % 20}".encode(), headers)
        return sender.finish()

    def framed(self, **changes: Any) -> bytes:
        """An upload as a serialiser of the registry writes it."""
        return b"\0" + self.schema_id.to_bytes(4, "big") + avro_body(upload(**changes))


def invented_hub(stack: Stack, folder: Path) -> Hub:
    """The invented province, provisioned; its contract, its home and its workers' logs lie in the folder."""
    catalog = invented_catalog(folder / "contract")
    ids = stack.provision(catalog)
    environment = stack.environment(folder / "home") | {
        "SITEHUB_CATALOG_DIR": str(folder / "contract"),
        "SITEHUB_LANDING_SECONDS": "0.5",
    }
    return Hub(stack.bootstrap_servers, stack.registry_url, catalog, ids[SUBJECT], environment, folder)


@pytest.fixture(scope="module")
def hub(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> Hub:
    """The invented province on the session's Kafka."""
    return invented_hub(stack, tmp_path_factory.mktemp("delivery"))


def sound_and_damaged(hub: Hub, count: int, first: int = 0) -> Iterator[bytes]:
    """Uploads of twenty devices, a minute apart, as Avro and JSON in turn, every twentieth damaged."""
    for number in range(first, first + count):
        at = 1_770_000_000_000 - 30 * DAY_MS + number // 20 * 60_000
        record = upload(code=f"YN-{number % 20}", at=at, pm10=float(number))
        if number % 20 == 7:
            yield b"damaged %d" % number
        elif number % 2:
            yield orjson.dumps({"PM2.5" if key == "PM2_5" else key: value for key, value in record.items()})
        else:
            yield b"\0" + hub.schema_id.to_bytes(4, "big") + avro_body(record)


def test_a_replay_takes_the_mapping_that_a_record_names(hub: Hub, tmp_path: Path) -> None:
    """After a new mapping a replay shows what it changes in the past; given the earlier contract it remakes the past
    byte for byte; a mapping that no folder has is named."""
    shutil.copytree(hub.catalog.root, tmp_path / "new")
    file = tmp_path / "new" / "raw" / "yunnan" / "dust-reading.yaml"
    file.write_text(file.read_text("utf-8").replace("tsp: {from: tsp, unit: ug/m3}", "tsp: {from: tsp, unit: mg/m3}"))
    new = {"SITEHUB_CATALOG_DIR": str(tmp_path / "new")}
    sent = 0
    for settings in ({}, new):
        with hub.normaliser(**settings):
            sent += len(hub.send(list(sound_and_damaged(hub, 40))))
            hub.await_all()

    def replayed(*options: str) -> subprocess.CompletedProcess[str]:
        return hub.run("replay", "--topic", TOPIC, "--into", f"again-{uuid.uuid4().hex[:8]}", *options, **new)

    as_now = replayed("--json")
    assert as_now.returncode == 1, as_now.stderr
    found = json.loads(as_now.stdout)["comparison"]
    assert (found["equal"], len(found["different"])) == (sent - 40, 40)  # a damaged upload names its mapping too
    as_recorded = replayed("--earlier", str(hub.catalog.root))
    assert as_recorded.returncode == 0, as_recorded.stderr
    assert f"{sent} equal, 0 different, 0 missing live, 0 missing in the replay" in as_recorded.stdout
    forgotten = replayed("--earlier", str(tmp_path / "new"))
    assert forgotten.returncode == 2
    assert "yunnan/dust-reading@" in forgotten.stderr


def refused(lake: Lake) -> pl.LazyFrame:
    """Rejected uploads in the lake."""
    return lake.read_quarantine("yunnan")


def test_an_outage_of_the_registry_rejects_nothing(hub: Hub) -> None:
    """While the registry is away Avro uploads wait, at start and in the middle; when it is back they are accepted."""
    target = urlsplit(hub.registry_url)
    assert target.port is not None
    relay = Relay(target.port)
    before = hub.ledger().accounts.sum()
    with hub.normaliser(SITEHUB_REGISTRY_URL=f"http://127.0.0.1:{relay.port}{target.path}") as worker:
        hub.send([hub.framed(code="YN-early")])
        time.sleep(3)
        relay.speak()
        assert hub.await_all().is_exact
        relay.fall_silent()
        changed = dict(
            RAW_SCHEMA, fields=[*RAW_SCHEMA["fields"], {"name": "x", "type": ["null", "int"], "default": None}]
        )
        fresh = httpx.post(f"{hub.registry_url}/subjects/{SUBJECT}/versions", json={"schema": json.dumps(changed)})
        late = b"\0" + fresh.json()["id"].to_bytes(4, "big") + avro_body(upload(code="YN-late", x=1), changed)
        hub.send([late, late])
        time.sleep(3)
        assert hub.ledger().accounts["waiting"].sum() == 2
        assert worker.stop() == 0
        worker.start()
        relay.speak()
        after = hub.await_all().accounts.sum()
        assert "retry" in worker.log()
        assert worker.stop() == 0
        relay.fall_silent()
    assert after["canonical"].item() - before["canonical"].item() == 3
    assert after["quarantined"].item() == before["quarantined"].item()


def test_a_topic_that_comes_later_is_noticed(hub: Hub) -> None:
    """A vendor's own topic made while the normaliser runs is read within seconds, and names the vendor."""
    topic = f"{TOPIC}.acme"
    with hub.normaliser() as worker:
        wait_until(lambda: "normalising" in worker.log(), "the normaliser has begun")
        create_topics(hub.servers, [raw_spec(topic, 2, 30, "LogAppendTime")])
        file = hub.folder / "uploads.jsonl"
        sound = {**upload(), "PM2.5": 0.035}
        del sound["PM2_5"]
        file.write_bytes(orjson.dumps(sound) + b"\n" + orjson.dumps({**sound, "at": "yesterday"}) + b"\n")
        command = ("produce", str(file), "--province", "yunnan", "--kind", "dust-reading", "--vendor", "acme", "--json")
        sent = hub.run(*command)
        accepted, rejected = json.loads(sent.stdout)
        assert sent.returncode == 1, sent.stderr
        assert accepted["accepted"]
        assert accepted["event"].startswith("yunnan:dust-reading:YN-1:")
        assert (rejected["accepted"], rejected["reason"], rejected["field"]) == (False, "bad_number", "observed_at")
        assert worker.stop() == 0
    held = [found for found in quarantined(hub.servers, ["yunnan"]) if found.source[0] == topic]
    assert [found.said["vendor"] for found in held] == ["acme"]


def test_odd_uploads_keep_their_bytes(hub: Hub) -> None:
    """Nothing, nulls, oversized values, foreign headers: each is kept unchanged with its reason, and lands.

    A header's name that is no text stops nobody. A GUID in a header is understood."""
    guid = guid_of(registered_text(hub))
    odd: list[tuple[bytes | None, Any, str]] = [
        (None, None, "empty"),
        (b"", None, "empty"),
        (b"{" + b" " * (3 << 19), None, "oversized"),
        (b"\x00\xff\xff\xff\xff??", None, "unknown_schema"),
        (b"{", [("sitehub.retries", b"9" * 5000)], "undecodable"),
        (b"{}", [("sitehub.reason", b"\xff forged"), ("__value_schema_id", None)], "missing_field"),
    ]
    lake = Lake(hub.environment["SITEHUB_LAKE_URL"], hub.catalog.root)
    with hub.normaliser(), hub.worker("land") as landing:
        places = [hub.send([value], headers=headers)[0] for value, headers, _ in odd]
        asyncio.run(send_in_one_batch(hub.servers, TOPIC, [(NoText("x"), b"v")]))
        header = [("__value_schema_id", b"\x01" + guid.bytes)]
        hub.send([avro_body(upload(code="YN-guid"))], headers=header)
        before = hub.ledger().accounts["canonical"].sum()
        found = hub.await_all()

        def landed() -> set[Place]:
            columns = ("source_topic", "source_partition", "source_offset")
            return set(refused(lake).select(columns).collect().rows())

        wait_until(lambda: landed() >= set(places), "every odd upload landed")
        assert landing.is_running()
    assert found.is_exact
    assert found.accounts["canonical"].sum() >= before
    held = {upload.source: upload for upload in quarantined(hub.servers, ["yunnan"])}
    for place, (value, headers, reason) in zip(places, odd, strict=True):
        assert held[place].said["reason"] == reason
        assert held[place].record.value == value
        assert held[place].record.key == b"YN-0"
        assert original_headers(held[place].record) == (headers or [])
    assert not [
        upload for upload in held.values() if dict(original_headers(upload.record)).get(header[0][0]) == header[0][1]
    ]


def test_an_aborted_transaction_was_never_sent(hub: Hub) -> None:
    """A vendor who sends in transactions leaves gaps and aborted uploads in the log; only the committed ones count."""
    before = hub.ledger().accounts.sum()
    producer = Producer({"bootstrap.servers": hub.servers, "transactional.id": "vendor"})
    producer.init_transactions()
    with hub.normaliser():
        for round_ in range(4):
            producer.begin_transaction()
            for number in range(5):
                producer.produce(TOPIC, hub.framed(code=f"YN-{round_}-{number}"), b"one key")
            assert producer.flush(30) == 0  # an abort right behind them might come before their transaction
            if round_ % 2:
                producer.abort_transaction()
            else:
                producer.commit_transaction()
        found = hub.await_all()
    assert found.is_exact
    after = found.accounts.sum()
    assert after["uploads"].item() - before["uploads"].item() == 10
    assert after["canonical"].item() - before["canonical"].item() == 10


@pytest.mark.usefixtures("unverified")
def test_what_kafka_forgot_to_end_is_ended_though_no_upload_comes(hub: Hub) -> None:
    """Readers of the partition do not wait for a vendor who may never send again."""
    here, there = (TopicPartition(topic, 0) for topic in (quarantine_topic("yunnan"), canonical_topic("dust-reading")))

    def readable() -> int:
        return spans(hub.servers, {here.topic: 1})[here][1]

    never = one_record(b"never")
    open_at = asyncio.run(
        end_in_part(
            hub.servers, f"sitehub.sitehub-yunnan.{TOPIC}.0", stands=False, told={there: never}, untold={here: never}
        )
    )
    assert readable() == open_at[here]
    with hub.normaliser():
        wait_until(lambda: readable() > open_at[here], "the transaction ended", 60)


def registered_text(hub: Hub) -> str:
    """The first version of the raw schema as the registry holds it."""
    return str(httpx.get(f"{hub.registry_url}/subjects/{SUBJECT}/versions/1").json()["schema"])


def test_a_retry_is_sent_once(hub: Hub) -> None:
    """An upload with a schema of another subject is accepted on retry once the schema is registered; a second retry
    sends nothing."""
    schema = dict(RAW_SCHEMA, fields=[*RAW_SCHEMA["fields"], {"name": "y", "type": ["null", "int"], "default": None}])
    text = {"schema": json.dumps(schema)}
    foreign = httpx.post(f"{hub.registry_url}/subjects/elsewhere-value/versions", json=text).json()["id"]
    value = b"\0" + foreign.to_bytes(4, "big") + avro_body(upload(code="YN-again", y=1), schema)

    def send_again(place: Place) -> dict[str, int]:
        chosen = [held for held in quarantined(hub.servers, ["yunnan"]) if held.source == place]
        return dict(retry(hub.servers, hub.registry_url, hub.catalog, "yunnan", chosen))

    with hub.normaliser():
        place = hub.send([value])[0]
        hub.await_all()
        assert send_again(place) == {"rejected still": 1}
        again = httpx.post(f"{hub.registry_url}/subjects/{SUBJECT}/versions", json=text).json()["id"]
        assert again == foreign
        time.sleep(DOUBT_S)
        before = hub.ledger().accounts["canonical"].sum()
        assert send_again(place) == {"sent": 1}
        assert send_again(place) == {"sent before": 1}
        found = hub.await_all()
    assert found.is_exact
    assert found.accounts["canonical"].sum() == before + 1


def test_the_ledger_command_agrees(hub: Hub) -> None:
    """`sitehub ledger --json` ends with 0 and says exact."""
    answer = hub.run("ledger", "--json")
    assert answer.returncode == 0, answer.stderr
    assert json.loads(answer.stdout)["exact"] is True
