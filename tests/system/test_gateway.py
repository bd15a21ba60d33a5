"""The gateway on a real Kafka: what is answered is in the log, whoever dies or misbehaves; frames become readings."""

import asyncio
import re
import signal
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families as scraped

from infra.stack.ports import answers, free_ports
from infra.topics import TopicSpec, create_topics
from pipelines.hj212.frame import build_frame
from pipelines.hj212.packet import parse
from sitehub.monitoring.dashboard import GATEWAY
from streams.ledger import Ledger, ledger
from streams.positions import of_normaliser
from streams.reading import read, settled_spans, spans
from streams.records import Record
from streams.replay import compare, fresh_topics, replay
from tests.conftest import Stack
from tests.contract import CATALOG
from tests.system.expressions import assert_found
from tests.system.processes import PROJECT, Worker, freeze, wait_until

TOPIC = "raw.jiangsu.hj212"
DEVICES = 1000
PATIENCE_S = 30.0


@dataclass(frozen=True)
class Site:
    """A stack with the project's contract, and a gateway's port on it."""

    stack: Stack
    port: int
    metrics: int
    folder: Path

    def gateway(self) -> Worker:
        """`sitehub gateway hj212` for Jiangsu."""
        return self._worker("gateway", "hj212", "--metrics-port", str(self.metrics))

    def normaliser(self) -> Worker:
        """The normaliser of Jiangsu."""
        return self._worker("normalise", "--province", "jiangsu")

    def await_listening(self) -> None:
        """Until devices can connect."""
        wait_until(lambda: answers(self.port), "the gateway listens", 120)

    def await_all(self) -> Ledger:
        """Jiangsu's ledger once every frame is normalised."""
        servers, catalog = self.stack.bootstrap_servers, CATALOG
        positions = of_normaliser(servers, "jiangsu", catalog)

        def is_done() -> bool:
            done, ends = positions(), spans(servers, {TOPIC: self.stack.topics()[TOPIC]})
            return all(done[place] >= end for place, (_, end) in ends.items())

        wait_until(is_done, "every frame normalised", 90)
        return ledger(servers, catalog, ["jiangsu"])

    def records(self, topic: str) -> list[Record]:
        """Every record of a topic."""
        servers = self.stack.bootstrap_servers
        wanted = settled_spans(servers, {topic: self.stack.topics()[topic]})
        return [record for records in read(servers, wanted) for record in records]

    def _worker(self, *arguments: str) -> Worker:
        settings = {
            "SITEHUB_GATEWAY_PORTS": f'{{"jiangsu": {self.port}}}',
            "SITEHUB_GATEWAY_PER_ADDRESS": str(2 * DEVICES),
        }
        environment = self.stack.environment(self.folder / "home") | settings
        return Worker(self.folder / f"{arguments[0]}.log", environment, *arguments)


