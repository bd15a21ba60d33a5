"""A packet (数据段): header fields, then the CP of items, each of one or more name=value (HJ 212-2017, tables 3 and 4).

Order, spelling and blanks stay as they came, so that a packet builds the very segment it was read from.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import Final

from pipelines.hj212.flags import Flag, read_flag
from pipelines.hj212.frame import MalformedError, build_frame, parse_frame

CP: Final = "CP="
FENCE: Final = "&&"
HEADER: Final = ("QN", "ST", "CN", "PW", "MN", "Flag", "PNUM", "PNO")

Pair = tuple[str, str]
Item = tuple[Pair, ...]


@dataclass(frozen=True)
class Packet:
    """`header` in its order without CP; `items` of the CP, an empty one where two separators meet."""

    header: Item
    items: tuple[Item, ...] = ()

    @cached_property
    def fields(self) -> dict[str, str]:
        """The header by name; of a name that stands twice the first."""
        return _by_name(self.header)

    @cached_property
    def values(self) -> dict[str, str]:
        """The CP by name, blanks around names and values removed; of a name that stands twice the first."""
        return _by_name((name.strip(), value.strip()) for item in self.items for name, value in item)

    @property
    def command(self) -> str:
        """CN (命令编码); empty where the packet has none."""
        return self.fields.get("CN", "")

    @property
    def device(self) -> str:
        """MN (设备唯一标识); empty where the packet has none."""
        return self.fields.get("MN", "")

    @cached_property
    def flag(self) -> Flag:
        """Version, split mark and wish for an answer. MalformedError where Flag is no number from 0 to 255."""
        return read_flag(self.fields.get("Flag"))

    @cached_property
    def part(self) -> tuple[int, int]:
        """(PNO, PNUM): which of how many packets this one is; (1, 1) for a whole one. MalformedError.

        The numbers count and not Flag's bit, which many devices set on whole packets.
        """
        number, count = self.fields.get("PNO"), self.fields.get("PNUM")
        if number is None and count is None:
            return 1, 1
        if not (_is_count(number) and _is_count(count) and 1 <= int(number or 0) <= int(count or 0)):
            remedy = "Send PNUM, how many packets there are, and PNO, which one this is, from 1 on; or neither."
            raise MalformedError("PNO", "PNUM and PNO are not the count and a number within it", remedy)
        return int(number or 0), int(count or 0)


def parse(frame: bytes) -> Packet:
    """The packet of one whole frame. MalformedError."""
    return parse_packet(parse_frame(frame))


def device_key(frame: bytes) -> bytes | None:
    """The device's identifier as Kafka's key of its frames; None where the frame does not tell it."""
    try:
        return parse(frame).device.encode() or None
    except MalformedError:
        return None


def build(packet: Packet) -> bytes:
    """The frame of a packet; ValueError where it is too long to send."""
    return build_frame(build_packet(packet))


def parse_packet(segment: bytes) -> Packet:
    """The packet of a data segment. MalformedError."""
    try:
        text = segment.decode("utf-8")
    except UnicodeDecodeError as error:
        place = f"byte {error.start} of the data segment is not UTF-8"
        raise MalformedError("encoding", place, "Send ASCII, and Chinese text as UTF-8.") from error
    head, fence, body = text.partition(CP + FENCE)
    if not fence or not body.endswith(FENCE) or (head and not head.endswith(";")):
        raise MalformedError("CP", "no CP=&&…&& ends the data segment", "Put the data into ;CP=&&…&&, empty: ;CP=&&&&.")
    content = body.removesuffix(FENCE)
    if FENCE in content:
        raise MalformedError("CP", "a third && stands inside of CP", "Keep && for the two ends of CP.")
    header = tuple(_pair(text, f"field {n} of the header") for n, text in enumerate(head.split(";")[:-1], 1))
    items = tuple(_item(text, n) for n, text in enumerate(content.split(";"), 1)) if content else ()
    return Packet(header, items)


def build_packet(packet: Packet) -> bytes:
    """The data segment of a packet."""
    head = "".join(f"{name}={value};" for name, value in packet.header)
    items = ";".join(",".join(f"{name}={value}" for name, value in item) for item in packet.items)
    return f"{head}{CP}{FENCE}{items}{FENCE}".encode()


def _item(text: str, number: int) -> Item:
    return tuple(_pair(pair, f"item {number} of CP") for pair in text.split(",")) if text else ()


def _pair(text: str, place: str) -> Pair:
    name, equals, value = text.partition("=")
    if not equals:
        raise MalformedError("CP" if "CP" in place else "header", f"{place} has no =", "Write name=value everywhere.")
    return name, value


def _by_name(pairs: Iterable[Pair]) -> dict[str, str]:
    found: dict[str, str] = {}
    for name, value in pairs:
        found.setdefault(name, value)
    return found


def _is_count(text: str | None) -> bool:
    return text is not None and text.isascii() and text.isdigit() and len(text) <= 4
