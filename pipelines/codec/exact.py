"""Which bodies are the exact Avro encoding of a flat record (逐字节核对): all are walked at once, field by field.

Exact: every union index is 0 or 1, every number takes as few bytes as it can and fits its type, a boolean is 0 or 1,
and the last field ends where the body ends. Whether a text is UTF-8 is not judged here.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray

from pipelines.codec.varints import Flags, Places, read_numbers

if TYPE_CHECKING:
    from pipelines.codec.block import FlatField

WIDTHS: Final = {"float": 4, "double": 8}
PRESENT: Final = 2  # the union index 1, as zigzag leaves it


class Walk:
    """A place in each body, moved on over one field of all bodies at a time; `sound` where nothing was wrong so far."""

    def __init__(self, bodies: Sequence[bytes]) -> None:
        """Places at the bodies' beginnings."""
        lengths = np.fromiter(map(len, bodies), dtype=np.int64, count=len(bodies))
        self._content = np.frombuffer(b"".join((*bodies, b"\0")), dtype=np.uint8)
        self._ends = np.cumsum(lengths)
        self._at = self._ends - lengths
        self.sound = np.ones(len(bodies), dtype=np.bool_)

    def over(self, field: "FlatField") -> None:
        """Move over a field; a body that ends in it, or says what is no exact encoding, is not sound."""
        present = self._present() if field.nullable else None
        if field.type in WIDTHS:
            steps: Places | int = WIDTHS[field.type]
        elif field.type == "boolean":
            self._require(self._content[self._at] <= 1, present)
            steps = 1
        else:
            steps, number = self._number(present)
            if field.type == "int":
                self._require(number >> 32 == 0, present)
            if field.type == "string":
                self._require(number & 1 == 0, present)  # zigzag: a length below 0 is odd
                steps += np.minimum(number >> 1, len(self._content)).astype(np.int64)
        self._advance(steps if present is None else np.where(present, steps, 0))

    def end(self) -> Flags:
        """Where the body was sound, and ends here."""
        ended: Flags = self._at == self._ends
        return self.sound & ended

    def _present(self) -> Flags | None:
        """Move over the union index; None where all say that a value follows."""
        index = self._content[self._at]
        present: Flags = index == PRESENT
        self._advance(1)
        if present.all():
            return None
        self.sound &= present | (index == 0)
        return present

    def _number(self, present: Flags | None) -> tuple[Places, NDArray[np.uint64]]:
        """Bytes and value (zigzag) of the variable-length number in each body."""
        sizes, number, exact = read_numbers(self._content, self._at)
        self._require(exact, present)
        return sizes, number

    def _require(self, holds: Flags, present: Flags | None) -> None:
        self.sound &= holds if present is None else holds | ~present

    def _advance(self, steps: Places | int) -> None:
        """Never beyond the body's end: a body that would go there is not sound."""
        at = self._at + steps
        self.sound &= at <= self._ends
        self._at = np.minimum(at, self._ends)


def are_exact(bodies: Sequence[bytes], fields: "Sequence[FlatField]") -> Flags:
    """Whether each body is the exact encoding of the fields."""
    walk = Walk(bodies)
    for field in fields:
        walk.over(field)
    return walk.end()
