"""A frame (通讯包): `##`, four digits of length, the data, four hex digits of CRC, CR LF (HJ 212-2017, 6.3.1)."""

import re
from collections.abc import Iterator
from typing import Final

from pipelines.faults import Fault
from pipelines.hj212.crc import crc16, mistaken_for

BEGIN: Final = b"##"
END: Final = b"\r\n"
HEAD_BYTES: Final = 6
TAIL_BYTES: Final = 6
# The standard allows 1024 bytes of data. Devices send more, and four digits can say so much.
SEGMENT_SENT: Final = 1024
SEGMENT_READ: Final = 9999
FRAME_READ: Final = HEAD_BYTES + SEGMENT_READ + TAIL_BYTES

_LENGTH: Final = re.compile(rb"[0-9]{4}")
_CRC: Final = re.compile(rb"[0-9A-Fa-f]{4}")


class MalformedError(ValueError):
    """Bytes that do not follow the standard; `fault` says where, and what to do."""

    def __init__(self, field: str, detail: str, remedy: str, reason: str = "undecodable") -> None:
        super().__init__(f"{field}: {detail}")
        self.fault = Fault(reason, field, detail, remedy)


def parse_frame(frame: bytes) -> bytes:
    """The data segment of one whole frame; a CRC in lower case is accepted. MalformedError otherwise."""
    if not frame.startswith(BEGIN):
        detail = f"{len(frame)} bytes beginning with 0x{frame[:2].hex()}"
        raise MalformedError("##", detail, "Begin each frame with ##, as bytes 0x2323.", "unframed")
    if not frame.endswith(END):
        raise MalformedError("CR LF", f"{len(frame)} bytes that do not end with CR LF", "End each frame with CR LF.")
    if not _LENGTH.fullmatch(frame[2:HEAD_BYTES]):
        remedy = "Send the number of bytes of the data segment as four decimal digits, 0239 for 239."
        raise MalformedError("length", "the four bytes after ## are not four digits", remedy)
    said, segment = int(frame[2:HEAD_BYTES]), frame[HEAD_BYTES:-TAIL_BYTES]
    if len(frame) < HEAD_BYTES + TAIL_BYTES or said != len(segment):
        detail = f"the length says {said}, the data segment has {max(len(frame) - HEAD_BYTES - TAIL_BYTES, 0)} bytes"
        raise MalformedError("length", detail, "Count the bytes, not the characters, from QN to the last &&.")
    _check_crc(segment, frame[-TAIL_BYTES : -len(END)])
    return segment


def build_frame(segment: bytes) -> bytes:
    """The frame of a data segment; ValueError where it is longer than the standard allows to send."""
    if len(segment) > SEGMENT_SENT:
        raise ValueError(f"{len(segment)} bytes of data, at most {SEGMENT_SENT} fit into one frame")
    return b"##%04d%b%04X\r\n" % (len(segment), segment, crc16(segment))


def split_frames(value: bytes) -> Iterator[bytes]:
    """The frames that stand one behind the other in `value`, each cut where its CR LF says; at least one."""
    *whole, rest = value.split(END)
    yield from (frame + END for frame in whole)
    if rest or not whole:
        yield rest


def _check_crc(segment: bytes, sent: bytes) -> None:
    remedy = "Compute the sum as HJ 212-2017 annex A has it, over the data segment, and send its high byte first."
    if not _CRC.fullmatch(sent):
        raise MalformedError("CRC", "the four bytes before CR LF are not four hex digits", remedy)
    if int(sent, 16) != crc16(segment):
        known = mistaken_for(segment, int(sent, 16))
        said = sent.decode().upper()
        detail = f"the frame says {said}, its data segment gives {crc16(segment):04X}"
        raise MalformedError("CRC", f"{detail}; {said} is {known}" if known else detail, remedy)
