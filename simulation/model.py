"""Everything that happened in the simulated world, in canonical words, before any province's dialect 模拟事实.

`happenings` gives one frame per (province, kind). Besides the kind's own facts each frame has
timestamp (moment of receipt, UTC), vendor (uploader), subject (code of the device, project or station) and flags
(faults, joined by ';').
"""

from collections.abc import Mapping
from datetime import timedelta

import numpy as np
import polars as pl

from simulation import faults
from simulation.dust import MEASURED, device_readings
from simulation.sites import devices, projects
from simulation.spec import LOCAL, Spec, world
from simulation.stations import station_hours, stations
from simulation.weather import CityAir, city_air

ABOUT = ("device_code", "project_code", "vendor", "adcode", "interval_s", "milligrams", "registered")
Happenings = Mapping[tuple[str, str], pl.DataFrame]


def happenings(spec: Spec) -> Happenings:
    """Registers, readings and station hours of every province of the spec."""
    airs = {
        city["adcode"]: city_air(city, spec.minutes, spec.generator(3, int(city["adcode"])))
        for province in spec.provinces
        for city in world()["provinces"][province]["cities"]
    }
    sites = projects(spec)
    fleet = devices(spec, sites)
    found: dict[tuple[str, str], pl.DataFrame] = {}
    for province in spec.provinces:
        here = pl.col("province") == province
        own = fleet.filter(here)
        found[province, "project"] = project_uploads(sites.filter(here), own, spec)
        found[province, "device"] = device_uploads(own.filter("registered"), spec)
        found[province, "dust-reading"] = reading_uploads(own, airs, spec)
    found["national", "station-reading"] = station_uploads(spec, airs)
    return found


def reading_uploads(fleet: pl.DataFrame, airs: Mapping[str, CityAir], spec: Spec) -> pl.DataFrame:
    """One-minute (some five-minute) readings of one province's devices, faults included; in Jiangsu day values too."""
    frames = [
        device_readings(device, airs[device["adcode"]], spec, spec.generator(4, device["serial"]))
        for device in fleet.iter_rows(named=True)
    ]
    about = fleet.select(pl.col("serial").alias("device"), *ABOUT)
    readings = pl.concat(frames).join(about, on="device", how="left", maintain_order="left")
    rng = spec.generator(5, int(fleet["serial"][0]))
    uploads = faults.sent(readings.with_columns(pl.lit("minute").alias("period")), rng)
    if spec.faults:
        uploads = _with_faults(uploads, fleet, rng)
    if fleet["province"][0] == "jiangsu":
        uploads = pl.concat([uploads, day_values(uploads)])
    return uploads.with_columns(pl.col("device_code").alias("subject"))


def day_values(uploads: pl.DataFrame) -> pl.DataFrame:
    """The site's own daily values: plain means of what it sent, half an hour after midnight, stamped with the day."""
    day = pl.col("observed_at").dt.convert_time_zone(str(LOCAL)).dt.truncate("1d").dt.convert_time_zone("UTC")
    sound = uploads.filter(pl.col("flags").is_in(["", "stored"]))
    grouped = sound.group_by("device", day.alias("day"), maintain_order=True).agg(
        pl.col(MEASURED).mean().round(1), pl.col(ABOUT).first()
    )
    return grouped.with_columns(
        pl.col("day").alias("observed_at"),
        (pl.col("day") + pl.duration(days=1, minutes=30, milliseconds=pl.col("device") % 60_000)).alias("timestamp"),
        pl.lit("day").alias("period"),
        pl.lit("").alias("flags"),
    ).select(uploads.columns)


def project_uploads(sites: pl.DataFrame, fleet: pl.DataFrame, spec: Spec) -> pl.DataFrame:
    """Each project as it stood before the first day; every fourth reports its next phase at noon of the last day."""
    vendor = fleet.group_by("project_code", maintain_order=True).agg(pl.col("vendor").first())
    first = sites.join(vendor, on="project_code", how="left", maintain_order="left").with_columns(
        pl.lit(spec.start - timedelta(hours=20)).dt.cast_time_unit("ms").alias("observed_at"),
        pl.lit("").alias("flags"),
        pl.col("project_code").alias("subject"),
    )
    noon = spec.start + timedelta(days=spec.days - 1, hours=12)
    second = first.gather_every(4).with_columns(
        pl.lit(noon).dt.cast_time_unit("ms").alias("observed_at"),
        pl.lit("finishing").alias("phase"),
        (pl.col("progress") + 2).alias("progress"),
    )
    return _received(pl.concat([first, second]), spec)


def device_uploads(fleet: pl.DataFrame, spec: Spec) -> pl.DataFrame:
    """Each registered device, an hour after its project."""
    return _received(
        fleet.with_columns(
            pl.lit(spec.start - timedelta(hours=19)).dt.cast_time_unit("ms").alias("observed_at"),
            pl.lit("").alias("flags"),
            pl.col("device_code").alias("subject"),
        ),
        spec,
    )


def station_uploads(spec: Spec, airs: Mapping[str, CityAir]) -> pl.DataFrame:
    """Hours of the national stations, published a few minutes after each hour ends."""
    found = stations(spec)
    adcodes = {city["name"]: city["adcode"] for p in spec.provinces for city in world()["provinces"][p]["cities"]}
    frames = [
        station_hours(station, airs[adcodes[station["city"]]], spec, spec.generator(6, number))
        for number, station in enumerate(found.iter_rows(named=True))
    ]
    hours = pl.concat(frames).join(found, left_on="station", right_on="code", how="left", maintain_order="left")
    return hours.with_columns(
        (pl.col("observed_at") + pl.duration(hours=1, minutes=8)).alias("timestamp"),
        pl.lit("hour").alias("period"),
        pl.lit("cnemc").alias("vendor"),
        pl.lit("").alias("flags"),
        pl.col("station").alias("subject"),
    )


def _with_faults(uploads: pl.DataFrame, fleet: pl.DataFrame, rng: np.random.Generator) -> pl.DataFrame:
    odd_clock = int(fleet["serial"][0])
    odd = uploads.filter(pl.col("device") == odd_clock) if fleet["province"][0] == "shanxi" else uploads.clear()
    rest = uploads if odd.is_empty() else uploads.filter(pl.col("device") != odd_clock)
    faulty = faults.repeats(faults.broken_sensors(faults.outages(rest, rng), rng), rng)
    return pl.concat([faulty, faults.twelve_hour_clock(odd)])


def _received(registers: pl.DataFrame, spec: Spec) -> pl.DataFrame:
    """Receipt of registers: none before the first simulated midnight, all of that time before the first reading."""
    delay = pl.duration(milliseconds=pl.int_range(pl.len()) * 40 + 1_500)
    held = pl.max_horizontal("observed_at", pl.lit(spec.start).dt.cast_time_unit("ms"))
    return registers.with_columns((held + delay).alias("timestamp"))
