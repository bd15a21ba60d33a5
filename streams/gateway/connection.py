"""One device's connection (连接): frames in, answers out, in whatever manner the other end behaves."""

from __future__ import annotations

import asyncio
import time
from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from pipelines.hj212 import answers
from pipelines.hj212.frame import MalformedError
from pipelines.hj212.packet import Packet, build, parse
from pipelines.hj212.stream import EndlessError, Found, Splitter
from pipelines.hj212.tables import commands
from pipelines.names import HJ212_PARTS
from streams.gateway import counts
from streams.gateway.limits import Limits
from streams.gateway.log import Log
from streams.gateway.parts import TOPIC_HEADER, Parts

AT_ONCE: Final = 1 << 14
ANSWERS_UNREAD: Final = 4096  # bytes that the other end has not taken
# Nothing to keep is in them. An answer of the device answers nothing: the gateway asks for nothing.
UNKEPT: Final = ("notice", "heartbeat", "answer")


class End(StrEnum):
    """Why a connection ended."""

    CLOSED = "closed"
    IDLE = "idle"
    SLOW = "slow"
    NO_FRAME = "no_frame"
    ENDLESS = "endless"
    DAMAGED = "damaged"
    NOISE = "noise"


@dataclass(frozen=True)
class Answer:
    """What to send, if anything, once `kept` says that the log has what it answers."""

    kept: asyncio.Future[bool]
    packet: Packet | None


class Connection:
    """Takes frames to Kafka in the order in which they came, and answers those that want it, in the same order."""

    def __init__(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        topic: str,
        log: Log,
        parts: Parts,
        limits: Limits,
    ) -> None:
        """`topic`: where this port's frames go. `log` and `parts` are all connections'."""
        self._reader, self._writer = reader, writer
        self._topic, self._log, self._parts, self._limits = topic, log, parts, limits
        self._splitter = Splitter()
        self._answers: asyncio.Queue[Answer | None] = asyncio.Queue(limits.in_flight_each)
        self._is_proven = False
        self._heard = self._began = time.monotonic()  # last sound frame; first byte of one that has not ended
        self._damaged = self._noise = 0
        writer.transport.set_write_buffer_limits(high=ANSWERS_UNREAD)

    async def run(self) -> End:
        """Serve until the other end closes or breaks a limit; why it ended."""
        reading, answering = asyncio.create_task(self._read()), asyncio.create_task(self._answer())
        try:
            await asyncio.wait({reading, answering}, return_when=asyncio.FIRST_COMPLETED)
            if not reading.done():
                return answering.result()
            # Who has sent his last frame still gets the answers to what Kafka takes now.
            with suppress(TimeoutError):
                async with asyncio.timeout(self._limits.slow_reader):
                    await self._answers.put(None)
                    await answering
                    self._writer.close()
                    await self._writer.wait_closed()
            return reading.result()
        finally:
            reading.cancel()
            answering.cancel()
            self._writer.transport.abort()

    async def _read(self) -> End:
        try:
            while True:
                until, late = self._deadline()
                async with asyncio.timeout(max(until - time.monotonic(), 0.001)):
                    received = await self._reader.read(AT_ONCE)
                if not received:
                    return End.CLOSED
                if self._splitter.is_between_frames:
                    self._began = time.monotonic()
                for found in self._splitter.feed(received):
                    if (end := await self._take(found)) is not None:
                        return end
        except TimeoutError:
            return late
        except EndlessError:
            return End.ENDLESS
        except ConnectionError:
            return End.CLOSED

    def _deadline(self) -> tuple[float, End]:
        """Until when more must come, and what it is called when it does not."""
        limits = self._limits
        idle = self._heard + (limits.idle if self._is_proven else limits.first_frame)
        why = End.IDLE if self._is_proven else End.NO_FRAME
        if self._splitter.is_between_frames:
            return idle, why
        return min((idle, why), (self._began + limits.whole_frame, End.SLOW))

    async def _take(self, found: Found) -> End | None:
        if found.kind == "noise":
            self._noise += len(found.content)
            return End.NOISE if self._noise > self._limits.noise else None
        packet = _packet(found)
        if packet is None:
            return await self._keep_damaged(found)
        self._is_proven, self._heard, self._damaged, self._noise = True, time.monotonic(), 0, 0
        command = commands().get(packet.command)
        kind = command.kind if command and command.kind in UNKEPT else "part" if packet.part[1] > 1 else "upload"
        counts.frames.labels(self._topic, kind).inc()
        kept = await self._keep(packet, found.content, kind)
        wanted = kind != "answer" and packet.flag.answer
        answer = answers.notice_answer(packet) if kind == "notice" else answers.data_answer(packet)
        await self._answers.put(Answer(kept, answer if wanted else None))
        return None

    async def _keep(self, packet: Packet, frame: bytes, kind: str) -> asyncio.Future[bool]:
        """Begin to append what must be kept; the future: whether it is, or need not be."""
        key = packet.device.encode() or None
        if kind == "upload":
            return await self._log.begin(self._topic, key, frame)
        if kind == "part":
            promised = await self._log.begin(HJ212_PARTS, key, frame, [(TOPIC_HEADER, self._topic.encode())])
            return asyncio.create_task(self._join(packet, frame, promised))
        nothing: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        nothing.set_result(True)
        return nothing

    async def _join(self, packet: Packet, frame: bytes, promised: asyncio.Future[bool]) -> bool:
        """Whether the part is kept, and, where it is the last one, the whole upload too."""
        if not await promised:
            return False
        whole = self._parts.put(self._topic, packet, frame, time.time())
        if whole is None:
            return True
        return await (await self._log.begin(self._topic, packet.device.encode() or None, whole))

    async def _keep_damaged(self, found: Found) -> End | None:
        """Into the log, for quarantine to say what is wrong with it; never answered."""
        counts.frames.labels(self._topic, "damaged").inc()
        self._damaged += 1
        await self._answers.put(Answer(await self._log.begin(self._topic, None, found.content), None))
        return End.DAMAGED if self._damaged >= self._limits.damaged else None

    async def _answer(self) -> End:
        while (answer := await self._answers.get()) is not None:
            # Shielded: what has begun goes on when this connection has ended.
            if not await asyncio.shield(answer.kept) or answer.packet is None:
                continue
            self._writer.write(build(answer.packet))
            try:
                async with asyncio.timeout(self._limits.slow_reader):
                    await self._writer.drain()
            except TimeoutError:
                return End.SLOW
            except ConnectionError:
                return End.CLOSED
            counts.answered.labels(self._topic, answer.packet.command).inc()
        return End.CLOSED


def _packet(found: Found) -> Packet | None:
    """The packet of a sound frame whose numbers can be relied on; None for anything else."""
    if found.kind != "frame":
        return None
    try:
        packet = parse(found.content)
        _ = packet.flag, packet.part
    except MalformedError:
        return None
    return packet
