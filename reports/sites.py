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
from reports.numbers import mean, number, rate
from reports.words import city_name, plain_text, word

ZONE = ZoneInfo("Asia/Shanghai")
PARTICLES = ("pm10", "pm2_5", "tsp")
Plain = Mapping[str, Any]


def sites(inputs: DustReportInputs, names: "Places") -> OnDemand[Site]:
    """One row a device that uploaded on the day, worst first."""
    hours = exceedance_hours(inputs.exceedances, inputs.day)
    over = {(row["device_code"], row["averaging"]) for row in inputs.exceedances.filter(parameter="noise").to_dicts()}
    rates = {row["device_code"]: row for row in inputs.rates.to_dicts()}

    def site(row: Plain) -> Site:
        return _site(row, names, hours.get(row["device_code"], 0), over, rates.get(row["device_code"], {}))

    ordered = sorted(inputs.daily.filter(subject="device").to_dicts(), key=lambda row: _order(row, hours))
    return OnDemand([row | {"rank": rank} for rank, row in enumerate(ordered, start=1)], site)


def noisy(ranked: OnDemand[Site]) -> OnDemand[Site]:
    """Points that measure noise, the loudest night first."""
    measured = [row for row in ranked.source if row["noise_day"] is not None or row["noise_night"] is not None]
    return OnDemand(sorted(measured, key=_loudness), ranked.make)


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


def _site(row: Plain, names: Places, hours: int, over: set[tuple[str, str]], rates: Plain) -> Site:
    code, project = row["device_code"], row["project_code"]
    return Site(
        rank=row["rank"],
        device_code=code,
        project_code=names.project_code(code, project),
        name=names.name(code, project),
        city=city_name(names.adcode(code, project)),
        vendor=rates.get("vendor") or "",
        registered=code in names.devices,
        exceedance_hours=hours,
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
        effective=rate(rates["valid"], rates["expected"]) if rates else rate(None, None),
    )


def _noise(row: Plain, column: str, needed: int) -> Mean:
    hours = row[f"{column}_hours"]
    return mean(row[column], hours, needed, (hours or 0) >= needed, digits=1)


def _order(row: Plain, hours: Mapping[str, int]) -> tuple[int, bool, float, str]:
    code, pm10 = row["device_code"], number(row["pm10"]).value
    return (-hours.get(code, 0), not row["pm10_valid"] or pm10 is None, -(pm10 or 0.0), code)


def _loudness(row: Plain) -> tuple[float, float, int]:
    day, night = (number(row[name], 1).value or 0.0 for name in ("noise_day", "noise_night"))
    return (-night, -day, row["rank"])
