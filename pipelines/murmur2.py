"""Partition of a key as the Java client computes it, so that any consumer can join topics by key."""

from functools import lru_cache
from typing import Final

SEED: Final = 0x9747B28C
MULTIPLIER: Final = 0x5BD1E995
MASK: Final = 0xFFFFFFFF


@lru_cache(maxsize=1 << 17)
def murmur2(key: bytes) -> int:
    """MurmurHash2 (32 bits, unsigned) with the seed of org.apache.kafka.common.utils.Utils.murmur2.

    Devices upload again and again, hence the cache.
    """
    value = SEED ^ len(key)
    whole = len(key) & ~3
    for at in range(0, whole, 4):
        word = int.from_bytes(key[at : at + 4], "little") * MULTIPLIER & MASK
        word = (word ^ word >> 24) * MULTIPLIER & MASK
        value = value * MULTIPLIER & MASK ^ word
    if rest := key[whole:]:
        value = (value ^ int.from_bytes(rest, "little")) * MULTIPLIER & MASK
    value = (value ^ value >> 13) * MULTIPLIER & MASK
    return value ^ value >> 15


def partition(key: bytes, count: int) -> int:
    """Partition (0 … count-1) of a key: the hash without its sign bit, modulo the number of partitions."""
    return (murmur2(key) & 0x7FFFFFFF) % count
