"""From a spec to uploads and the truth about them 模拟上传与真值."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl

from pipelines.catalog import Catalog
from simulation.damage import damaged_rows, damaged_value
from simulation.described import described, described_feed
from simulation.dialects import DIALECTS
from simulation.dust import MEASURED
from simulation.encode import Encoder, Registry
from simulation.model import happenings
from simulation.occurrences import sites_of
from simulation.spec import Spec, world
from simulation.vendors import topic_of, vendors_of

NOT_SENT = {"guizhou": ("noise",), "jiangsu": ("pressure",)}
WIND_POINTS = {"guizhou": 16, "jiangsu": 16, "shanxi": 8}
UPLOADS = ("sequence", "topic", "key", "value", "guid", "timestamp")


@dataclass(frozen=True)
class Simulation:
    """Uploads in the order of receipt, and one row of truth for each, joined by `sequence`.

    uploads   sequence, topic, key, value (null: an empty upload), guid (content of GUID_HEADER or null),
              timestamp (receipt, epoch ms)
    truth     sequence, topic, province, kind, vendor, subject, observed_at, period (readings of dust and stations),
              discriminator (other kinds: what tells apart events of one subject and time), timestamp, expected
              ('accepted' | 'rejected'), reason, flags (faults joined by ';'), registered, interval_s, and of dust the
              measured values as the canonical record must hold them (null: not sent, or a sentinel)
    """

    uploads: pl.DataFrame
    truth: pl.DataFrame

    def write(self, folder: Path) -> None:
        """Both tables as parquet."""
        folder.mkdir(parents=True, exist_ok=True)
        self.uploads.write_parquet(folder / "uploads.parquet")
        self.truth.write_parquet(folder / "truth.parquet")


def simulate(spec: Spec, catalog: Catalog, registry: Registry) -> Simulation:
    """All uploads of the spec, encoded with the registry's ids of the raw subjects."""
    pairs = [
        _feed(province, kind, frame, catalog, registry, spec) for (province, kind), frame in happenings(spec).items()
    ]
    sites = sites_of(spec)
    pairs += [
        described_feed(province, kind, sites.filter(province=province), catalog, registry, spec)
        for province, kind in described(spec, catalog)
    ]
    uploads = pl.concat([made for made, _ in pairs])
    truth = pl.concat([known for _, known in pairs], how="diagonal")
    order = pl.Series("order", range(uploads.height), pl.Int64)
    ranked = uploads.with_columns(order).sort("timestamp", "order")
    sequence = pl.DataFrame({"order": ranked["order"], "sequence": pl.int_range(ranked.height, eager=True)})
    told = truth.with_columns(order).join(sequence, on="order", maintain_order="left").sort("sequence").drop("order")
    return Simulation(
        ranked.with_row_index("sequence").drop("order").cast({"sequence": pl.Int64}).select(UPLOADS),
        told.select("sequence", pl.exclude("sequence")),
    )


def topics_of(spec: Spec, catalog: Catalog) -> list[str]:
    """Every raw topic that the spec's vendors write, their own ones included."""
    spoken = [feed for feed in DIALECTS if feed[0] in (*spec.provinces, "national")]
    return [
        topic_of(province, kind, vendor)
        for province, kind in dict.fromkeys((*spoken, *described(spec, catalog)))
        for vendor in vendors_of(province).values()
    ]


