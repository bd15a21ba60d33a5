"""Rounding by GB/T 8170."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.rounding import rounded, rounded_text


@pytest.mark.parametrize(
    ("value", "digits", "expected"),
    [
        (2.5, 0, "2"),
        (3.5, 0, "4"),
        (-2.5, 0, "-2"),
        (0.125, 2, "0.12"),
        (2.675, 2, "2.68"),
        (0.285, 2, "0.28"),
        (7, 1, "7.0"),
    ],
)
def test_ties_go_to_the_even_digit(value: float, digits: int, expected: str) -> None:
    """A tie is what is printed as one: 2.675 is stored a little below, and is a tie all the same."""
    assert rounded_text(value, digits) == expected


def test_noise_of_sums_does_not_hide_a_tie() -> None:
    """The mean of 0.1 and 0.2 is stored as 0.15000000000000002: it is a tie all the same."""
    assert rounded((0.1 + 0.2) / 2, 1) == Decimal("0.2")
    assert rounded((0.1 + 0.2 + 0.45) / 3, 1) == Decimal("0.2")


def test_what_was_not_measured_stays_empty() -> None:
    """Null is never a number."""
    assert rounded_text(None) == ""
    assert rounded_text(None, 1, "–") == "–"


@given(st.integers(-(10**8), 10**8), st.integers(0, 4))
def test_whole_numbers_and_halves_agree_with_decimal(number: int, digits: int) -> None:
    """Every exact tie goes the way of decimal arithmetic, and rounding twice changes nothing."""
    tie = (Decimal(number) + Decimal("0.5")).scaleb(-digits)
    once = rounded(float(tie), digits)
    assert once == round(tie, digits)
    assert rounded(float(once), digits) == once
