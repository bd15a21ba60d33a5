"""Which broker leads the controllers (控制器): Kafka's DescribeQuorum, which no client library at hand asks."""

import socket
import struct
from typing import Final

DESCRIBE_QUORUM: Final = 55
# Request header 2 (correlation 1, no client id, no tags); one topic, __cluster_metadata, and its partition 0.
METADATA_TOPIC: Final = b"__cluster_metadata"
REQUEST: Final = (
    struct.pack(">hhih", DESCRIBE_QUORUM, 0, 1, -1)
    + b"\0"
    + bytes([2, len(METADATA_TOPIC) + 1])
    + METADATA_TOPIC
    + bytes([2])
    + struct.pack(">i", 0)
    + b"\0\0\0"
)


def leader(server: str) -> int:
    """Number of the broker that is the active controller, asked of any broker; OSError where it does not answer."""
    host, _, port = server.rpartition(":")
    with socket.create_connection((host, int(port)), timeout=10) as link:
        link.sendall(struct.pack(">i", len(REQUEST)) + REQUEST)
        answer = link.makefile("rb")
        body = answer.read(struct.unpack(">i", answer.read(4))[0])
    # Correlation, tags, error, one topic with its name, one partition: number, error, leader.
    at = 4 + 1 + 2 + 1 + 1 + len(METADATA_TOPIC) + 1
    number, error, found = struct.unpack_from(">ihi", body, at)
    if error or number:
        raise OSError(f"the controllers of {server} answer with error {error}")
    return int(found)
