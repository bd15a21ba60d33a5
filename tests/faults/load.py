"""What is sent while faults strike (负载): simulated uploads at an even pace, new schema versions, poison pills.

The simulated days begin again when they are over: to the hub these are further uploads like any other.
"""

import asyncio
import json
import threading
import time
from collections.abc import Iterator
from typing import Any, Final

import httpx
import polars as pl
from confluent_kafka import KafkaError, Message, Producer

from pipelines.catalog import Catalog
from pipelines.names import parse_raw_topic
from simulation.encode import GUID_HEADER
from simulation.send import LARGEST
from sitehub.settings import Settings
from tests.faults.stage import PROVINCE
from tests.streams.test_header_names import NoText, send_in_one_batch

EVOLVING: Final = f"raw.{PROVINCE}.dust-reading.zhuzhi"  # Avro behind a schema id
SUBJECT: Final = f"raw.{PROVINCE}.dust-reading-value"
TICK_S: Final = 0.05
UNKNOWN_ID: Final = (1 << 31) - 1

Headers = list[tuple[str, str | bytes | None]]


class Load:
    """Sends from `begin` to `end`; other threads may put in pills and new schema versions."""

    def __init__(self, chosen: Settings, catalog: Catalog, uploads: pl.DataFrame, per_second: int) -> None:
        """`uploads`: columns as in Simulation.uploads."""
        self.sent = 0
        self._chosen = chosen
        self.uploads = uploads
        self._per_second = per_second
        self._schema = json.loads(json.dumps(catalog.raw[PROVINCE, "dust-reading"].schema))
        self._versions = 0
        self._reframed: tuple[bytes, bytes] = b"", b""  # head and tail of an upload in the newest version
        self._producer = Producer(
            {
                "bootstrap.servers": chosen.bootstrap_servers,
                "enable.idempotence": True,
                "linger.ms": 20,
                "compression.type": "lz4",
                "message.max.bytes": LARGEST,
                "log_level": 0,  # brokers go and come: no news
            }
        )
        self._refused: list[str] = []
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def begin(self) -> None:
        """Send, beside whatever else happens."""
        self._thread.start()

    def end(self) -> None:
        """Send no more; return when all is acknowledged. RuntimeError where the broker refused an upload."""
        self._ending.set()
        if self._thread.is_alive():
            self._thread.join()
        left = self._producer.flush(120)
        if left or self._refused:
            raise RuntimeError(f"{left} uploads got no answer, {len(self._refused)} were refused: {self._refused[:3]}")

    def new_version(self) -> int:
        """Register the raw schema with one more optional field, and send in it from now on; its id."""
        self._versions += 1
        grown = {"name": f"later_{self._versions}", "type": ["null", "string"], "default": None}
        self._schema["fields"].append(grown)
        answer = httpx.post(
            f"{self._chosen.registry_url}/subjects/{SUBJECT}/versions",
            json={"schema": json.dumps(self._schema)},
            timeout=30,
        )
        made = int(answer.raise_for_status().json()["id"])
        text = f"version {self._versions}".encode()
        tail = b"\0" * (self._versions - 1) + b"\x02" + bytes([2 * len(text)]) + text
        self._reframed = b"\0" + made.to_bytes(4, "big"), tail
        return made

    def poison(self) -> int:
        """Send every pill to every partition of every raw topic of the province; how many."""
        count = 0
        topics = self.uploads["topic"].unique(maintain_order=True)
        for topic in topics:
            for partition in range(self._chosen.partitions):
                for value, headers in pills(topic):
                    self.put(topic, b"pill", value, headers, partition)
                    count += 1
            asyncio.run(send_in_one_batch(self._chosen.bootstrap_servers, topic, [(NoText("x"), b"v")]))
        self.sent += count
        return count

    def _run(self) -> None:
        began, due = time.monotonic(), 0.0
        for topic, key, value, guid, timestamp in self._for_ever():
            if self._ending.is_set():
                return
            headers: Headers = [] if guid is None else [(GUID_HEADER, guid)]
            self.put(topic, key, self._in_newest(topic, value), headers, timestamp=timestamp)
            self.sent += 1
            due += 1 / self._per_second
            while due > time.monotonic() - began and not self._ending.is_set():
                self._producer.poll(0)
                time.sleep(TICK_S)

    def _for_ever(self) -> Iterator[tuple[Any, ...]]:
        rows = self.uploads.select("topic", "key", "value", "guid", "timestamp")
        while True:
            for part in rows.iter_slices(5_000):
                yield from part.iter_rows()

    def _in_newest(self, topic: str, value: bytes | None) -> bytes | None:
        """A framed upload of the evolving topic as the newest version of its schema writes it."""
        head, tail = self._reframed
        if topic != EVOLVING or not head or not value or value[0] != 0:
            return value
        return head + value[5:] + tail

    def put(
        self,
        topic: str,
        key: bytes | None,
        value: bytes | None,
        headers: Headers,
        partition: int = -1,
        timestamp: int | None = None,
    ) -> None:
        """Send one upload; where the broker refuses it, `end` says so. timestamp: epoch ms, now if not given."""
        while True:
            try:
                self._producer.produce(
                    topic,
                    value,
                    key,
                    partition,
                    timestamp=timestamp or int(time.time() * 1000),
                    headers=headers,
                    on_delivery=self._delivered,
                )
            except BufferError:
                self._producer.poll(0.2)
            else:
                return

    def _delivered(self, error: KafkaError | None, message: Message) -> None:
        if error is not None:
            self._refused.append(f"{message.topic()}: {error.str()}")


def pills(topic: str) -> list[tuple[bytes | None, Headers]]:
    """Uploads that no schema, no limit and no alphabet allows: every way we know to choke a reader."""
    kind = parse_raw_topic(topic).kind
    return [
        (None, []),
        (b"", []),
        (b"\0", []),
        (b"\0\xff\xff\xff\xff??", []),
        (b"\0" + UNKNOWN_ID.to_bytes(4, "big") + b"\0" * 40, []),
        (b"\0\0\0\0\1" + b"\xff" * 200, []),
        (b"{" * 500_000, []),
        (b'{"a":' * 100_000 + b"1" + b"}" * 100_000, []),
        (b'{"pm10": 1' + b"0" * 4000 + b"}", []),
        (b'{"pm10": NaN, "noise": -Infinity}', []),
        (b'{"deviceId": "\xff\xfe\xed\xa0\x80"}', []),
        (b'{"deviceId": "\\ud800"}', []),
        (b"\xef\xbb\xbf{}", []),
        (b"{" + b" " * (3 << 19), []),  # above the limit of an upload, below that of its topic
        (f'{{"kind": "{kind}"}}'.encode() * 2, []),
        (b"{}", [("sitehub.reason", b"\xff forged"), ("sitehub.source.offset", b"-1"), ("sitehub.retries", b"9" * 99)]),
        (b"{}", [(GUID_HEADER, None), ("", b""), ("x" * 5000, b"y" * 5000)]),
        (b"{}", [(GUID_HEADER, b"\x01" + b"\0" * 16)]),
        (b"{}", [("trace", None)] * 200),
    ]
