"""What Kafka has not ended of an id's last transaction, though it holds it for completed (残留事务).

A broker that goes down in the midst of ending a transaction ends it when it is up again. Where a partition has no
leader at that moment, as all have for an instant when the only broker starts, Kafka takes the partition for deleted and
never writes its marker (seen with 4.3.1; docs/decisions/0042). Some partitions may have theirs from before. What has
none stays open: nobody reads on behind it, the group's offset does not move, and whatever the same producer commits
next, commits it too.

The coordinator has decided, though, and says what. So before a new holder of the id commits anything, a transaction
of nothing but all partitions within reach and the group's offset ends in the same way as the last one: markers that
were written already are written once more, to no effect, and those that are missing are there.

That a holder begins wipes out what the coordinator says of the past, and this one may die as well before it has ended
anything. So it says what was decided where Kafka keeps it and shows it to the next one: by the time after which its own
transactions are to be aborted. That time is long too: the coordinator must not abort, by itself, markers that commit.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection
from typing import Final

from aiokafka import TopicPartition
from aiokafka.errors import ConcurrentTransactions, ProducerFenced

from streams.coordinator import Coordinator, Last
from streams.pauses import pauses

# A dead holder's open transaction keeps readers of committed records waiting for this long at most.
WORKING_MS: Final = 15_000
# Of a holder that ends what is left, by whether that stands. Kafka allows 15 min unless told otherwise.
ENDING_MS: Final = {False: 600_000, True: 600_001}

ONGOING: Final = "Ongoing"
COMMITTED: Final = ("PrepareCommit", "CompleteCommit")
ABORTED: Final = (ONGOING, "PrepareEpochFence", "PrepareAbort", "CompleteAbort")
COMPLETE: Final = ("CompleteCommit", "CompleteAbort")
ASK_AGAIN_S: Final = 0.005


async def end_leftovers(coordinator: Coordinator, reach: Collection[TopicPartition], group: str | None = None) -> None:
    """Fence all holders of the id, and end once more what its last transaction ended; nothing if there was none.

    `reach`: all partitions where outputs of the id can be, at least one; `group`: whose offset it may hold. KafkaError
    where Kafka refuses or does not answer, or a partition has no leader; called again, it goes on. ProducerFenced where
    another has taken over meanwhile.
    """
    pauses_s = pauses(ASK_AGAIN_S)
    while (stands := _decided(last := await coordinator.last())) is not None:
        if last.state == ONGOING and last.timeout_ms == ENDING_MS[True]:
            # Its holder died here: to hold the id now would abort these markers.
            await coordinator.end(last.holder, stands=True)
            continue
        await coordinator.need_leaders(reach)
        try:
            holder = await coordinator.hold(ENDING_MS[stands])
        except ConcurrentTransactions:
            await asyncio.sleep(next(pauses_s))
            continue
        await coordinator.add(holder, reach)
        if group is not None:
            await coordinator.add_offsets(holder, group)
        await coordinator.end(holder, stands=stands)
        while (last := await coordinator.last()).state not in COMPLETE:  # Kafka answers before it writes the markers
            if last.holder != holder:
                raise ProducerFenced(coordinator.transactional_id)
            await asyncio.sleep(next(pauses_s))
        await coordinator.need_leaders(reach)
        return


def _decided(last: Last) -> bool | None:
    """Whether what is left of an id is to be committed; None if nothing can be left."""
    if last.state in COMMITTED:
        return True
    if last.state in ABORTED:
        return False
    return {timeout_ms: stands for stands, timeout_ms in ENDING_MS.items()}.get(last.timeout_ms)
