"""Flag (拆分包及应答标志): six bits of version, D for packet numbers, A for an answer wanted (HJ 212-2017, table 3)."""

from dataclasses import dataclass

from pipelines.hj212.frame import MalformedError


@dataclass(frozen=True)
class Flag:
    """The three meanings of the byte.

    version, 0 to 63: 0 is HJ/T 212-2005, 1 is HJ 212-2017; 2 is what implementers of HJ 212-2025 send, whose text was
    not readable.
    """

    version: int = 0
    split: bool = False
    answer: bool = False

    @property
    def number(self) -> int:
        """As the packet says it, 0 to 255."""
        return self.version << 2 | self.split << 1 | self.answer


def read_flag(text: str | None) -> Flag:
    """Flag's meaning; where there is none the packet is of 2005 and wants no answer. MalformedError."""
    if text is None:
        return Flag()
    if not (text.isascii() and text.isdigit() and len(text) <= 3 and int(text) < 256):
        remedy = "Send a decimal number, 4 for HJ 212-2017, 5 where an answer is wanted."
        raise MalformedError("Flag", "Flag is no number from 0 to 255", remedy, "bad_number")
    number = int(text)
    return Flag(number >> 2, bool(number & 2), bool(number & 1))
