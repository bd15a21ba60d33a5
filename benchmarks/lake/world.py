"""A large province's day in canonical rows (合成的一省一日): made, not simulated upload by upload, and always the same.

Of the readings of a minute device 2 % never come, 1 % come twice, 0.3 % are amended, 0.5 % come hours late, 0.5 % have
no PM2.5 and 0.2 % a PM10 out of range.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import numpy as np
import polars as pl

from pipelines.contract import CanonicalKind, read_canonical
from pipelines.dust.readings import HOUR, TIME, midnight

PROVINCE = "jiangsu"  # judges by the quarter of an hour and against the control stations: the dearest of the four
STATIONS = "national"
CITIES = (("320100", 118.797, 32.060), ("320500", 120.585, 31.299))
STATIONS_PER_CITY = 12
DEVICES_PER_PROJECT = 3
VENDORS = 20
PARTITIONS = 8
MISSING, DOUBLED, AMENDED, LATE = 0.02, 0.03, 0.033, 0.038
SENTINEL, OUT_OF_RANGE = 0.043, 0.045
"""Bounds of one uniform number that says what becomes of a reading."""


def canonical(kind: str) -> CanonicalKind:
    """The contract of a kind: its columns in order."""
    return read_canonical(Path(__file__).parents[2] / "avro_schemas" / "canonical" / f"{kind}.avsc")


@dataclass(frozen=True)
class World:
    """`devices` minute devices of one province."""

    devices: int

    def fleet(self) -> pl.DataFrame:
        """device_code, project_code, vendor, adcode, place and loudness of each device."""
        rng = np.random.default_rng(1)
        number = np.arange(self.devices)
        city = [CITIES[n % len(CITIES)] for n in number]
        return pl.DataFrame(
            {
                "device_code": [f"JSYC{n:06d}" for n in number],
                "project_code": [
                    f"AJ{c[0]}{n // DEVICES_PER_PROJECT:04d}-{c[0]}01" for n, c in zip(number, city, strict=True)
                ],
                "vendor": [f"vendor{n % VENDORS:02d}" for n in number],
                "adcode": [c[0] for c in city],
                "longitude": np.round([c[1] for c in city] + rng.normal(0, 0.2, self.devices), 6),
                "latitude": np.round([c[2] for c in city] + rng.normal(0, 0.2, self.devices), 6),
                "dust": rng.lognormal(0, 0.35, self.devices),
            }
        )

    def registers(self, since: date) -> dict[str, pl.DataFrame]:
        """The devices and projects as registered on a day: canonical rows by kind."""
        at = pl.lit(midnight(since), TIME)
        fleet = self.fleet().with_columns(observed_at=at, received_at=at)
        projects = fleet.unique("project_code", keep="first", maintain_order=True)
        return {
            "device": _rows(
                "device",
                fleet.with_columns(
                    device_kind=pl.lit("dust"), device_vendor="vendor", expected_interval_s=60, installed_at=at,
                    state=pl.lit("in_service"),
                ),
                subject="device_code",
            ),
            "project": _rows(
                "project",
                projects.with_columns(project_name=pl.lit("示例") + pl.col("project_code"), phase=pl.lit("earthwork")),
                subject="project_code",
            ),
        }  # fmt: skip

    def station_hours(self, day: date) -> pl.DataFrame:
        """The published hours of the control stations of a day."""
        rng = np.random.default_rng((day.toordinal(), 2))
        count = len(CITIES) * STATIONS_PER_CITY
        hours = pl.DataFrame({"hour": range(24)}).join(pl.DataFrame({"n": range(count)}), how="cross")
        place = pl.DataFrame(
            [(n, *CITIES[n % len(CITIES)]) for n in range(count)],
            schema=["n", "adcode", "longitude", "latitude"],
            orient="row",
        )
        air = rng.normal(60, 15, hours.height).clip(5).round()
        rows = hours.join(place, on="n", maintain_order="left").with_columns(
            device_code=pl.format("{}A", 1100 + pl.col("n")),
            station_name=pl.format("示例站{}", "n"),
            observed_at=pl.lit(midnight(day), TIME) + pl.duration(hours="hour"),
            received_at=pl.lit(midnight(day), TIME) + pl.duration(hours=pl.col("hour") + 1, minutes=8),
            pm10=pl.Series(air),
            pm2_5=pl.Series((air * 0.6).round()),
            period=pl.lit("hour"),
        )
        return _rows("station-reading", rows, "device_code", STATIONS)

    def hourly_batches(self, day: date) -> Iterator[pl.DataFrame]:
        """The day's uploads as they come in: one batch of canonical rows an hour, the late ones with their hour."""
        held: list[pl.DataFrame] = []
        for hour in range(24 + 6):
            until = midnight(day) + (hour + 1) * HOUR
            fresh = [self.uploads_of(day, hour)] if hour < 24 else []
            due = pl.concat([*held, *fresh])
            ready = pl.col("received_at") < pl.lit(until, TIME)
            held = [due.filter(~ready)]
            if (batch := due.filter(ready)).height:
                yield _numbered(batch, first=hour * 2 * 60 * self.devices)

    def uploads_of(self, day: date, hour: int) -> pl.DataFrame:
        """All uploads of the readings of one hour, in the order of receipt."""
        rng = np.random.default_rng((day.toordinal(), hour))
        size = self.devices * 60
        fleet = self.fleet()
        device = np.tile(np.arange(self.devices), 60)
        fate = rng.random(size)
        pm10 = (rng.normal(1, 0.15, size) * fleet["dust"].to_numpy()[device] * (70 + 25 * np.sin(hour / 4))).clip(1)
        minute = pl.Series("minute", np.repeat(np.arange(60), self.devices))
        readings = (
            fleet.drop("longitude", "latitude", "dust")[device]
            .with_columns(minute)
            .with_columns(
                pl.Series("fate", fate),
                pl.Series("pm10", np.where(fate > OUT_OF_RANGE, pm10, np.where(fate > SENTINEL, 99999, pm10)).round(1)),
                pl.Series("pm2_5", (pm10 * 0.55).round(1)),
                pl.Series("tsp", (pm10 * rng.uniform(1.2, 2.2, size)).round(1)),
                pl.Series("noise", rng.normal(58, 6, size).round(1)),
                pl.Series("temperature", rng.normal(18, 1, size).round(1)),
                pl.Series("humidity", rng.normal(60, 4, size).round(1)),
                pl.Series("wind_speed", rng.gamma(2, 1, size).round(1)),
                pl.Series("wind_direction", rng.integers(0, 16, size) * 22.5),
                observed_at=pl.lit(midnight(day) + hour * HOUR, TIME) + pl.duration(minutes="minute"),
                delay=pl.Series(rng.integers(2_000, 40_000, size)),
                period=pl.lit("minute"),
            )
        )
        came = readings.filter(pl.col("fate") >= MISSING).with_columns(**_faults())
        again = came.filter(pl.col("fate") < AMENDED).with_columns(
            pl.when(pl.col("fate") < DOUBLED).then("pm10").otherwise(pl.col("pm10") + 5).round(1).alias("pm10"),
            delay=pl.col("delay") + 600_000,
        )
        uploads = pl.concat([came, again]).with_columns(
            received_at=pl.col("observed_at") + pl.duration(milliseconds="delay")
        )
        return _rows("dust-reading", uploads, "device_code").sort("received_at")


