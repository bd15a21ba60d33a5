"""What commands print (打印): rows as a grid, and uploaded texts made safe for a terminal."""

import sys
from collections.abc import Mapping, Sequence
from typing import Any, Final

from rich.console import Console
from rich.table import Table

PIPED_WIDTH: Final = 300


def screen(*, markup: bool = True) -> Console:
    """Standard output. Piped, tables keep their columns: an operator greps them."""
    width = None if sys.stdout.isatty() else PIPED_WIDTH
    return Console(width=width, soft_wrap=True, highlight=False, markup=markup)


def grid(rows: Sequence[Mapping[str, Any]], title: str | None = None) -> Table:
    """A table of rows that all have the same keys; there must be one at least. Lists are parted by commas."""
    table = Table(*rows[0], box=None, pad_edge=False, title=title, title_justify="left")
    for row in rows:
        table.add_row(*(_cell(value) for value in row.values()))
    return table


def printable(text: str) -> str:
    """An uploaded text without control characters."""
    return "".join(char for char in text if char.isprintable())


def _cell(value: object) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list) else "" if value is None else str(value)