@pytest.fixture(scope="module")
def site(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """The session's Kafka with the project's topics; a normaliser of Jiangsu runs meanwhile."""
    stack.provision()
    port, metrics = free_ports(2)
    found = Site(stack, port, metrics, tmp_path_factory.mktemp("gateway"))
    with found.normaliser():
        yield found


@pytest.fixture(scope="module")
def gateway(site: Site) -> Iterator[Worker]:
    """A gateway of Jiangsu that listens."""
    with site.gateway() as worker:
        site.await_listening()
        yield worker


def frame(device: str, number: int, *, part: tuple[int, int] | None = None, values: str = "a34002-Rtd=80") -> bytes:
    """A reading of a device, a minute later than its last; an answer is wanted."""
    numbers = f"PNUM={part[1]};PNO={part[0]};" if part else ""
    at = f"202603011{number // 60}{number % 60:02}00"
    head = f"QN={at}{number:03};ST=39;CN=2011;PW=secret;MN={device};Flag={7 if part else 5};{numbers}"
    return build_frame(f"{head}CP=&&DataTime={at};{values}&&".encode())


@asynccontextmanager
async def connected(port: int) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    """A connection to the gateway."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        yield reader, writer
    finally:
        writer.close()


async def answer(reader: asyncio.StreamReader) -> str:
    """QN and command of the next answer."""
    async with asyncio.timeout(PATIENCE_S):
        packet = parse(await reader.readuntil(b"\r\n"))
    return f"{packet.fields['QN']} {packet.command}"


async def say(port: int, *frames: bytes) -> list[str]:
    """Send frames at once, and take an answer for each."""
    async with connected(port) as (reader, writer):
        writer.write(b"".join(frames))
        return [await answer(reader) for _ in frames]


async def persist(port: int, device: str, count: int, progress: Counter[str]) -> int:
    """A device that sends its readings one by one, each until it is answered, whatever happens to the line; how often
    it has sent one again. `progress`: answers of all devices."""
    sent, answered = 0, 0
    while answered < count:
        try:
            async with connected(port) as (reader, writer):
                while answered < count:
                    sent += 1
                    writer.write(frame(device, answered))
                    assert await answer(reader) == f"202603011{answered // 60}{answered % 60:02}00{answered:03} 9014"
                    answered += 1
                    progress[device] += 1
        except (OSError, asyncio.IncompleteReadError):
            await asyncio.sleep(0.1)
    return sent - count


def test_a_thousand_devices_through_a_killed_gateway(site: Site, gateway: Worker) -> None:
    """kill -9 amid sending: every reading that was answered is in the log, repeated ones are duplicates, the ledger is
    exact, and each device's readings stand in their order."""

    async def all_devices() -> list[int]:
        progress: Counter[str] = Counter()
        names = [f"D{number:04}" for number in range(DEVICES)]
        devices = [asyncio.create_task(persist(site.port, name, 3, progress)) for name in names]
        while progress.total() < DEVICES:
            await asyncio.sleep(0.01)
        gateway.kill()
        gateway.start()
        return await asyncio.gather(*devices)

    again = asyncio.run(all_devices())
    records = [record for record in site.records(TOPIC) if (record.key or b"").startswith(b"D")]
    seen = Counter(record.value for record in records)
    assert seen.keys() == {frame(f"D{device:04}", number) for device in range(DEVICES) for number in range(3)}
    assert sum(again) > 0
    assert seen.total() - len(seen) <= sum(again)
    assert site.await_all().is_exact


def exported(metrics: str) -> dict[str, tuple[str, set[str], str]]:
    """Type, labels and meaning of each of the gateway's own metrics in a scrape."""
    found = {}
    for family in scraped(metrics):
        if family.name.startswith("sitehub_gateway"):
            labels = {label for sample in family.samples for label in sample.labels} - {"le"}
            name = f"{family.name}_total" if family.type == "counter" else family.name
            found[name] = family.type, labels, family.documentation
    return found


def documented() -> dict[str, tuple[str, set[str], str]]:
    """The same as docs/hj212.md has it."""
    text = (PROJECT / "docs" / "hj212.md").read_text("utf-8")
    rows = re.findall(r"^\| `(sitehub_\w+)` \| (\w+) \| (.*?) \| (.*?) \|$", text, re.MULTILINE)
    return {name: (kind, set(re.findall(r"`(\w+)`", labels)), meaning) for name, kind, labels, meaning in rows}


@pytest.mark.usefixtures("gateway")
def test_hostile_clients_harm_nobody(site: Site) -> None:
    """Noise, lying lengths, endless bytes and a slow sender: sound frames among them are answered, the others end in
    quarantine or with the connection; meanwhile a good device is served."""
    wrong = frame("H1", 0)[:-6] + b"0000\r\n"
    lying = b"##9999" + frame("H1", 1)[6:]

    async def all_at_once() -> list[str]:
        async with connected(site.port) as (slow, drip), connected(site.port) as (endless, flood):
            drip.write(frame("H2", 0)[:5])
            flood.write(b"x" * (1 << 16))
            mixed = await say_mixed()
            assert await endless.read() == b""
            drip.write(frame("H2", 0)[5:])
            return [*mixed, await answer(slow)]

    async def say_mixed() -> list[str]:
        async with connected(site.port) as (reader, writer):
            for piece in (b"GET / HTTP/1.1\r\n\r\n", wrong, lying, frame("H1", 2)[:50], frame("H1", 3)):
                writer.write(piece)
                await writer.drain()
            return [await answer(reader)]

    said = asyncio.run(all_at_once())
    metrics = httpx.get(f"http://127.0.0.1:{site.metrics}/metrics").text
    health = httpx.get(f"http://127.0.0.1:{site.metrics}/health")
    assert said == ["20260301100300003 9014", "20260301100000000 9014"]
    assert f'sitehub_gateway_closed_total{{messaging_destination_name="{TOPIC}",reason="endless"}} 1.0' in metrics
    assert health.json()["healthy"]
    assert exported(metrics) == documented()
    assert_found([query.expression for panel in GATEWAY for query in panel.queries], scraped(metrics))
    damaged = {record.value for record in site.records(TOPIC) if record.key is None}
    assert damaged == {wrong, lying, frame("H1", 2)[:50]}
    assert site.await_all().is_exact


def test_parts_outlive_the_gateway(site: Site, gateway: Worker) -> None:
    """A part that was answered is joined with the others after a kill -9; the upload is one record of all frames."""
    one, two = (frame("P1", 0, part=(n, 2), values=f"a3400{n}-Rtd=80") for n in (1, 2))
    assert asyncio.run(say(site.port, one)) == ["20260301100000000 9014"]
    gateway.kill()
    gateway.start()
    site.await_listening()
    assert asyncio.run(say(site.port, two)) == ["20260301100000000 9014"]
    assert asyncio.run(say(site.port, two)) == ["20260301100000000 9014"]
    assert [record.value for record in site.records(TOPIC) if record.key == b"P1"] == [one + two, one + two]


def test_frames_are_replayed_to_the_same_bytes(site: Site) -> None:
    """After all that came above: a replay makes the same records of the same frames."""
    servers, registry, catalog = site.stack.bootstrap_servers, site.stack.registry_url, CATALOG
    fresh = fresh_topics(catalog, TOPIC, "frames-again")
    create_topics(servers, [TopicSpec(name, site.stack.topics()[live], {}) for live, name in fresh.items()])
    stretch = replay(servers, registry, catalog, TOPIC, "frames-again")
    found = compare(servers, catalog, TOPIC, "frames-again", stretch)
    assert found.is_equal
    assert found.equal == len(site.records(TOPIC)) > 0


def test_while_kafka_is_away_nothing_is_answered(site: Site, gateway: Worker) -> None:
    """The frame waits without an answer; when Kafka is back it is appended and answered."""
    broker = site.stack.supervisor.runs["broker"].process

    async def through_an_outage() -> None:
        async with connected(site.port) as (reader, writer):
            freeze(broker.pid)
            try:
                writer.write(frame("K1", 0))
                with pytest.raises(TimeoutError):
                    async with asyncio.timeout(1.5):
                        await reader.readuntil(b"\r\n")
            finally:
                broker.send_signal(signal.SIGCONT)
            assert await answer(reader) == "20260301100000000 9014"

    asyncio.run(through_an_outage())
    assert [record.value for record in site.records(TOPIC) if record.key == b"K1"] == [frame("K1", 0)]
    assert gateway.stop() == 0
    assert "secret" not in gateway.log()
