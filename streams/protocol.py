"""Requests of Kafka's protocol that aiokafka has not, or not in these versions (协议报文).

They are made of aiokafka's own parts, checked with 0.14.0: `tests/streams/test_once_producer.py` sends them.

The versions of KIP-890's second part, transaction.version 2 of Kafka 4.0: whoever produces or commits offsets in a
transaction thereby makes the partition a part of it, and ending one gives its holder a new epoch.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from io import BytesIO
from typing import Any, Final, NamedTuple, TypeVar

from aiokafka import TopicPartition
from aiokafka.protocol.api import Request, RequestStruct, Response, ResponseHeader_v0
from aiokafka.protocol.types import (
    Boolean,
    CompactArray,
    CompactBytes,
    CompactString,
    Int16,
    Int32,
    Int64,
    Schema,
    TaggedFields,
)

Value = TypeVar("Value")

TEXT: Final = CompactString("utf-8")
TAGS: Final = ("tags", TaggedFields)
NO_TAGS: Final[dict[int, bytes]] = {}
ALL_COPIES: Final = -1  # are to have the records before the broker answers
PRODUCE_MS: Final = 30_000
ANY_GENERATION: Final = -1
ANY_LEADER: Final = -1
FINALIZED: Final = 2  # the tag of features that the whole cluster has


class Holder(NamedTuple):
    """Who may write under a transactional id: the producer of this number and epoch, and no older one."""

    producer: int
    epoch: int


def _by_topic(values: Iterable[tuple[TopicPartition, Value]]) -> Iterator[tuple[str, list[tuple[int, Value]]]]:
    topics: defaultdict[str, list[tuple[int, Value]]] = defaultdict(list)
    for place, value in values:
        topics[place.topic].append((place.partition, value))
    yield from topics.items()


class ProduceResponse(Response):
    """Version 12."""

    API_KEY = 0
    API_VERSION = 12
    _PARTITION = (
        ("partition", Int32),
        ("error_code", Int16),
        ("offset", Int64),
        ("timestamp", Int64),
        ("log_start", Int64),
        ("record_errors", CompactArray(("record", Int32), ("message", TEXT), TAGS)),
        ("message", TEXT),
        TAGS,
    )
    SCHEMA = Schema(
        ("topics", CompactArray(("topic", TEXT), ("partitions", CompactArray(*_PARTITION)), TAGS)),
        ("throttle_time_ms", Int32),
        TAGS,
    )


class ProduceRequestV12(RequestStruct):
    """Version 12."""

    API_KEY = 0
    API_VERSION = 12
    FLEXIBLE_VERSION = True
    RESPONSE_TYPE = ProduceResponse
    _PARTITIONS = CompactArray(("partition", Int32), ("records", CompactBytes), TAGS)
    SCHEMA = Schema(
        ("transactional_id", TEXT),
        ("acks", Int16),
        ("timeout_ms", Int32),
        ("topics", CompactArray(("topic", TEXT), ("partitions", _PARTITIONS), TAGS)),
        TAGS,
    )


class ProduceRequest(Request[ProduceRequestV12]):
    """Records of a transaction, one batch a partition."""

    API_KEY = 0

    def __init__(self, transactional_id: str, batches: Mapping[TopicPartition, bytes]) -> None:
        self._transactional_id, self._batches = transactional_id, batches

    def build(self, request_struct_class: type[ProduceRequestV12]) -> ProduceRequestV12:
        """The request as it is sent."""
        topics = [
            (topic, [(number, batch, NO_TAGS) for number, batch in batches], NO_TAGS)
            for topic, batches in _by_topic(self._batches.items())
        ]
        return request_struct_class(self._transactional_id, ALL_COPIES, PRODUCE_MS, topics, NO_TAGS)


class TxnOffsetCommitResponse(Response):
    """Version 5."""

    API_KEY = 28
    API_VERSION = 5
    _PARTITIONS = CompactArray(("partition", Int32), ("error_code", Int16), TAGS)
    SCHEMA = Schema(
        ("throttle_time_ms", Int32), ("topics", CompactArray(("topic", TEXT), ("partitions", _PARTITIONS), TAGS)), TAGS
    )


class TxnOffsetCommitRequestV5(RequestStruct):
    """Version 5."""

    API_KEY = 28
    API_VERSION = 5
    FLEXIBLE_VERSION = True
    RESPONSE_TYPE = TxnOffsetCommitResponse
    _PARTITIONS = CompactArray(("partition", Int32), ("offset", Int64), ("leader", Int32), ("metadata", TEXT), TAGS)
    SCHEMA = Schema(
        ("transactional_id", TEXT),
        ("group", TEXT),
        ("producer", Int64),
        ("epoch", Int16),
        ("generation", Int32),
        ("member", TEXT),
        ("instance", TEXT),
        ("topics", CompactArray(("topic", TEXT), ("partitions", _PARTITIONS), TAGS)),
        TAGS,
    )


class TxnOffsetCommitRequest(Request[TxnOffsetCommitRequestV5]):
    """A group's next offsets, of whatever member."""

    API_KEY = 28

    def __init__(
        self, transactional_id: str, group: str, holder: Holder, offsets: Mapping[TopicPartition, int]
    ) -> None:
        self._transactional_id, self._group, self._holder, self._offsets = transactional_id, group, holder, offsets

    def build(self, request_struct_class: type[TxnOffsetCommitRequestV5]) -> TxnOffsetCommitRequestV5:
        """The request as it is sent."""
        topics = [
            (topic, [(number, offset, ANY_LEADER, "", NO_TAGS) for number, offset in offsets], NO_TAGS)
            for topic, offsets in _by_topic(self._offsets.items())
        ]
        return request_struct_class(
            self._transactional_id, self._group, *self._holder, ANY_GENERATION, "", None, topics, NO_TAGS
        )


