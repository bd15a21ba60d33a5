"""The day of every monitoring point: registers joined to day means, ranked as annex 4 of the Jiangsu text asks.

Order (本项目口径, the text says only 实时排名): hours with a dust exceedance, then the day mean of PM10, both falling;
a point whose mean is not valid follows those whose mean is, within the same number of exceedance hours.
"""

from collections.abc import Mapping
from datetime import date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import polars as pl

from pipelines.dust.validity import NOISE_HOURS, VALID_HOURS
from reports.inputs import DustReportInputs
from reports.model import Mean, OnDemand, Site
from reports.numbers import mean, number, printed, rate
from reports.words import city_name, plain_text, word

ZONE = ZoneInfo("Asia/Shanghai")
PARTICLES = ("pm10", "pm2_5", "tsp")
Plain = Mapping[str, Any]


def sites(inputs: DustReportInputs, names: "Places") -> OnDemand[Site]:
    """One row a device that uploaded on the day, worst first."""
    over = {(row["device_code"], row["averaging"]) for row in inputs.exceedances.filter(parameter="noise").to_dicts()}
    return OnDemand(_ranked(inputs), lambda row: _site(row, names, over))


def noisy(ranked: OnDemand[Site]) -> OnDemand[Site]:
    """Points that measure noise, the loudest night first."""
    measured = ranked.source.filter(pl.any_horizontal(pl.col("noise_day", "noise_night").is_not_null()))
    night, day = (printed(measured[name], 1).fill_null(0.0) for name in ("noise_night", "noise_day"))
    ordered = measured.with_columns(night_shown=night, day_shown=day).sort(
        "night_shown", "day_shown", "rank", descending=[True, True, False]
    )
    return OnDemand(ordered, ranked.make)


class Places:
    """Names of points: the project's name, else the device's, else the code; and where they lie."""

    def __init__(self, devices: pl.DataFrame, projects: pl.DataFrame) -> None:
        named = devices.select("device_code", "device_name", "project_code", "adcode")
        self.devices: dict[str, Plain] = {row["device_code"]: row for row in named.to_dicts()}
        named = projects.select("project_code", "project_name", "adcode")
        self.projects: dict[str, Plain] = {row["project_code"]: row for row in named.to_dicts()}

    def project_code(self, device_code: str, project_code: str | None) -> str:
        return project_code or self.devices.get(device_code, {}).get("project_code") or ""

    def name(self, device_code: str, project_code: str | None) -> str:
        project = self.projects.get(self.project_code(device_code, project_code), {})
        return project.get("project_name") or self.devices.get(device_code, {}).get("device_name") or device_code

    def adcode(self, device_code: str, project_code: str | None) -> str | None:
        device = self.devices.get(device_code, {})
        project = self.projects.get(self.project_code(device_code, project_code), {})
        return project.get("adcode") or device.get("adcode")


def exceedance_hours(exceedances: pl.DataFrame, day: date) -> dict[str, int]:
    """Clock hours of the local day that a dust exceedance of at most an hour's averaging touches, per device."""
    touched: dict[str, set[int]] = {}
    for row in exceedances.to_dicts():
        if row["parameter"] in PARTICLES and row["averaging"] in ("15min", "1h"):
            touched.setdefault(row["device_code"], set()).update(_clock_hours(row["began"], row["ended"], day))
    return {device: len(hours) for device, hours in touched.items()}


def local(instant: datetime) -> datetime:
    """An instant (UTC; a database may hand it out without zone) in Asia/Shanghai."""
    return (instant if instant.tzinfo else instant.replace(tzinfo=ZoneInfo("UTC"))).astimezone(ZONE)


def _clock_hours(began: datetime, ended: datetime, day: date) -> set[int]:
    midnight = datetime.combine(day, time(), ZONE)
    first = int((local(began) - midnight) // timedelta(hours=1))
    last = int((local(ended) - midnight - timedelta(milliseconds=1)) // timedelta(hours=1))
    return {hour for hour in range(first, last + 1) if 0 <= hour < 24}


def _ranked(inputs: DustReportInputs) -> pl.DataFrame:
    """The devices' rows of `daily` in their order, with rank, exceedance_hours, and of the rates what a site tells."""
    hours = exceedance_hours(inputs.exceedances, inputs.day)
    touched = pl.DataFrame([*hours.items()], {"device_code": pl.String, "exceedance_hours": pl.Int64}, orient="row")
    devices = inputs.daily.filter(subject="device")
    points = (
        devices.with_columns(pm10_shown=printed(devices["pm10"]))
        .join(touched, on="device_code", how="left")
        .join(inputs.rates.select("device_code", "vendor", "valid", "expected"), on="device_code", how="left")
        .with_columns(pl.col("exceedance_hours").fill_null(0))
    )
    with_mean = pl.col("pm10_valid").fill_null(False) & pl.col("pm10_shown").is_not_null()
    return points.sort(
        "exceedance_hours",
        with_mean,
        pl.col("pm10_shown").fill_null(0.0),
        "device_code",
        descending=[True, True, True, False],
    ).with_row_index("rank", offset=1)


def _site(row: Plain, names: Places, over: set[tuple[str, str]]) -> Site:
    code, project = row["device_code"], row["project_code"]
    return Site(
        rank=row["rank"],
        device_code=code,
        project_code=names.project_code(code, project),
        name=names.name(code, project),
        city=city_name(names.adcode(code, project)),
        vendor=row["vendor"] or "",
        registered=code in names.devices,
        exceedance_hours=row["exceedance_hours"],
        means={p: mean(row[p], row[f"{p}_hours"], VALID_HOURS[p], bool(row[f"{p}_valid"])) for p in PARTICLES},
        reported={p: number(row[f"{p}_reported"]) for p in PARTICLES},
        noise_day=_noise(row, "noise_day", NOISE_HOURS["day"]),
        noise_night=_noise(row, "noise_night", NOISE_HOURS["night"]),
        noise_day_over=(code, "day") in over,
        noise_night_over=(code, "night") in over,
        aqi=number(row["aqi"]),
        primary=word("parameter", row["primary_pollutant"]) if row["primary_pollutant"] else plain_text(""),
        readings=row["readings"] or 0,
        duplicates=row["duplicates"] or 0,
        effective=rate(row["valid"], row["expected"]),
    )


def _noise(row: Plain, column: str, needed: int) -> Mean:
    hours = row[f"{column}_hours"]
    return mean(row[column], hours, needed, (hours or 0) >= needed, digits=1)
