"""The published packets beside the project: their frames, verdicts and notes."""

import re
from dataclasses import dataclass

from tests.real_data import shared


@dataclass(frozen=True)
class Published:
    """A packet of the file: its number, the frame with CR LF, FRAME_OK or what is wrong, origin and note."""

    number: int
    frame: bytes
    verdict: str
    origin: str

    @property
    def is_sound(self) -> bool:
        """Whether length and CRC are right."""
        return self.verdict == "FRAME_OK"


def published() -> list[Published]:
    """All of them; the test is skipped where the file is absent."""
    text = shared("hj212/packets.txt").read_text("utf-8")
    blocks = re.findall(r"^#(\d\d) \| ([^|\n]+?) \| (.+)\n(##.+)$", text, re.MULTILINE)
    return [
        Published(int(number), frame.encode() + b"\r\n", verdict, origin) for number, verdict, origin, frame in blocks
    ]
