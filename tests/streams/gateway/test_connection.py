"""A connection against clients of every kind, with a log that answers as a test wants; times are short."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import cast

import pytest

from pipelines.hj212.frame import build_frame
from pipelines.hj212.packet import parse
from pipelines.names import HJ212_PARTS
from streams.gateway.connection import Connection
from streams.gateway.limits import Limits
from streams.gateway.log import Log
from streams.gateway.parts import Parts
from streams.gateway.server import listening
from streams.records import Headers

TOPIC = "raw.jiangsu.hj212"
SHORT = Limits(in_flight_each=4, first_frame=0.3, whole_frame=0.3, idle=0.6, slow_reader=0.3, damaged=3, noise=100)
Peer = tuple[asyncio.StreamReader, asyncio.StreamWriter]


@dataclass
class FakeLog:
    """Remembers what is appended; takes it when `open` is set, and refuses what `refuses` says."""

    open: asyncio.Event = field(default_factory=asyncio.Event)
    refuses: Callable[[bytes], bool] = lambda _: False
    begun: list[tuple[str, bytes | None, bytes]] = field(default_factory=list)

    async def begin(self, topic: str, key: bytes | None, frame: bytes, _: Headers | None = None) -> Awaitable[bool]:
        """As Log.begin."""
        self.begun.append((topic, key, frame))

        async def kept() -> bool:
            await self.open.wait()
            return not self.refuses(frame)

        return asyncio.create_task(kept())


def frame(number: int, *, cn: str = "2011", flag: int = 5, part: tuple[int, int] | None = None) -> bytes:
    """A frame with a QN of its own."""
    numbers = f"PNUM={part[1]};PNO={part[0]};" if part else ""
    return build_frame(
        f"QN={number};ST=39;CN={cn};PW=1;MN=A1;Flag={flag};{numbers}CP=&&DataTime=20260301101500&&".encode()
    )


@asynccontextmanager
async def served(log: FakeLog, limits: Limits = SHORT) -> AsyncIterator[tuple[Peer, asyncio.Future[str]]]:
    """A client's end of a connection, and why the other end ended it."""
    ended: asyncio.Future[str] = asyncio.get_running_loop().create_future()
    parts = Parts()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        ended.set_result(await Connection(reader, writer, TOPIC, cast("Log", log), parts, limits).run())

    server = await asyncio.start_server(serve, sock=listening("127.0.0.1", 0))
    peer = await asyncio.open_connection(*server.sockets[0].getsockname()[:2])
    try:
        yield peer, ended
    finally:
        peer[1].close()
        server.close()
        async with asyncio.timeout(5):
            await ended


async def answers_in(reader: asyncio.StreamReader, count: int) -> list[str]:
    """QN and command of each answer."""
    async with asyncio.timeout(5):
        packets = [parse(await reader.readuntil(b"\r\n")) for _ in range(count)]
    return [f"{packet.fields['QN']} {packet.command}" for packet in packets]


def test_answers_wait_for_the_log_and_keep_the_order() -> None:
    """Nothing is said before the log has it; then each that asked is answered in its turn."""

    async def run() -> None:
        log = FakeLog()
        async with served(log) as ((reader, writer), _):
            writer.write(frame(1) + frame(2, flag=4) + frame(3))
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.1):
                    await reader.readuntil(b"\r\n")
            log.open.set()
            assert await answers_in(reader, 2) == ["1 9014", "3 9014"]
        assert log.begun == [(TOPIC, b"A1", frame(1)), (TOPIC, b"A1", frame(2, flag=4)), (TOPIC, b"A1", frame(3))]

    asyncio.run(run())


def test_what_the_log_has_not_is_not_answered() -> None:
    """The device will send it again."""

    async def run() -> None:
        log = FakeLog(refuses=lambda sent: sent == frame(1))
        log.open.set()
        async with served(log) as ((reader, writer), _):
            writer.write(frame(1) + frame(2))
            assert await answers_in(reader, 1) == ["2 9014"]

    asyncio.run(run())


