"""Answers to a packet (应答), as annex C of HJ 212-2017 has them: with the packet's QN, PW and MN, and ST 91.

9011 and 9012 are what devices answer to requests, and the hub asks them for nothing.
"""

from typing import Final

from pipelines.hj212.flags import Flag
from pipelines.hj212.packet import Packet

SYSTEM: Final = "91"


def notice_answer(packet: Packet) -> Packet:
    """9013: a notice has arrived."""
    return _answer(packet, "9013")


def data_answer(packet: Packet) -> Packet:
    """9014: an upload is in safe hands."""
    return _answer(packet, "9014")


def _answer(packet: Packet, command: str) -> Packet:
    flag = str(Flag(packet.flag.version).number)
    said = {**packet.fields, "ST": SYSTEM, "CN": command, "Flag": flag}
    return Packet(tuple((name, said[name]) for name in ("QN", "ST", "CN", "PW", "MN", "Flag") if name in said))
