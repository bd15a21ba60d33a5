"""Uploads to be normalised (负载): simulated dust readings of the four dialects, with as much odd traffic as asked for.

The same workload gives the same bytes: simulator and dice have fixed seeds.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from itertools import repeat
from math import ceil
from typing import Any, Final, NamedTuple

import httpx
import numpy as np
import orjson
import polars as pl
from confluent_kafka import Producer

from benchmarks.job import KIND, PROVINCES
from benchmarks.stack import Stack
from pipelines.catalog import Catalog, RawKind
from pipelines.names import raw_topic
from simulation.damage import damaged_value
from simulation.encode import Encoder, Registry
from simulation.model import happenings
from simulation.simulate import raw_records
from simulation.spec import Spec, world

DAY: Final = date(2026, 3, 1)
DEVICE_DAY: Final = 1200  # at least so many readings a device sends in a day, gaps and five-minute devices considered
AHEAD_MS: Final = 3 * 3_600_000
DAMAGES: Final = (
    *("unframed", "unknown_schema", "wrong_subject", "undecodable", "missing_field", "bad_number"),
    *("bad_time", "future_time", "empty"),
)
HEADERS: Final = [("traceparent", b"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"), ("sender", b"gateway-7")]
COMPRESSION: Final = "zstd"

SentHeaders = list[tuple[str, bytes]]


@dataclass(frozen=True)
class Workload:
    """Shares (0 to 1) of what is odd; `remark`: bytes of a text that the newer schema has and the mapping ignores.

    `kinds`: over so many raw topics the readings are dealt, of kinds that are copies under numbered names.
    """

    name: str
    title: str
    keyless: float = 0.0
    headers: float = 0.0
    json: float = 0.0
    newer: float = 0.0
    damaged: float = 0.0
    remark: int = 0
    kinds: int = 1
    oversized: bool = False
    provinces: tuple[str, ...] = PROVINCES


MAIN: Final = Workload("main", "framed Avro, keyed, with the simulator's sensor faults")
ODD: Final = (
    Workload("null-keys", "no record has a key", keyless=1),
    Workload("headers", "every record has two headers", headers=1),
    Workload("json", "every upload is bare JSON", json=1),
    Workload("mixed-ids", "every second record is written by a newer schema", newer=0.5),
    Workload("damage", "1 % of the uploads must be quarantined", damaged=0.01),
)
CHECKED: Final = Workload(
    "check", "all of it at once", keyless=0.2, headers=0.2, json=0.3, newer=0.3, damaged=0.05, oversized=True
)


class Upload(NamedTuple):
    """One record to be sent; timestamp in epoch ms."""

    key: bytes | None
    value: bytes | None
    headers: SentHeaders
    timestamp: int


def uploads(
    workload: Workload, province: str, readings: int, catalog: Catalog, ids: Mapping[str, int]
) -> Iterator[Upload]:
    """So many uploads of one province in the order of their receipt. `ids`: subject → schema id, newer ones as well."""
    raw = catalog.raw[province, KIND]
    registry = Registry(ids.__getitem__)
    encoder = Encoder.of(raw.subject, raw.schema, registry)
    newer = Encoder.of(newer_subject(raw.subject), newer_schema(raw), registry)
    other = Encoder.of(catalog.raw[province, "device"].subject, catalog.raw[province, "device"].schema, registry)
    damages = world()["provinces"][province]["damages"]
    dice = np.random.default_rng([20260301, PROVINCES.index(province)]).random((5, readings))
    shares = np.array([[workload.keyless], [workload.headers], [workload.json], [workload.newer], [workload.damaged]])
    told = _told(province, readings)
    frame = raw_records(told, province, KIND, catalog)
    keys, times = told["subject"].cast(pl.Binary).to_list(), told["timestamp"].dt.epoch("ms").to_list()
    chances = (dice < shares).T.tolist()
    remark = "备" * (workload.remark // 3)
    for number, (record, key, timestamp, chance) in enumerate(
        zip(frame.iter_rows(named=True), keys, times, chances, strict=True)
    ):
        keyless, headers, json, is_newer, is_damaged = chance
        value: bytes | None
        if workload.oversized and number == readings // 2:
            value = damaged_value("oversized", number, record, encoder, other, {})
        elif is_damaged:
            reason = DAMAGES[number % len(DAMAGES)]
            value = damaged_value(reason, number, record, encoder, other, damages.get(reason, {}))
            timestamp -= AHEAD_MS if reason == "future_time" else 0
        elif json:
            value = encoder.json(record)
        elif is_newer:
            value = newer.framed({**record, "remark": remark})
        else:
            value = encoder.framed(record)
        # With neither key nor value aiokafka sends nothing, so stock Faust could not take part.
        yield Upload(None if keyless and value else key, value, HEADERS if headers else [], timestamp)


def fill(stack: Stack, workload: Workload, readings: int, times: int = 1) -> dict[str, int]:
    """Register the newer schemas and write the workload into the raw topics, so often; topic → records written."""
    ids = {**stack.ids}
    for province in workload.provinces:
        raw = stack.catalog.raw[province, KIND]
        ids[newer_subject(raw.subject)] = _register(stack.registry_url, raw.subject, newer_schema(raw))
    producer = Producer(
        {
            "bootstrap.servers": stack.bootstrap_servers,
            "compression.type": COMPRESSION,
            "partitioner": "murmur2_random",
            "linger.ms": 50,
            "message.max.bytes": 4 << 20,
            "queue.buffering.max.messages": 50_000,
        }
    )
    refused: list[str] = []
    written = {}
    for province in workload.provinces:
        topic = raw_topic(province, KIND)
        count = readings // len(workload.provinces)
        written[topic] = count * times
        topics = [topic, *(f"{topic}-{number}" for number in range(1, workload.kinds))]
        made = uploads(workload, province, count, stack.catalog, ids)
        again = tuple(made) if times > 1 else made
        for each in repeat(again, times):
            for number, upload in enumerate(each):
                send(producer, topics[number % len(topics)], upload, refused)
    producer.flush()
    if refused:
        raise RuntimeError(f"{len(refused)} uploads were refused, the first: {refused[0]}")
    return written


def send(producer: Producer, topic: str, upload: Upload, refused: list[str]) -> None:
    """Hand one upload over; waits where the queue is full. What the broker refuses is noted in `refused`."""
    while True:
        try:
            producer.produce(
                topic,
                upload.value,
                upload.key,
                headers=[*upload.headers],
                timestamp=upload.timestamp,
                on_delivery=lambda error, _message: refused.append(str(error)) if error else None,
            )
        except BufferError:
            producer.poll(0.1)
        else:
            break
    producer.poll(0)


def newer_schema(raw: RawKind) -> dict[str, Any]:
    """The raw schema with one more field, as a vendor adds one."""
    remark = {"name": "remark", "type": ["null", "string"], "default": None, "zh": "备注", "doc": "Remark."}
    return {**raw.schema, "fields": [*raw.schema["fields"], remark]}


def newer_subject(subject: str) -> str:
    """Name under which the id of the newer schema is kept beside the subjects' own."""
    return f"{subject}:newer"


def _register(registry_url: str, subject: str, schema: Mapping[str, Any]) -> int:
    url = f"{registry_url}/subjects/{subject}/versions"
    answer = httpx.post(url, json={"schema": orjson.dumps(schema).decode()}, timeout=30)
    return int(answer.raise_for_status().json()["id"])


@lru_cache(maxsize=8)
def _told(province: str, readings: int) -> pl.DataFrame:
    """So many readings of the simulated world, in the order of their receipt."""
    spec = Spec(last_day=DAY, days=1, devices=max(2, ceil(readings / DEVICE_DAY)), provinces=(province,))
    told = happenings(spec)[province, KIND].sort("timestamp", "subject").head(readings)
    if told.height < readings:
        raise RuntimeError(f"the simulator gave {told.height} of {readings} readings")
    return told
