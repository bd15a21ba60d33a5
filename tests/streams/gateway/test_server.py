"""Who is let in: so many at once, so many of one address."""

import asyncio
from typing import cast

import pytest

from streams.gateway.limits import Limits
from streams.gateway.log import Log
from streams.gateway.server import Gateway, listening
from tests.streams.gateway.test_connection import TOPIC, FakeLog, answers_in, frame


@pytest.mark.parametrize("limits", [Limits(connections=2), Limits(per_address=2)])
def test_beyond_the_limit_nobody_gets_in_until_somebody_leaves(limits: Limits) -> None:
    """The third is sent away at once; when one of the others has left there is room again."""

    async def run() -> None:
        log = FakeLog()
        log.open.set()
        gateway = Gateway("", cast("Log", log), limits)
        server = await asyncio.start_server(
            lambda reader, writer: gateway.serve(TOPIC, reader, writer), sock=listening("127.0.0.1", 0)
        )
        address = server.sockets[0].getsockname()[:2]
        peers = [await asyncio.open_connection(*address) for _ in range(2)]
        for reader, writer in peers:
            writer.write(frame(1))
            await answers_in(reader, 1)
        refused, _ = await asyncio.open_connection(*address)
        with pytest.raises((ConnectionError, asyncio.IncompleteReadError)):
            await refused.readexactly(1)
        peers[0][1].close()
        await asyncio.sleep(0.1)
        reader, writer = await asyncio.open_connection(*address)
        writer.write(frame(2))
        assert await answers_in(reader, 1) == ["2 9014"]
        for leaving in (peers[1][1], writer):
            leaving.close()
        server.close()
        await asyncio.sleep(0.1)

    asyncio.run(run())
