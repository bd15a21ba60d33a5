"""Partition of a key as the Java client computes it, so that any consumer can join topics by key."""

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

SEED: Final = 0x9747B28C
MULTIPLIER: Final = np.uint32(0x5BD1E995)
FOLD: Final = np.uint32(24)
SIGN: Final = np.uint32(0x7FFFFFFF)

Hashes = NDArray[np.uint32]


def partitions(keys: Sequence[bytes], count: int) -> NDArray[np.int64]:
    """Partition (0 … count-1) of each key: the hash without its sign bit, modulo the number of partitions."""
    return (murmur2(keys) & SIGN).astype(np.int64) % count


def murmur2(keys: Sequence[bytes]) -> Hashes:
    """MurmurHash2 (32 bits) of each key with the seed of org.apache.kafka.common.utils.Utils.murmur2."""
    lengths = np.fromiter(map(len, keys), dtype=np.int64, count=len(keys))
    hashes = np.empty(len(keys), dtype=np.uint32)
    for length in np.unique(lengths):
        alike = np.flatnonzero(lengths == length)
        content = b"".join(keys[at] for at in alike.tolist())
        hashes[alike] = _of_one_length(np.frombuffer(content, dtype=np.uint8).reshape(len(alike), length))
    return hashes


def _of_one_length(keys: NDArray[np.uint8]) -> Hashes:
    """Hashes of keys laid as rows. The arithmetic of 32 bits wraps, as Java's does."""
    count, length = keys.shape
    whole = length & ~3
    words = np.ascontiguousarray(keys[:, :whole]).view("<u4")
    value: Hashes = np.full(count, SEED ^ length, dtype=np.uint32)
    for at in range(whole // 4):
        word = words[:, at] * MULTIPLIER
        word = (word ^ word >> FOLD) * MULTIPLIER
        value = value * MULTIPLIER ^ word
    if whole < length:
        for at in range(whole, length):
            value ^= keys[:, at].astype(np.uint32) << np.uint32(8 * (at - whole))
        value = value * MULTIPLIER
    value = (value ^ value >> np.uint32(13)) * MULTIPLIER
    return value ^ value >> np.uint32(15)