def _feed(
    province: str, kind: str, frame: pl.DataFrame, catalog: Catalog, registry: Registry, spec: Spec
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Uploads and truth of one province and kind, rows in the same order."""
    rows = frame.with_columns(pl.lit(None, pl.String).alias("damage"))
    if spec.faults:
        rows = pl.concat([rows, damaged_rows(frame, province, kind)])
    vendors = vendors_of(province)
    topics = {code: topic_of(province, kind, vendor) for code, vendor in vendors.items()}
    rows = rows.with_columns(pl.col("vendor").replace_strict(topics).alias("topic"))
    values, guids = _encoded(rows, province, kind, catalog, registry)
    uploads = pl.DataFrame(
        {
            "topic": rows["topic"],
            "key": rows["subject"].cast(pl.Binary),
            "value": pl.Series(values, dtype=pl.Binary),
            "guid": pl.Series(guids, dtype=pl.Binary),
            "timestamp": rows["timestamp"].dt.epoch("ms"),
        }
    )
    return uploads, _truth(rows, province, kind)


def _encoded(
    rows: pl.DataFrame, province: str, kind: str, catalog: Catalog, registry: Registry
) -> tuple[list[bytes | None], list[bytes | None]]:
    """Value and GUID header of every row, damaged where the row says so."""
    raw = catalog.raw[province, kind]
    another = catalog.raw.get((province, "device" if kind == "project" else "project"), raw)
    encoder, other = (Encoder.of(each.subject, each.schema, registry) for each in (raw, another))
    encodings = {code: vendor["encoding"] for code, vendor in vendors_of(province).items()}
    rules = _rules(province).get("damages", {})
    values: list[bytes | None] = []
    guids: list[bytes | None] = []
    records = raw_records(rows, province, kind, catalog).iter_rows(named=True)
    for number, (record, vendor, damage) in enumerate(zip(records, rows["vendor"], rows["damage"], strict=True)):
        value: bytes | None
        if damage is None:
            value, guid = encoder.encode(record, encodings[vendor])
        else:
            value, guid = damaged_value(damage, number, record, encoder, other, rules.get(damage, {})), None
        values.append(value)
        guids.append(guid)
    return values, guids


def raw_records(rows: pl.DataFrame, province: str, kind: str, catalog: Catalog) -> pl.DataFrame:
    """The rows in the province's dialect, every field of the raw schema present, sentinels put in."""
    spoken = DIALECTS[province, kind](rows)
    if kind == "dust-reading":
        sentinel = _rules(province)["sentinel"]
        broken = rows["flags"].str.contains("sentinel")
        spoken = spoken.with_columns(
            pl.when(broken).then(pl.lit(sentinel["value"])).otherwise(sentinel["field"]).alias(sentinel["field"])
        )
    fields = [field["name"] for field in catalog.raw[province, kind].schema["fields"]]
    unknown = set(spoken.columns) - set(fields)
    if unknown:
        raise ValueError(f"simulation/dialects: {province} {kind} has no field {sorted(unknown)}; see its raw schema")
    return spoken.select(name if name in spoken.columns else pl.lit(None).alias(name) for name in fields)


def _truth(rows: pl.DataFrame, province: str, kind: str) -> pl.DataFrame:
    """What the hub must make of each row."""
    known = rows.select(
        "topic",
        pl.lit(province).alias("province"),
        pl.lit(kind).alias("kind"),
        "vendor",
        "subject",
        "observed_at",
        (pl.col("period") if "period" in rows.columns else pl.lit(None, pl.String)).alias("period"),
        pl.col("timestamp").dt.epoch("ms"),
        pl.when(pl.col("damage").is_null()).then(pl.lit("accepted")).otherwise(pl.lit("rejected")).alias("expected"),
        pl.col("damage").alias("reason"),
        "flags",
        (pl.col("registered") if "registered" in rows.columns else pl.lit(True)).alias("registered"),
        (pl.col("interval_s") if "interval_s" in rows.columns else pl.lit(None, pl.Int64)).alias("interval_s"),
        *(name for name in MEASURED if name in rows.columns),
    )
    if kind != "dust-reading":
        return known
    points = WIND_POINTS.get(province)
    step = 360 / points if points else 1.0
    return known.with_columns(
        ((pl.col("wind_direction") / step).round() * step % 360).alias("wind_direction"),
        pl.when(pl.col("flags").str.contains("sentinel")).then(None).otherwise("pm2_5").alias("pm2_5"),
        *(pl.lit(None, pl.Float64).alias(name) for name in NOT_SENT.get(province, ())),
    )


def _rules(province: str) -> Mapping[str, Any]:
    found: Mapping[str, Any] = world()["provinces"].get(province, {})
    return found
