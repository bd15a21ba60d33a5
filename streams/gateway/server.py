"""The ports of the gateway (网关服务): who may connect, and the orderly end."""

from __future__ import annotations

import asyncio
import signal
import socket
from collections import Counter
from collections.abc import Mapping
from contextlib import suppress
from typing import Final

import structlog

from streams.described import described
from streams.gateway import counts
from streams.gateway.connection import Connection, End
from streams.gateway.limits import Limits
from streams.gateway.log import Log
from streams.gateway.parts import Parts, kept_parts

log = structlog.get_logger(__name__)

BACKLOG: Final = 1024
UNREAD_BYTES: Final = 8192
LAST_S: Final = 10.0
TOO_MANY: Final = "too_many"
ERROR: Final = "error"
ORDERLY: Final = (End.CLOSED, End.IDLE)


def listening(host: str, port: int) -> socket.socket:
    """A listening socket. What its connections send waits in small buffers: who reads no answers is noticed soon."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    found = socket.create_server((host, port), family=family, backlog=BACKLOG)
    found.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, UNREAD_BYTES)  # its connections inherit it
    return found


class Gateway:
    """Serves one port for each raw topic."""

    def __init__(self, bootstrap_servers: str, kafka: Log, limits: Limits) -> None:
        self._servers = bootstrap_servers
        self._log, self._limits = kafka, limits
        self._parts = Parts()
        self._addresses: Counter[str] = Counter()
        self._connections: set[asyncio.Task[object]] = set()

    async def run(self, host: str, ports: Mapping[str, int]) -> None:
        """Serve until SIGTERM or SIGINT; `ports`: raw topic → port. OSError where one is taken."""
        for topic, packet, frame, kept_at in await asyncio.to_thread(lambda: list(kept_parts(self._servers))):
            self._parts.put(topic, packet, frame, kept_at)
        await self._log.start()
        stopping = asyncio.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, stopping.set)
        servers = [await self._listen(host, port, topic) for topic, port in ports.items()]
        log.info("listening", host=host, ports=dict(ports))
        await stopping.wait()
        for server in servers:
            server.close()
        for task in self._connections:
            task.cancel()
        if self._connections:
            await asyncio.wait(self._connections, timeout=LAST_S)
        with suppress(TimeoutError):
            async with asyncio.timeout(LAST_S):
                await self._log.stop()

    async def _listen(self, host: str, port: int, topic: str) -> asyncio.Server:
        counts.expect(topic)

        async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await self.serve(topic, reader, writer)

        return await asyncio.start_server(connected, sock=listening(host, port), backlog=BACKLOG)

    async def serve(self, topic: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve one connection to its end, if there is room for it."""
        address = str((writer.get_extra_info("peername") or ["unknown"])[0])
        if len(self._connections) >= self._limits.connections or self._addresses[address] >= self._limits.per_address:
            writer.transport.abort()
            self._ended(topic, address, TOO_MANY)
            return
        task = asyncio.current_task()
        assert task is not None
        self._connections.add(task)
        self._addresses[address] += 1
        counts.connections.labels(topic).inc()
        try:
            end: str = await Connection(reader, writer, topic, self._log, self._parts, self._limits).run()
        except Exception as error:  # noqa: BLE001 (no client's bytes may end the others; unanswered, he sends again)
            log.error("a connection failed", topic=topic, error=described(error))
            end = ERROR
        finally:
            self._connections.discard(task)
            self._addresses[address] -= 1
            if not self._addresses[address]:
                del self._addresses[address]
            counts.connections.labels(topic).dec()
        self._ended(topic, address, end)

    def _ended(self, topic: str, address: str, reason: str) -> None:
        counts.closed.labels(topic, reason).inc()
        if reason not in ORDERLY:
            log.warning("connection ended", topic=topic, address=address, reason=reason)
