"""Variable-length numbers (变长整数) as Avro and Kafka write them, read at many places at once."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

Places = NDArray[np.int64]
Flags = NDArray[np.bool_]
Bytes = NDArray[np.uint8]

LONGEST: Final = 10  # bytes of a number of 64 bits; of the last one only the lowest bit is left


def read_numbers(content: Bytes, at: Places) -> tuple[Places, NDArray[np.uint64], Flags]:
    """Of the number at each place: its bytes, its value still in zigzag, and whether it has no byte too many.

    Places lie within the content. A number that the content's end cuts is none, or reads its last byte again.
    """
    byte = content[at]
    number = (byte & 0x7F).astype(np.uint64)
    sizes = np.ones(len(byte), dtype=np.int64)
    exact = np.ones(len(byte), dtype=np.bool_)
    longer = np.flatnonzero(byte > 0x7F)
    for size in range(1, LONGEST):
        if not len(longer):
            break
        byte = content[np.minimum(at[longer] + size, len(content) - 1)]
        number[longer] |= (byte & 0x7F).astype(np.uint64) << np.uint64(7 * size)
        sizes[longer] += 1
        exact[longer] = (byte != 0) if size < LONGEST - 1 else (byte == 1)
        longer = longer[byte > 0x7F]
    return sizes, number, exact


def signed(number: NDArray[np.uint64]) -> Places:
    """What zigzag stands for: 0, -1, 1, -2, …"""
    half: Places = (number >> np.uint64(1)).astype(np.int64)
    return half ^ -(number & np.uint64(1)).astype(np.int64)


def read_number(content: bytes, at: int) -> tuple[int, int]:
    """One number, and the place behind it. IndexError where the content ends in it."""
    value = shift = 0
    while True:
        byte = content[at]
        at += 1
        value |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:
            return (value >> 1) ^ -(value & 1), at
