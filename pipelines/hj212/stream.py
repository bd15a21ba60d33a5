"""Frames out of a stream of bytes (粘包与断包), whatever stands between them.

A frame ends with CR LF, and its data hold none. So a lying length, a lost end or noise spoil what stands on one line,
and never the line behind it; a sound frame is found also where something else precedes it on its line.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final, Literal

from pipelines.hj212.frame import END, FRAME_READ, MalformedError, parse_frame

_BEGIN: Final = re.compile(rb"##(?=[0-9]{4})")


# Beginnings of a frame on one line that are tried besides the first: hostile lines have thousands.
_TRIED: Final = 3


@dataclass(frozen=True, slots=True)
class Found:
    """A line of the stream, or a part of one. frame: length and CRC are right; damaged: it begins as a frame does."""

    content: bytes
    kind: Literal["frame", "damaged", "noise"]


class EndlessError(ValueError):
    """More bytes than the longest frame, and no CR LF among them."""


@dataclass
class Splitter:
    """What one connection has sent and not ended yet."""

    longest: int = FRAME_READ
    _rest: bytearray = field(default_factory=bytearray)

    @property
    def is_between_frames(self) -> bool:
        """Whether all that came has ended."""
        return not self._rest

    def feed(self, received: bytes) -> Iterator[Found]:
        """Every line that these bytes end. EndlessError where what is left is longer than any frame."""
        looked = max(len(self._rest) - 1, 0)
        self._rest += received
        while (at := self._rest.find(END, looked)) >= 0:
            line = bytes(self._rest[: at + len(END)])
            del self._rest[: len(line)]
            looked = 0
            yield from _of_line(line)
        if len(self._rest) > self.longest:
            raise EndlessError(f"{len(self._rest)} bytes without CR LF, at most {self.longest} make a frame")


def _of_line(line: bytes) -> Iterator[Found]:
    begins = [match.start() for match in _BEGIN.finditer(line)]
    sound = next((at for at in (*begins[:1], *begins[1:][-_TRIED:]) if _is_sound(line[at:])), None)
    before = line[:sound]
    if before.strip():
        yield Found(before, "damaged" if begins and begins[0] < len(before) else "noise")
    if sound is not None:
        yield Found(line[sound:], "frame")


def _is_sound(frame: bytes) -> bool:
    try:
        parse_frame(frame)
    except MalformedError:
        return False
    return True
