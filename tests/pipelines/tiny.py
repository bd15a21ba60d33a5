"""Small mappings for tests: one raw kind of an invented feed, compiled against the project's own catalog."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import polars as pl

from pipelines.catalog import Catalog, CompiledMapping
from pipelines.contract import TIMESTAMP
from pipelines.mapping.compile import compile_mapping
from pipelines.mapping.grammar import read_raw

CATALOG = Catalog.load()
RECEIVED = datetime(2026, 3, 3, 4, 0, tzinfo=UTC)
HEAD = """
kind: dust-reading
province: yunnan
provenance: assumed
source: invented
fields:
  device_code: {from: id, required: true}
"""
PLAIN = "  observed_at: {from: at, time: epoch_ms, required: true}\n  period: {const: minute}\n"


def write_kind(folder: Path, mapping: str, raw: dict[str, str]) -> Path:
    """Write raw/yunnan/dust-reading.avsc with nullable fields `raw` (name → Avro type) and its mapping."""
    place = folder / "raw" / "yunnan"
    place.mkdir(parents=True, exist_ok=True)
    fields = [
        {"name": name, "type": ["null", kind], "default": None, "zh": name, "doc": f"{name}."}
        for name, kind in {"id": "string", **raw}.items()
    ]
    schema = {"type": "record", "name": "DustReading", "namespace": "sitehub.raw.yunnan", "fields": fields}
    (place / "dust-reading.yaml").write_text(mapping, "utf-8")
    file = place / "dust-reading.avsc"
    file.write_text(json.dumps(schema), "utf-8")
    return file


def tiny(folder: Path, raw: dict[str, str], rules: str, *, plain: bool = True, more: str = "") -> CompiledMapping:
    """Compile a dust-reading mapping with these raw fields and rules; `plain` adds an epoch time and a period."""
    mapping = HEAD + (PLAIN if plain else "") + rules + more
    file = write_kind(folder, mapping, {"at": "long", **raw} if plain else raw)
    units = CATALOG.root / "units.txt"
    return compile_mapping(read_raw(file), CATALOG.canonical["dust-reading"], CATALOG.codes, units)


def uploads(raw: dict[str, str], rows: list[dict[str, Any]], received: datetime = RECEIVED) -> pl.DataFrame:
    """A frame of decoded uploads as `tiny` reads them: device d, observed at receipt, unless a row says otherwise."""
    types = {"id": pl.String, "at": pl.Int64} | {name: _DTYPES[kind] for name, kind in raw.items()}
    usual = {"id": "d", "at": int(received.timestamp() * 1000)}
    frame = pl.DataFrame([{**usual, **row} for row in rows], schema=types)
    return frame.with_columns(pl.lit(received).cast(TIMESTAMP).alias("_received"))


_DTYPES = {
    "string": pl.String, "double": pl.Float64, "int": pl.Int32, "long": pl.Int64, "boolean": pl.Boolean,
}  # fmt: skip
