"""A view as plain data, for a template in another language than Python and for `--json`."""

from dataclasses import fields, is_dataclass
from typing import Any

import polars as pl

from reports.model import Listing
from reports.words import Text, words


def plain(value: Any) -> Any:
    """Dictionaries, lists and scalars, texts in Chinese; of a listing only what a page shows."""
    if isinstance(value, Text):
        return value.zh
    if isinstance(value, Listing):
        text = words()["more"].filled(shown=value.shown, total=len(value.rows)).zh
        return {"rows": plain(value.first), "more": value.more, "more_text": text}
    if is_dataclass(value):
        return {field.name: plain(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, dict):
        return {key: plain(entry) for key, entry in value.items()}
    if isinstance(value, pl.DataFrame):
        return value.height
    if isinstance(value, tuple):
        return [plain(entry) for entry in value]
    return value
