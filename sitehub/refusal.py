"""What is wrong with a command line, said on standard error, and exit 2 (拒绝执行)."""

import sys
from typing import TYPE_CHECKING, NoReturn

if TYPE_CHECKING:
    from pipelines.catalog import Catalog


def refuse(message: str) -> NoReturn:
    """Say what is wrong with the command line and end with exit 2."""
    from rich.console import Console
    from rich.text import Text

    Console(stderr=True, highlight=False, soft_wrap=True).print(Text(message, "red"))
    sys.exit(2)


def need_feed(province: str | None, catalog: "Catalog", place: str = "--province") -> None:
    """Refuse a province that the catalog has no feed of; `place` says where it was named."""
    if province is not None and province not in catalog.provinces:
        refuse(f"{place}: {province!r} is no feed; choose one of {', '.join(catalog.provinces)}")
