"""Ports of the loopback address (端口)."""

import random
import socket
from contextlib import ExitStack, suppress
from typing import Final

import psutil

from infra.errors import StackError

LOOPBACK = "127.0.0.1"
LISTENED_ON: Final = range(10_000, 32_768)
"""Below what Linux and others give to outgoing connections. Who asks again and again for a port of those, where nobody
listens yet, is given it as his own one day, and keeps from it whom he waits for: brokers of one cluster did."""


def free_ports(count: int) -> list[int]:
    """Different ports that nobody has now and no outgoing connection gets."""
    found: list[int] = []
    with ExitStack() as held:
        while len(found) < count:
            port = random.choice(LISTENED_ON)
            with suppress(OSError):
                held.enter_context(socket.socket()).bind((LOOPBACK, port))
                found.append(port)
    return found


def need_free(port: int, setting: str) -> None:
    """Raise StackError when somebody listens on the port; setting is the variable that changes it."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except OSError as error:
            raise StackError(
                f"Port {port} is taken{_by_whom(port)}.", f"End that program, or set {setting} to another port."
            ) from error


def answers(port: int) -> bool:
    """Whether somebody accepts connections on the port."""
    with socket.socket() as probe:
        probe.settimeout(1.0)
        return probe.connect_ex((LOOPBACK, port)) == 0


def _by_whom(port: int) -> str:
    for connection in psutil.net_connections("tcp"):
        if connection.status == psutil.CONN_LISTEN and connection.laddr.port == port and connection.pid:
            return f" by process {connection.pid} ({psutil.Process(connection.pid).name()})"
    return ""
