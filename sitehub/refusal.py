"""What is wrong with a command line, said on standard error, and exit 2 (拒绝执行)."""

import sys
from collections.abc import Collection
from datetime import date
from typing import NoReturn


def refuse(message: str) -> NoReturn:
    """Say what is wrong with the command line and end with exit 2."""
    from rich.console import Console
    from rich.text import Text

    Console(stderr=True, highlight=False, soft_wrap=True).print(Text(message, "red"))
    sys.exit(2)


def need_feed(province: str | None, feeds: Collection[str], place: str = "--province") -> None:
    """Refuse a province that is none of the feeds; `place` says where it was named."""
    if province is not None and province not in feeds:
        refuse(f"{place}: {province!r} is no feed; choose one of {', '.join(feeds)}")


def uncomputed(province: str, day: date) -> str:
    """What to do where a province and day have no figures, and when there will be none."""
    from pipelines.dust.readings import REPAIR

    return (
        f"run `sitehub materialise --province {province} --day {day}` first; "
        f"what came more than {REPAIR.days} days after the day makes none"
    )
