"""Where people's data must not be found (个人信息): everything that a run leaves behind but raw topics and bytes."""

import zipfile
from collections.abc import Iterator
from pathlib import Path

from confluent_kafka import Consumer, KafkaError, Message, TopicPartition

from infra.packages import Packages
from infra.stack.broker import broker_service
from infra.stack.ports import LOOPBACK, free_ports
from infra.supervisor import Supervisor
from store.lake import Lake
from tests.contract import CATALOG
from tests.invented_people import PERSONAL_WORD

SEARCHED_OTHERWISE = {"kafka", "simulation"}  # topics are read through the broker; what was sent is what is sought


def found_in(home: Path, packages: Packages) -> list[str]:
    """Places under the home of a hub that has ended where a person is named; a home without topics is an error."""
    places = [*_files(home), *_tables(home), *_topics(home, packages)]
    return [place for place, text in places if PERSONAL_WORD.search(text)]


def _files(home: Path) -> Iterator[tuple[str, str]]:
    """Logs, gold, reports, Data Docs, Dagster's storage, the lake's own log: as text, workbooks unpacked."""
    for file in home.rglob("*"):
        place = file.relative_to(home)
        if place.parts[0] in SEARCHED_OTHERWISE or not file.is_file() or file.suffix == ".parquet":
            continue
        if file.suffix == ".xlsx":
            with zipfile.ZipFile(file) as packed:
                yield from ((f"{place}/{name}", packed.read(name).decode()) for name in packed.namelist())
        else:
            yield str(place), file.read_bytes().decode(errors="replace")


def _tables(home: Path) -> Iterator[tuple[str, str]]:
    """The lake's canonical tables, and the quarantine without the uploads' own bytes."""
    lake = Lake(str(home / "lake"))
    for kind in CATALOG.made:
        yield f"lake {kind}", lake.read(kind).collect().write_ndjson()
    yield "lake quarantine", lake.read_quarantine().drop("key", "value").collect().write_ndjson()


def _topics(home: Path, packages: Packages) -> Iterator[tuple[str, str]]:
    """Canonical records whole, quarantined ones by their headers."""
    port = free_ports(1)[0]
    with Supervisor(home / "logs", tell=print) as supervisor:
        supervisor.start([broker_service(home, packages, port, quick=True)])
        read = {"canonical": 0, "quarantine": 0}
        for message in _messages(f"{LOOPBACK}:{port}"):
            topic = str(message.topic())
            family = topic.partition(".")[0]
            read[family] += 1
            headers = message.headers() or []
            parts = [value for _, value in headers if isinstance(value, bytes)]  # type: ignore[str-unpack]  # stub
            if family == "canonical":
                parts += [part for part in (message.key(), message.value()) if part]
            yield topic, b"\n".join(parts).decode(errors="replace")
    if not all(read.values()):
        raise ValueError(f"nothing to search in {read}")


def _messages(bootstrap_servers: str) -> Iterator[Message]:
    consumer = Consumer(
        {
            "bootstrap.servers": bootstrap_servers,
            "group.id": "search",
            "auto.offset.reset": "earliest",
            "enable.partition.eof": True,
            "isolation.level": "read_committed",
        }
    )
    topics = consumer.list_topics(timeout=10).topics
    left = {
        (name, number)
        for name, topic in topics.items()
        if name.startswith(("canonical.", "quarantine."))
        for number in topic.partitions
    }
    consumer.assign([TopicPartition(name, number, 0) for name, number in left])
    while left:
        for message in consumer.consume(5_000, 1.0):
            error = message.error()
            if error is None:
                yield message
            elif error.code() == KafkaError._PARTITION_EOF:
                left.discard((message.topic(), message.partition()))
    consumer.close()