def test_reading_stops_while_too_much_waits() -> None:
    """Of many frames sent at once only so many are begun as may wait (4 in the queue, one in hand, one at its door)."""

    async def run() -> None:
        log = FakeLog()
        async with served(log) as ((reader, writer), _):
            writer.write(b"".join(frame(number) for number in range(20)))
            await asyncio.sleep(0.1)
            assert len(log.begun) == 6
            log.open.set()
            assert await answers_in(reader, 20) == [f"{number} 9014" for number in range(20)]

    asyncio.run(run())


def test_a_client_that_has_said_all_is_still_answered() -> None:
    """It closes its half, and takes the answers after that."""

    async def run() -> str:
        log = FakeLog()
        log.open.set()
        async with served(log) as ((reader, writer), ended):
            writer.write(frame(1))
            writer.write_eof()
            assert await answers_in(reader, 1) == ["1 9014"]
            assert await reader.read() == b""
            return await ended

    assert asyncio.run(run()) == "closed"


@pytest.mark.parametrize(
    ("cn", "flag", "said", "kept"),
    [
        ("2021", 5, "1 9014", True),
        ("7777", 5, "1 9014", True),
        ("1013", 5, "1 9013", False),
        ("9015", 5, "1 9014", False),
        ("9014", 5, None, False),
        ("9015", 4, None, False),
    ],
)
def test_each_command_has_its_answer(cn: str, flag: int, said: str | None, kept: bool) -> None:
    """Only what holds something to keep goes into the log; an answer is never answered."""

    async def run() -> None:
        log = FakeLog()
        log.open.set()
        async with served(log) as ((reader, writer), _):
            writer.write(frame(1, cn=cn, flag=flag) + frame(2))
            wanted = [said, "2 9014"] if said else ["2 9014"]
            assert await answers_in(reader, len(wanted)) == wanted
        assert (len(log.begun) == 2) == kept

    asyncio.run(run())


def test_parts_become_one_upload() -> None:
    """Each part is kept for itself and answered; the last one, or its repetition, gives the whole."""

    async def run() -> None:
        log = FakeLog()
        log.open.set()
        one, two = frame(1, part=(1, 2)), frame(2, part=(2, 2))
        async with served(log) as ((reader, writer), _):
            for sent in (two, one, one):
                writer.write(sent)
                await answers_in(reader, 1)
        assert [(topic, sent) for topic, _, sent in log.begun] == [
            (HJ212_PARTS, two), (HJ212_PARTS, one), (TOPIC, one + two), (HJ212_PARTS, one), (TOPIC, one + two),
        ]  # fmt: skip

    asyncio.run(run())


async def drip(writer: asyncio.StreamWriter) -> None:
    """A byte now and then."""
    for byte in frame(1):
        writer.write(bytes([byte]))
        await asyncio.sleep(0.05)


async def never_read(writer: asyncio.StreamWriter) -> None:
    """Frame after frame, and no answer taken."""
    cast("asyncio.ReadTransport", writer.transport).pause_reading()
    while True:
        writer.write(frame(1) * 50)
        await writer.drain()


async def say(writer: asyncio.StreamWriter, content: bytes) -> None:
    """Say it, and wait."""
    writer.write(content)
    await asyncio.sleep(5)


@pytest.mark.parametrize(
    ("behave", "reason"),
    [
        (lambda writer: say(writer, b""), "no_frame"),
        (lambda writer: say(writer, frame(1)), "idle"),
        (lambda writer: say(writer, frame(1) + b"##01"), "slow"),
        (drip, "no_frame"),
        (lambda writer: say(writer, b"GET / HTTP/1.1\r\n" * 20), "noise"),
        (lambda writer: say(writer, (frame(1)[:-6] + b"0000\r\n") * 5), "damaged"),
        (lambda writer: say(writer, b"#" * 20_000), "endless"),
        (never_read, "slow"),
    ],
)
def test_who_misbehaves_is_sent_away(behave: Callable[[asyncio.StreamWriter], Awaitable[None]], reason: str) -> None:
    """Each for its own reason, within its time."""

    async def run() -> str:
        log = FakeLog()
        log.open.set()
        async with served(log) as ((_, writer), ended):
            behaving = asyncio.ensure_future(behave(writer))
            async with asyncio.timeout(5):
                why = await ended
            behaving.cancel()
            await asyncio.gather(behaving, return_exceptions=True)
            return why

    assert asyncio.run(run()) == reason
