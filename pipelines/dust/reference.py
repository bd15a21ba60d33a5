"""The nearest control station of each site (最近国控点) and the deviation from it: the rows of station_reference."""

from datetime import date
from math import radians

import polars as pl

EARTH_KM = 6371.0088
PARAMETERS = ("pm2_5", "pm10")
SITES_AT_ONCE = 1000
"""Sites are paired with every station: some hundreds of stations times this many rows fit in memory."""

REFERENCE = pl.Schema(
    {
        **dict.fromkeys(
            ("province", "day", "device_code", "project_code", "station_code", "station_name"), pl.String()
        ),
        "distance_km": pl.Float64(),
        "parameter": pl.String(),
        "hours": pl.Int64(),
        **dict.fromkeys(("site_mean", "station_mean", "deviation", "deviation_percent"), pl.Float64()),
    }
)


def sites(devices: pl.DataFrame, projects: pl.DataFrame) -> pl.DataFrame:
    """Where the devices stand: province, device_code, project_code, longitude, latitude; the project's place where the
    register has none of the device's own."""
    place = ("longitude", "latitude")
    project = projects.select("project_code", *[pl.col(name).alias(f"project_{name}") for name in place])
    return (
        devices.join(project.unique("project_code"), on="project_code", how="left")
        .with_columns(pl.coalesce(name, f"project_{name}").alias(name) for name in place)
        .select("province", "device_code", "project_code", *place)
        .unique("device_code", maintain_order=True)
    )


def nearest_stations(sites: pl.DataFrame, hours: pl.DataFrame, station_hours: pl.DataFrame, day: date) -> pl.DataFrame:
    """One row per site and parameter that has a valid hour in common with a station.

    sites: device_code, project_code, longitude, latitude (degrees); hours, station_hours: rows of dust_hourly of the
    day, of the province and of the stations. The station is the nearest by great circle among those with a valid hour
    of the parameter in common with the site; both means are over the common hours [h, h+1). deviation = site - station
    in ug/m3, and in percent of the station's mean (null where that is 0).
    """
    placed = sites.drop_nulls(["longitude", "latitude"])
    parts = [_compared(placed, hours, station_hours, parameter, day) for parameter in PARAMETERS]
    return pl.concat(parts).sort("device_code", "parameter")


def _compared(
    sites: pl.DataFrame, hours: pl.DataFrame, station_hours: pl.DataFrame, parameter: str, day: date
) -> pl.DataFrame:
    ours, theirs = _valid(hours, parameter, "site"), _valid(station_hours, parameter, "station")
    places = station_hours.drop_nulls(["longitude", "latitude"]).unique("device_code")
    stations = places.select(
        "station_name", station_code="device_code", station_longitude="longitude", station_latitude="latitude"
    ).join(_mask(theirs, "station"), on="station_code")
    here = sites.rename({"device_code": "site_code"}).join(_mask(ours, "site"), on="site_code")
    parts = [*here.iter_slices(SITES_AT_ONCE)] or [here]
    nearest = pl.concat(_nearest(part, stations) for part in parts)
    means = (
        nearest.select("site_code", "station_code")
        .join(ours, on="site_code")
        .join(theirs, on=["station_code", "hour_start"])
        .group_by("site_code")
        .agg(
            hours=pl.len(),
            site_mean=pl.col("site_value").sort_by("hour_start").mean(),
            station_mean=pl.col("station_value").sort_by("hour_start").mean(),
        )
        .with_columns(deviation=pl.col("site_mean") - pl.col("station_mean"))
    )
    percent = pl.when(pl.col("station_mean") != 0).then(100 * pl.col("deviation") / pl.col("station_mean"))
    return (
        nearest.join(means, on="site_code")
        .with_columns(
            device_code="site_code",
            day=pl.lit(day.isoformat()),
            parameter=pl.lit(parameter),
            deviation_percent=percent,
        )
        .select(*REFERENCE)
        .cast(REFERENCE)
    )


def _nearest(sites: pl.DataFrame, stations: pl.DataFrame) -> pl.DataFrame:
    """Each site with its nearest station of those that have a valid hour in common with it, and distance_km."""
    pairs = sites.join(stations, how="cross").filter(pl.col("site_mask") & pl.col("station_mask") != 0)
    return (
        pairs.with_columns(distance_km=_great_circle())
        .sort("distance_km", "station_code")
        .unique("site_code", keep="first", maintain_order=True)
    )


def _valid(hours: pl.DataFrame, parameter: str, whose: str) -> pl.DataFrame:
    """<whose>_code, hour_start, <whose>_value of the valid hours."""
    return hours.filter(f"{parameter}_valid").select(
        "hour_start", pl.col("device_code").alias(f"{whose}_code"), pl.col(parameter).alias(f"{whose}_value")
    )


def _mask(valid: pl.DataFrame, whose: str) -> pl.DataFrame:
    """<whose>_code, <whose>_mask: the valid hours as bits, so that common hours are found by one AND."""
    bit = pl.lit(1, pl.Int64) * 2 ** pl.col("hour_start").dt.hour().cast(pl.Int64)
    return valid.group_by(f"{whose}_code").agg(bit.unique().sum().cast(pl.Int64).alias(f"{whose}_mask"))


def _great_circle() -> pl.Expr:
    """Distance of site and station in km (haversine)."""
    turn = radians(1)
    latitude, station_latitude = pl.col("latitude") * turn, pl.col("station_latitude") * turn
    half_lat = ((station_latitude - latitude) / 2).sin()
    half_lon = ((pl.col("station_longitude") - pl.col("longitude")) * turn / 2).sin()
    inner = half_lat**2 + latitude.cos() * station_latitude.cos() * half_lon**2
    return 2 * EARTH_KM * inner.sqrt().clip(0, 1).arcsin()
