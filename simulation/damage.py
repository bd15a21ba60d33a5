"""Uploads that must be rejected 损坏上传: one way for every reason of the closed set."""

from collections.abc import Mapping
from typing import Any

import polars as pl

from simulation.encode import Encoder, frame
from simulation.spec import world

REASONS = (
    *("unframed", "unknown_schema", "wrong_subject", "undecodable", "missing_field", "bad_number"),
    *("bad_time", "future_time", "bad_code", "bad_identifier", "oversized", "empty"),
)
COPIES = 3  # of each reason and province
UNKNOWN_ID = 2_000_000_001  # an id that no registry has given out
LIMIT = 1 << 20  # bytes; an upload above it is oversized


def damaged_rows(frame_: pl.DataFrame, province: str, kind: str) -> pl.DataFrame:
    """Rows of one (province, kind) to be sent damaged: copies of sound ones, with the reason in column `damage`.

    A field's damage falls on the kind that world.yaml names, all others on dust readings.
    """
    rules = world()["provinces"].get(province, {}).get("damages", {})
    sound = frame_.filter((pl.col("flags") == "") & (pl.col("period") == "minute") if kind == "dust-reading" else True)
    sound = sound.sort("timestamp", "subject")  # spread over all days and devices
    empty = sound.clear().with_columns(pl.lit(None, pl.String).alias("damage"))
    reasons = [reason for reason in REASONS if rules and rules.get(reason, {"kind": "dust-reading"})["kind"] == kind]
    parts = [
        sound.gather_every(max(1, sound.height // COPIES), offset=7 * number % max(1, sound.height // COPIES))
        .head(COPIES)
        .with_columns(pl.lit(reason).alias("damage"), pl.lit("damaged").alias("flags"))
        for number, reason in enumerate(reasons)
    ]
    rows = pl.concat([empty, *parts])
    ahead = pl.when(pl.col("damage") == "future_time").then(pl.col("timestamp") + pl.duration(hours=3))
    return rows.with_columns(
        ahead.otherwise("observed_at").dt.truncate("1m").alias("observed_at"),
        pl.col("timestamp") + pl.duration(milliseconds=333),
    )


def damaged_value(
    reason: str, number: int, record: dict[str, Any], encoder: Encoder, other: Encoder, rule: Mapping[str, Any]
) -> bytes | None:
    """The bytes of one damaged upload; `other` encodes another kind of the province, `number` varies what may vary."""
    match reason:
        case "unframed":
            return (b"\x07\x13 not an upload", "设备,断电,重启".encode(), b"pm10=12;tsp=30")[number % 3]
        case "unknown_schema":
            return frame(UNKNOWN_ID, encoder.body(record))
        case "wrong_subject":
            return frame(other.schema_id, encoder.body(record))
        case "undecodable":
            whole = encoder.framed(record)
            return whole[: len(whole) // 2] if number % 2 else whole + b"\x00\x01"
        case "oversized":
            return encoder.json(record)[:-1] + b',"remark":"' + b"x" * LIMIT + b'"}'
        case "empty":
            return None if number % 2 else b""
        case "future_time":
            return encoder.json(record)
        case _:
            return encoder.json(record | {rule["field"]: rule.get("value")})
