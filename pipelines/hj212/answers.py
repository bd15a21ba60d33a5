"""Answers to a packet (应答), as annex C of HJ 212-2017 has them: with the packet's QN, PW and MN, and ST 91."""

from typing import Final

from pipelines.hj212.flags import Flag
from pipelines.hj212.packet import Item, Packet

SYSTEM: Final = "91"

# Results of a request (表 6 执行结果 and 表 7 请求返回) as the standard numbers them.
READY: Final = 1
REFUSED: Final = 2
BAD_PASSWORD: Final = 3
BAD_MN: Final = 4
BAD_ST: Final = 5
BAD_FLAG: Final = 6
BAD_QN: Final = 7
BAD_CN: Final = 8
BAD_CRC: Final = 9
UNKNOWN: Final = 100


def request_answer(packet: Packet, result: int) -> Packet:
    """9011: whether a request will be carried out; READY, REFUSED, …"""
    return _answer(packet, "9011", ((("QnRtn", str(result)),),))


def execution_result(packet: Packet, result: int) -> Packet:
    """9012: what came of it; 1 done, 2 failed, 3 wrong condition, 4 timed out, 5 busy, 6 fault, 100 no data."""
    return _answer(packet, "9012", ((("ExeRtn", str(result)),),))


def notice_answer(packet: Packet) -> Packet:
    """9013: a notice has arrived."""
    return _answer(packet, "9013")


def data_answer(packet: Packet) -> Packet:
    """9014: an upload is in safe hands."""
    return _answer(packet, "9014")


def _answer(packet: Packet, command: str, items: tuple[Item, ...] = ()) -> Packet:
    flag = str(Flag(packet.flag.version).number)
    said = {**packet.fields, "ST": SYSTEM, "CN": command, "Flag": flag}
    return Packet(tuple((name, said[name]) for name in ("QN", "ST", "CN", "PW", "MN", "Flag") if name in said), items)