def _faults() -> dict[str, pl.Expr]:
    fate = pl.col("fate")
    late, sentinel = fate.is_between(AMENDED, LATE, closed="left"), fate.is_between(LATE, SENTINEL, closed="left")
    ranged = fate.is_between(SENTINEL, OUT_OF_RANGE, closed="left")
    return {
        "delay": pl.when(late).then(pl.col("delay") * 360).otherwise("delay"),  # up to four hours
        "pm2_5": pl.when(~sentinel).then("pm2_5"),
        "quality": pl.when(ranged).then(4).otherwise(1),
        "quality_notes": pl.when(sentinel).then(pl.lit("pm2_5=sentinel")).when(ranged).then(pl.lit("pm10=range")),
    }


def _rows(kind: str, facts: pl.DataFrame, subject: str, province: str = PROVINCE) -> pl.DataFrame:
    """Facts as canonical rows with their envelope; what nobody said is null."""
    millis = pl.col("observed_at").dt.epoch("ms")
    envelope = {
        "province": pl.lit(province),
        "source_topic": pl.lit(f"raw.{province}.{kind}"),
        "source_partition": pl.lit(0),
        "source_offset": pl.int_range(pl.len()),
        "schema_id": pl.lit(1),
        "mapping": pl.lit(f"{province}/{kind}@000000000000"),
        "quality": pl.lit(1),
    }
    named = [pl.lit(province), pl.lit(kind), pl.col(subject), millis.cast(pl.String)]
    full = facts.with_columns(
        **{name: value for name, value in envelope.items() if name not in facts.columns},
        event_id=pl.concat_str(*named, *([pl.col("period")] if "period" in facts.columns else []), separator=":"),
    )
    schema = canonical(kind).polars_schema
    absent = [pl.lit(None, dtype).alias(name) for name, dtype in schema.items() if name not in full.columns]
    return full.with_columns(*absent).select(*schema).cast(schema)


def _numbered(batch: pl.DataFrame, first: int) -> pl.DataFrame:
    """With the partition of its device and source offsets of its own, from `first` on."""
    return batch.with_columns(
        source_partition=(pl.col("device_code").str.tail(2).cast(pl.Int32) % PARTITIONS),
        source_offset=first + pl.int_range(pl.len(), dtype=pl.Int64),
    )
