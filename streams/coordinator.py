"""What the coordinator of a transactional id says of its last transaction (事务协调者): Kafka's DescribeTransactions.

aiokafka has no such request (checked with 0.14); Kafka answers it since 3.0 (KIP-664).
"""

from __future__ import annotations

from typing import Any, Final

from aiokafka.client import AIOKafkaClient, ConnectionGroup
from aiokafka.errors import for_code
from aiokafka.protocol.api import Request, RequestStruct, Response
from aiokafka.protocol.types import CompactArray, CompactString, Int16, Int32, Int64, Schema, TaggedFields

TEXT: Final = CompactString("utf-8")
TAGS: Final = ("tags", TaggedFields)
NOT_FOUND: Final = 105
EMPTY: Final = "Empty"


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
        ("producer_id", Int64),
        ("producer_epoch", Int16),
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
    """Asks the coordinator of a transactional id."""

    API_KEY = 65

    def __init__(self, transactional_id: str) -> None:
        self._transactional_id = transactional_id

    def build(self, request_struct_class: type[DescribeTransactionsRequestV0]) -> DescribeTransactionsRequestV0:
        """The request as it is sent."""
        return request_struct_class([self._transactional_id], {})


async def state_of(client: AIOKafkaClient, coordinator: int, transactional_id: str) -> str:
    """Ongoing, PrepareCommit, CompleteCommit and so on; Empty also of an id never used. KafkaError where refused."""
    request = DescribeTransactionsRequest(transactional_id)
    answer: Any = await client.send(coordinator, request, group=ConnectionGroup.COORDINATION)
    ((code, _, state, *_),) = answer.states
    if code == NOT_FOUND:
        return EMPTY
    if code:
        raise for_code(code)(f"the coordinator does not tell of {transactional_id}")
    return str(state)