class EndTxnResponse(Response):
    """Version 5."""

    API_KEY = 26
    API_VERSION = 5
    SCHEMA = Schema(("throttle_time_ms", Int32), ("error_code", Int16), ("producer", Int64), ("epoch", Int16), TAGS)


class EndTxnRequestV5(RequestStruct):
    """Version 5."""

    API_KEY = 26
    API_VERSION = 5
    FLEXIBLE_VERSION = True
    RESPONSE_TYPE = EndTxnResponse
    SCHEMA = Schema(("transactional_id", TEXT), ("producer", Int64), ("epoch", Int16), ("stands", Boolean), TAGS)


class EndTxnRequest(Request[EndTxnRequestV5]):
    """The end of a transaction; the answer says who its holder is from now on."""

    API_KEY = 26

    def __init__(self, transactional_id: str, holder: Holder, *, stands: bool) -> None:
        self._transactional_id, self._holder, self._stands = transactional_id, holder, stands

    def build(self, request_struct_class: type[EndTxnRequestV5]) -> EndTxnRequestV5:
        """The request as it is sent."""
        return request_struct_class(self._transactional_id, *self._holder, self._stands, NO_TAGS)


class DescribeTransactionsResponse(Response):
    """Version 0."""

    API_KEY = 65
    API_VERSION = 0
    _STATE = (
        ("error_code", Int16),
        ("transactional_id", TEXT),
        ("state", TEXT),
        ("timeout_ms", Int32),
        ("began_ms", Int64),
        ("producer", Int64),
        ("epoch", Int16),
        ("topics", CompactArray(("topic", TEXT), ("partitions", CompactArray(Int32)), TAGS)),
        TAGS,
    )
    SCHEMA = Schema(("throttle_time_ms", Int32), ("states", CompactArray(*_STATE)), TAGS)


class DescribeTransactionsRequestV0(RequestStruct):
    """Version 0."""

    API_KEY = 65
    API_VERSION = 0
    FLEXIBLE_VERSION = True
    RESPONSE_TYPE = DescribeTransactionsResponse
    SCHEMA = Schema(("transactional_ids", CompactArray(TEXT)), TAGS)


class DescribeTransactionsRequest(Request[DescribeTransactionsRequestV0]):
    """What has become of a transactional id's last transaction (KIP-664, Kafka 3.0)."""

    API_KEY = 65

    def __init__(self, transactional_id: str) -> None:
        self._transactional_id = transactional_id

    def build(self, request_struct_class: type[DescribeTransactionsRequestV0]) -> DescribeTransactionsRequestV0:
        """The request as it is sent."""
        return request_struct_class([self._transactional_id], NO_TAGS)


class FeaturesResponse(Response):
    """Version 3 of ApiVersions."""

    API_KEY = 18
    API_VERSION = 3
    SCHEMA = Schema(
        ("error_code", Int16),
        ("versions", CompactArray(("key", Int16), ("least", Int16), ("most", Int16), TAGS)),
        ("throttle_time_ms", Int32),
        TAGS,
    )
    _FINALIZED = CompactArray(("name", TEXT), ("most", Int16), ("least", Int16), TAGS)

    @property
    def levels(self) -> dict[str, int]:
        """The level that the cluster has of each feature."""
        encoded = BytesIO(self.tags.get(FINALIZED, b"\1"))  # an empty list
        return {name: most for name, most, *_ in self._FINALIZED.decode(encoded)}


class FeaturesRequestV3(RequestStruct):
    """Version 3 of ApiVersions, whose answer has the header of all its versions."""

    API_KEY = 18
    API_VERSION = 3
    FLEXIBLE_VERSION = True
    RESPONSE_TYPE = FeaturesResponse
    SCHEMA = Schema(("software", TEXT), ("version", TEXT), TAGS)

    def parse_response_header(self, read_buffer: Any) -> ResponseHeader_v0:
        """As broker and client do not know each other's versions yet, it has no tags."""
        return ResponseHeader_v0.decode(read_buffer)


class FeaturesRequest(Request[FeaturesRequestV3]):
    """Which features the cluster has, and at what level."""

    API_KEY = 18

    def build(self, request_struct_class: type[FeaturesRequestV3]) -> FeaturesRequestV3:
        """The request as it is sent."""
        return request_struct_class("sitehub", "1", NO_TAGS)
