"""The check sum of a frame (CRC 校验), HJ 212-2017 annex A, and those that are taken for it."""

from typing import Final

POLYNOMIAL: Final = 0xA001
START: Final = 0xFFFF


def _shifted(value: int) -> int:
    for _ in range(8):
        value = value >> 1 ^ (POLYNOMIAL if value & 1 else 0)
    return value


_TABLE: Final = tuple(map(_shifted, range(256)))


def crc16(segment: bytes) -> int:
    """The standard's sum of a data segment: the register's high byte is shifted down before the byte comes in."""
    register = START
    for byte in segment:
        register = _TABLE[register >> 8 ^ byte]
    return register


def modbus_crc16(segment: bytes) -> int:
    """CRC-16/MODBUS, which has the same polynomial and start: what many write who have not read annex A to its end."""
    register = START
    for byte in segment:
        register = register >> 8 ^ _TABLE[(register ^ byte) & 0xFF]
    return register


def swapped(crc: int) -> int:
    """The same sum with its bytes in the other order."""
    return crc >> 8 | (crc & 0xFF) << 8


def mistaken_for(segment: bytes, sent: int) -> str | None:
    """Which other sum of the segment was sent in place of the standard's, in words; None where it is none known."""
    modbus = modbus_crc16(segment)
    known = {
        swapped(crc16(segment)): "the standard's sum with its two bytes swapped",
        modbus: "CRC-16/MODBUS",
        swapped(modbus): "CRC-16/MODBUS with its two bytes swapped",
    }
    return known.get(sent)
