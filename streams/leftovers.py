"""What Kafka has not ended of a producer's last transaction, though it holds it for completed (残留事务).

A broker that goes down in the midst of ending a transaction ends it when it is up again. Where a partition has no
leader at that moment, as all have for an instant when the only broker starts, Kafka takes the partition for deleted and
never writes its marker (seen with 4.3.1; docs/decisions/0042). Some partitions may have theirs from before. What has
none stays open: nobody reads on behind it, the group's offset does not move, and whatever the same producer commits
next, commits it too.

The coordinator has decided, though, and says what. So before a new producer of the id commits anything, a transaction
of nothing but all partitions within reach and the group's offset ends in the same way as the last one: markers that
were written already are written once more, to no effect, and those that are missing are there. The coordinator is asked
before the producer starts, which wipes out its answer.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Final

from aiokafka import TopicPartition

from streams.once_producer import OnceProducer
from streams.transaction import mark

COMMITTED: Final = ("PrepareCommit", "CompleteCommit")
ABORTED: Final = ("Ongoing", "PrepareEpochFence", "PrepareAbort", "CompleteAbort")


async def settle(producer: OnceProducer, reach: Collection[TopicPartition], group: str | None = None) -> None:
    """End once more what the id's last transaction ended; to be called before the producer's first one.

    `reach`: all partitions where its outputs can be; `group`: whose offset it may hold. UnansweredError where it cannot
    be known whether all is ended.
    """
    if producer.last in (*COMMITTED, *ABORTED):
        await mark(producer, reach, group, stands=producer.last in COMMITTED)
