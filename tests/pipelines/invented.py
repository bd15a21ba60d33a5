"""An invented province for tests: one dust dialect with every awkward thing in one schema, from files only."""

import json
import shutil
from io import BytesIO
from pathlib import Path
from typing import Any

import fastavro

from pipelines.catalog import Catalog
from pipelines.wire import RawBatch, WriterSchema

PROJECT = Path(__file__).resolve().parents[2]
TOPIC = "raw.yunnan.dust-reading"
SUBJECT = f"{TOPIC}-value"
WRITER_ID = 7
RECEIVED = 1_770_000_000_000  # 2026-02-02 02:40:00 UTC


def _field(name: str, kind: str, *, nullable: bool = True, **more: Any) -> dict[str, Any]:
    described = {"name": name, "zh": name, "doc": f"{name}.", **more}
    return described | ({"type": ["null", kind], "default": None} if nullable else {"type": kind})


RAW_SCHEMA: dict[str, Any] = {
    "type": "record",
    "name": "DustReading",
    "namespace": "sitehub.raw.yunnan",
    "doc": "Dust reading of an invented province.",
    "zh": "扬尘",
    "fields": [
        _field("code", "string", nullable=False),
        _field("site", "string"),
        _field("at", "long", nullable=False),
        _field("PM2_5", "double", json="PM2.5"),
        _field("pm10", "double"),
        _field("tsp", "double"),
        _field("noise", "double"),
        _field("count", "int"),
        _field("humidity", "double"),
    ],
}
MAPPING = """
kind: dust-reading
province: yunnan
provenance: assumed
source: invented for tests
fields:
  project_code: {from: site}
  device_code: {from: code, required: true}
  observed_at: {from: at, time: epoch_ms, required: true}
  period: {const: minute}
  sample_count: {from: count}
  pm2_5: {from: PM2_5, unit: ug/m3, sentinels: [32767]}
  pm10: {from: pm10, unit: ug/m3, sentinels: [32767]}
  tsp: {from: tsp, unit: ug/m3}
  noise: {from: noise, unit: dBA}
  humidity: {from: humidity, unit: percent}
vendors:
  acme: {fields: {pm2_5: {unit: mg/m3}}}
"""
WRITER = WriterSchema(RAW_SCHEMA, frozenset({SUBJECT}))


def invented_catalog(folder: Path) -> Catalog:
    """A catalog of the project's canonical kinds and this province alone, written into `folder`."""
    schemas = PROJECT / "avro_schemas"
    for part in ("canonical", "vocabularies"):
        shutil.copytree(schemas / part, folder / part)
    shutil.copy(schemas / "units.txt", folder)
    raw = folder / "raw" / "yunnan"
    raw.mkdir(parents=True)
    (raw / "dust-reading.avsc").write_text(json.dumps(RAW_SCHEMA), "utf-8")
    (raw / "dust-reading.yaml").write_text(MAPPING, "utf-8")
    return Catalog.load(folder)


def upload(**changes: Any) -> dict[str, Any]:
    """A sound upload in Avro's names, a minute before its receipt."""
    sound = {
        "code": "YN-1", "site": "P-1", "at": RECEIVED - 60_000, "PM2_5": 35.0, "pm10": 80.0, "tsp": 120.0,
        "noise": 61.5, "count": 60, "humidity": 40.0,
    }  # fmt: skip
    return sound | changes


def avro_body(record: dict[str, Any], schema: dict[str, Any] = RAW_SCHEMA) -> bytes:
    """The record as Avro, without any frame."""
    out = BytesIO()
    fastavro.schemaless_writer(out, fastavro.parse_schema(schema), record)
    return out.getvalue()


def framed(record: dict[str, Any], writer: int = WRITER_ID, schema: dict[str, Any] = RAW_SCHEMA) -> bytes:
    """The record as Confluent-framed Avro."""
    return b"\0" + writer.to_bytes(4, "big") + avro_body(record, schema)


def batch_of(*values: bytes | None, topic: str = TOPIC, headers: list[tuple[str, bytes]] | None = None) -> RawBatch:
    """Values as one batch from offset 100 on, received a millisecond apart."""
    count = len(values)
    return RawBatch(
        topic=topic,
        partitions=[3] * count,
        offsets=range(100, 100 + count),
        timestamps=range(RECEIVED, RECEIVED + count),
        keys=[None] * count,
        values=values,
        headers=[headers or []] * count,
    )
