"""What a producer's earlier transactions have left open (残留事务), though Kafka holds them for completed.

A broker that goes down in the midst of ending a transaction ends it when it is up again. Where a partition has no
leader at that moment, as all have for an instant when the only broker starts, Kafka takes the partition for deleted and
never writes its marker (seen with 4.3.1; docs/decisions/0042). The records stay open there; nobody reads on behind
them; and whatever the same producer commits next, commits them too: uploads that were made again would be doubled.

So before a lane's new producer commits anything, nothing of it may be open. What is open of uploads before the group's
committed offset stands, as that offset was committed with it; what is open of uploads behind it is about to be made
again, and falls.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Any, Final

import structlog
from aiokafka import TopicPartition

from streams.producer_states import open_transactions
from streams.source import Source
from streams.transaction import OnceProducer, mark

log = structlog.get_logger(__name__)

SETTLES_S: Final = 0.1  # Kafka answers before it writes the markers


@dataclass(frozen=True)
class Reach:
    """All partitions where outputs of a raw partition can be, and which upload (offset) an output there is of."""

    places: Collection[TopicPartition]
    upload_of: Callable[[str, Any], int]


async def settle(producer: OnceProducer, reach: Reach, source: Source, committed: int) -> None:
    """End what is open of this producer: what was made of uploads before `committed` stands, the rest falls.

    To be called before the producer's first transaction. UnansweredError as of any transaction.
    """
    while left := await open_transactions(producer, reach.places):
        uploads = {
            place: reach.upload_of(place.topic, await source.record(place, begin)) for place, begin in left.items()
        }
        log.warning("a transaction was left open", places=sorted(left), uploads=uploads, committed=committed)
        for stands in (True, False):
            if places := [place for place, upload in uploads.items() if (upload < committed) == stands]:
                await mark(producer, places, stands=stands)
                await asyncio.sleep(SETTLES_S)
