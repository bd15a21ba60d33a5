"""Rounding by GB/T 8170 (数值修约): ties to even, once, at the end."""

from decimal import ROUND_HALF_EVEN, Decimal

SIGNIFICANT = 13
"""Digits of a float that can carry a measurement. What follows is noise of the sums (a mean of 0.1 and 0.2 is
0.15000000000000002), and would hide that a value lies exactly between two others."""


def rounded(value: float, digits: int = 0) -> Decimal:
    """`value` to `digits` decimals, ties to even: 0.125 -> 0.12, 2.5 -> 2, 2.665 -> 2.66, as printed."""
    return Decimal(f"{value:.{SIGNIFICANT}g}").quantize(Decimal(1).scaleb(-digits), ROUND_HALF_EVEN)


def rounded_text(value: float | None, digits: int = 0, absent: str = "") -> str:
    """`value` as text with exactly `digits` decimals; `absent` where nothing was measured."""
    return absent if value is None else f"{rounded(value, digits):f}"
