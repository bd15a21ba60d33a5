"""Small mappings for tests: one raw kind of an invented feed, compiled against the project's own catalog."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import polars as pl

from pipelines.catalog import CompiledMapping
from pipelines.contract import TIMESTAMP
from pipelines.mapping.compile import compile_mapping
from pipelines.mapping.grammar import read_raw
from tests.contract import CATALOG

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


def mapped(folder: Path, kind: str, raw: dict[str, Any], rules: str, *records: dict[str, Any]) -> pl.DataFrame:
    """What `rules` make of uploads of another kind: raw fields of any Avro type by name, all nullable."""
    place = folder / "raw" / "yunnan"
    place.mkdir(parents=True, exist_ok=True)
    schema = {"type": "record", "name": "Upload", "namespace": "sitehub.raw.yunnan", "fields": _described(raw)}
    (place / f"{kind}.avsc").write_text(json.dumps(schema), "utf-8")
    head = f"kind: {kind}\nprovince: yunnan\nprovenance: assumed\nsource: invented\nfields:\n"
    (place / f"{kind}.yaml").write_text(head + rules, "utf-8")
    read = read_raw(place / f"{kind}.avsc")
    compiled = compile_mapping(read, CATALOG.canonical[kind], CATALOG.codes, CATALOG.root / "units.txt")
    frame = pl.DataFrame([dict.fromkeys(raw) | record for record in records], schema=read.polars_schema)
    return compiled.apply(frame.with_columns(pl.lit(RECEIVED).cast(TIMESTAMP).alias("_received")))


def _described(raw: dict[str, Any]) -> list[dict[str, Any]]:
    return [{"name": n, "type": ["null", kind], "default": None, "zh": n, "doc": f"{n}."} for n, kind in raw.items()]


def texts() -> dict[str, Any]:
    """Avro type of an array of texts."""
    return {"type": "array", "items": "string"}


def records_of(**fields: Any) -> dict[str, Any]:
    """Avro type of an array of records with these nullable fields."""
    return {"type": "array", "items": {"type": "record", "name": "Item", "fields": _described(fields)}}


def uploads(raw: dict[str, str], rows: list[dict[str, Any]], received: datetime = RECEIVED) -> pl.DataFrame:
    """A frame of decoded uploads as `tiny` reads them: device d, observed at receipt, unless a row says otherwise."""
    types = {"id": pl.String, "at": pl.Int64} | {name: _DTYPES[kind] for name, kind in raw.items()}
    usual = {"id": "d", "at": int(received.timestamp() * 1000)}
    frame = pl.DataFrame([{**usual, **row} for row in rows], schema=types)
    return frame.with_columns(pl.lit(received).cast(TIMESTAMP).alias("_received"))


_DTYPES = {
    "string": pl.String, "double": pl.Float64, "int": pl.Int32, "long": pl.Int64, "boolean": pl.Boolean,
}  # fmt: skip
