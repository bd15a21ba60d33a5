"""Parts of split packets until their upload is whole (拆分包合并).

A part is in Kafka (topic HJ212_PARTS) before it is answered, so that a gateway that starts again knows what its
predecessor promised.
"""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Iterator
from typing import Final

from confluent_kafka import TopicPartition
from confluent_kafka.admin import OffsetSpec

from pipelines.hj212.frame import MalformedError
from pipelines.hj212.packet import Packet, parse
from pipelines.hj212.parts import Key, key_of
from pipelines.names import HJ212_PARTS
from streams.reading import SILENCE_S, Place, Span, read, spans
from streams.records import Record
from streams.topics import admin, topic_partitions

# Devices repeat an unanswered part for half a minute or so.
KEPT_S: Final = 600.0
MOST: Final = 10_000
TOPIC_HEADER: Final = "sitehub.topic"


class Parts:
    """Frames by the upload that they are parts of, each upload for KEPT_S, at most MOST uploads."""

    def __init__(self) -> None:
        self._uploads: OrderedDict[tuple[str, Key], tuple[float, dict[int, bytes]]] = OrderedDict()

    def put(self, topic: str, packet: Packet, frame: bytes, now: float) -> bytes | None:
        """All frames of the upload, one behind the other, once its last part is here (`now`: s); a part that is
        repeated then gives them again. MalformedError as in Packet.part."""
        while self._uploads and (len(self._uploads) > MOST or next(iter(self._uploads.values()))[0] < now - KEPT_S):
            self._uploads.popitem(last=False)
        number, count = packet.part
        _, frames = self._uploads.setdefault((topic, key_of(packet)), (now, {}))
        frames[number] = frame
        return b"".join(frames[n] for n in sorted(frames)) if len(frames) == count else None


def kept_parts(bootstrap_servers: str) -> Iterator[tuple[str, Packet, bytes, float]]:
    """Topic, packet, frame and time (s) of each part that the log has had for less than KEPT_S, in its order."""
    for records in read(bootstrap_servers, _lately(bootstrap_servers)):
        for record in records:
            try:
                packet = parse(record.value or b"")
            except MalformedError:
                continue  # not the gateway's
            yield _topic_of(record), packet, record.value or b"", record.timestamp / 1000


def _topic_of(record: Record) -> str:
    return next(
        (value.decode("utf-8", "replace") for name, value in record.headers if name == TOPIC_HEADER and value), ""
    )


def _lately(bootstrap_servers: str) -> dict[Place, Span]:
    bounds = spans(bootstrap_servers, {HJ212_PARTS: topic_partitions(bootstrap_servers)[HJ212_PARTS]})
    since = OffsetSpec.for_timestamp(int((time.time() - KEPT_S) * 1000))
    asked = admin(bootstrap_servers).list_offsets(
        {TopicPartition(*place): since for place in bounds}, request_timeout=SILENCE_S
    )
    first = {(place.topic, place.partition): answer.result().offset for place, answer in asked.items()}
    # A negative offset: nothing is as young.
    return {place: (first[place] if first[place] >= 0 else end, end) for place, (_, end) in bounds.items()}
