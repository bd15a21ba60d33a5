"""Quarantine records read back (隔离记录): their headers as columns."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import polars as pl

from store.lake import QUARANTINE_SCHEMA
from streams.records import Headers, Record

PREFIX: Final = "sitehub."
LAST: Final = "__connect.errors.exception.message"
NUMBERS: Final = ("source.partition", "source.offset", "received_at", "schema_id", "retries")


def told(record: Record) -> dict[str, str]:
    """What the hub's headers of a quarantine record say, without their prefix: 'reason', 'source.topic', …."""
    own = record.headers[: _own_headers(record)]
    return {name.removeprefix(PREFIX): (value or b"").decode() for name, value in own if name.startswith(PREFIX)}


def source_of(record: Record) -> tuple[str, int, int]:
    """Place of the upload that a quarantine record holds: topic, partition, offset."""
    said = told(record)
    return said["source.topic"], int(said["source.partition"]), int(said["source.offset"])


def original_headers(record: Record) -> Headers:
    """The headers that the upload itself came with, whatever they are called: they stand behind the hub's."""
    return record.headers[_own_headers(record) :]


def _own_headers(record: Record) -> int:
    return 1 + next(at for at, (name, _) in enumerate(record.headers) if name == LAST)


def rejected_frame(records: Sequence[Record]) -> pl.DataFrame:
    """Quarantine records as rows of the lake's quarantine table."""
    rows = [_row(told(record), record) for record in records]
    frame = pl.DataFrame(rows, schema={**QUARANTINE_SCHEMA, "received_at": pl.Int64()}, orient="row")
    return frame.cast({"received_at": QUARANTINE_SCHEMA["received_at"]})


def _row(said: dict[str, str], record: Record) -> dict[str, Any]:
    numbers = {name: int(said[name]) for name in NUMBERS if name in said}
    texts = {name: text for name, text in said.items() if name not in NUMBERS}
    flat = {name.replace(".", "_"): value for name, value in (texts | numbers).items()}
    return {name: flat.get(name) for name in QUARANTINE_SCHEMA} | {"key": record.key, "value": record.value}
