"""Unit conversions, reduced at compile time to value * factor + offset."""

from dataclasses import dataclass
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pint


@dataclass(frozen=True)
class Linear:
    """A conversion as `value * factor + offset`."""

    factor: float
    offset: float


class UnitError(ValueError):
    """A unit is unknown, or cannot be turned into the wanted one."""


@cache
def _registry(definitions: str) -> "pint.UnitRegistry[Decimal]":
    import pint  # a tenth of a start: only where a mapping is compiled

    registry: pint.UnitRegistry[Decimal] = pint.UnitRegistry(non_int_type=Decimal)
    registry.load_definitions(definitions.splitlines())
    return registry


def conversion(definitions: Path, source: str, target: str) -> Linear:
    """How values in `source` become values in `target`. Decimal arithmetic: 1000 is 1000, not 999.9999999999999."""
    from pint import PintError

    registry = _registry(definitions.read_text("utf-8"))
    try:
        zero = registry.Quantity(Decimal(0), source).to(target).magnitude
        one = registry.Quantity(Decimal(1), source).to(target).magnitude
    except (PintError, ValueError, TypeError, AttributeError) as error:
        raise UnitError(str(error)) from error
    return Linear(factor=float(one - zero), offset=float(zero))
