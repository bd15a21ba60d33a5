"""Split packets (拆分包): parts of one upload belong together by MN, CN, DataTime and PNUM.

Not by QN: each part may have its own (HJ 212-2017, tables C.49 and C.50).
"""

from collections.abc import Sequence
from dataclasses import replace

from pipelines.hj212.frame import MalformedError
from pipelines.hj212.packet import Packet

Key = tuple[str, str, str, int]


def key_of(packet: Packet) -> Key:
    """What the parts of one upload have in common. MalformedError."""
    return packet.device, packet.command, packet.values.get("DataTime", ""), packet.part[1]


def join(packets: Sequence[Packet]) -> Packet:
    """One packet of all parts of an upload, whatever their order; MalformedError where they are not just those.

    The header is the first part's, without numbers; what the parts repeat of the CP (DataTime) stands once.
    """
    parts = {packet.part[0]: packet for packet in packets}
    count = packets[0].part[1]
    if len({key_of(packet) for packet in packets}) > 1 or len(packets) != len(parts) or len(parts) != count:
        numbers = ", ".join(str(packet.part[0]) for packet in packets)
        remedy = "Send split packets through the hub's gateway, or all parts of one upload in one record."
        raise MalformedError("PNO", f"not the {count} parts of one upload, but {numbers}", remedy)
    if count == 1:
        return packets[0]
    ordered = [parts[number] for number in sorted(parts)]
    header = tuple(pair for pair in ordered[0].header if pair[0] not in ("PNUM", "PNO"))
    items = dict.fromkeys(item for part in ordered for item in part.items)
    return replace(ordered[0], header=header, items=tuple(items))
