"""A lane (通道): everything about one input partition, from fetched records to committed transactions.

Why nothing is lost and nothing doubled, whoever dies, hangs or comes back:

1. Opening a tenure starts a producer with the partition's own transactional id. Kafka thereby fences every older owner
   of that id and ends its open transaction; what it has forgotten to end, the new owner ends (streams/leftovers.py).
   Only then the committed offset is read. So it is final: nobody else can move it any more.
2. Only records from that offset on are taken, each once, in offset order. Record batches that Faust did not deliver are
   read from the log itself; a gap is believed only when the log has one.
3. The canonical and quarantine records of a stretch and the offset behind it are committed in one transaction. What a
   dead owner had not committed was never visible and is read again; what a fenced one tries to commit is refused.
4. A commit that got no answer is not tried again by the same producer. The tenure opens anew, which fences also what
   is still under way, and the offset it finds tells whether the transaction stands. It does so too where a connection
   has broken since the last commit: Kafka may have acknowledged that one and not have ended it.

Safety so rests on the transactional id alone, not on the consumer group: two workers that both believe they own a
partition cost a restart, no record.

While a transaction commits, further records wait and go into the next one: transactions grow with the load. A record
waits for others up to `allowed_latency`, the time of such a commit included: the longer, the fewer transactions. After
one that was not full a lane rests half as long as that took, unless another one of its topic begins. Lanes share cores,
with those of other workers too: the fewer of them are at work at once, the sooner each is through, and so are all
(docs/decisions/0044, 0047).
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from typing import Final, NamedTuple, Protocol, TypeVar

from aiokafka import ConsumerRecord

from pipelines.wire import RawBatch
from streams.metrics import LOG_APPEND_TIME, counted
from streams.outputs import Outputs
from streams.record_batches import WholeBatch
from streams.source import Source
from streams.tenure import Tenure
from streams.together import Beat
from streams.unpacking import since, unpack

Result = TypeVar("Result")

TRANSACTION_RECORDS: Final = 5000
TRANSACTION_BYTES: Final = 16 << 20  # of uploads, unpacked: of the largest ones a few are enough
HIGH_WATER: Final = 20_000
PAUSE_S: Final = 0.01
REST: Final = 0.5  # of the time that a transaction took
LONGEST_REST_S: Final = 0.1  # a transaction that waited for Kafka or the registry says nothing of the core


class Process(Protocol):
    """What is done to uploads."""

    async def room(self) -> None:
        """Wait until uploads that are taken now are soon made outputs of."""

    async def __call__(self, batch: RawBatch) -> Outputs:
        """Outputs of uploads of one partition, at least one."""


class Taken(NamedTuple):
    """Uploads for one transaction, the offset behind them, and whether the broker's clock stamped them."""

    uploads: RawBatch | None
    position: int
    by_broker: bool


class Lane:
    """Takes one partition's records in, commits what they become. Made anew each time the partition is assigned."""

    def __init__(
        self,
        tenure: Tenure,
        *,
        source: Source,
        process: Process,
        fail: Callable[[BaseException], None],
        beat: Beat,
        allowed_latency: float,
    ) -> None:
        """`tenure` of the partition, not yet open; `process` makes outputs of records; `fail` is called with whatever
        goes wrong, and ends the process.

        `beat` is that of all lanes of the topic; `allowed_latency`: how long records may wait for more to fill a
        transaction; s.
        """
        self._tenure = tenure
        self._source = source
        self._process = process
        self._fail = fail
        self._beat = beat
        self._allowed_latency = allowed_latency
        self._batches: deque[WholeBatch] = deque()
        self._waiting = 0
        self._waits_since = 0.0
        self._rests_until = 0.0
        self._task: asyncio.Task[None] | None = None
        self._cancellable = False
        self._closed = False

    async def put(self, records: Sequence[ConsumerRecord]) -> None:
        """Take record batches in (as the values of `records`); waits while too many uploads are waiting already."""
        batches = [record.value for record in records]
        if not self._batches:
            self._waits_since = time.monotonic()
        self._batches.extend(batches)
        self._waiting += sum(map(len, batches))
        if self._task is None:
            self._task = asyncio.create_task(self._work())
        while self._waiting > HIGH_WATER and self._task is not None:
            await asyncio.wait([self._task], timeout=PAUSE_S)

    def make_sure(self) -> bool:
        """Begin to open, or to open anew, though no upload may ever come again: readers wait behind what Kafka forgot
        to end. False where there is no need."""
        needed = self._task is None and not self._closed and not self._tenure.sure
        if needed:
            self._task = asyncio.create_task(self._work(patiently=True))
        return needed

    async def close(self) -> None:
        """Let a running transaction finish, drop what waits (the next owner reads it again), release the producer."""
        self._closed = True
        self._batches.clear()
        self._waiting = 0
        if self._task is not None:
            if self._cancellable:
                self._task.cancel()
            await asyncio.wait([self._task])
        await self._tenure.end()

    async def _work(self, *, patiently: bool = False) -> None:
        try:
            if not self._closed:
                await self._interruptible(self._tenure.make_sure(patiently=patiently))
            while self._batches:
                if self._waiting < TRANSACTION_RECORDS:
                    begins = max(self._waits_since + self._allowed_latency, self._rests_until)
                    await self._beat.wait(begins)
                await self._interruptible(self._process.room())
                began = time.monotonic()
                taken = await self._interruptible(self._take())
                if taken.uploads and not self._closed:
                    outputs = await self._interruptible(self._process(taken.uploads))
                    with counted(taken.uploads, outputs, by_broker=taken.by_broker):
                        await self._commit(outputs, taken.position)
                    ended = time.monotonic()
                    if len(taken.uploads) < TRANSACTION_RECORDS:
                        self._rests_until = ended + min(REST * (ended - began), LONGEST_REST_S)
            self._task = None
        except asyncio.CancelledError as stop:
            if not self._closed:
                self._fail(stop)
        except BaseException as error:  # noqa: BLE001 (fenced, broker gone, a bug: whatever it is, it ends the process)
            self._fail(error)

    async def _take(self) -> Taken:
        """The next uploads without gap or repetition, at least TRANSACTION_RECORDS or _BYTES if so many wait."""
        taken: list[WholeBatch] = []
        count, size, following = 0, 0, self._tenure.position
        while self._batches and count < TRANSACTION_RECORDS and size < TRANSACTION_BYTES:
            batch = self._batches.popleft()
            self._waiting -= len(batch)
            if batch.end <= following:
                continue
            if batch.begin > following:
                taken += await self._source.stretch(self._tenure.partition, following, batch.begin)
            taken.append(batch)
            count, size, following = count + len(batch), size + len(batch.area), batch.end
        uploads = since(unpack(taken, *self._tenure.partition), self._tenure.position) if taken else None
        return Taken(uploads, following, all(batch.timestamp_type == LOG_APPEND_TIME for batch in taken))

    async def _commit(self, outputs: Outputs, position: int) -> None:
        while not await self._tenure.commit(outputs, position):
            if self._closed:  # the next owner finds out whether it stands
                raise asyncio.CancelledError
            await self._interruptible(self._tenure.open_anew())

    async def _interruptible(self, work: Awaitable[Result]) -> Result:
        """Wait for work outside any transaction (it may wait for Kafka or the registry); `close` may cancel it."""
        self._cancellable = True
        try:
            return await work
        finally:
            self._cancellable = False
