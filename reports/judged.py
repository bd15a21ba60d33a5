"""Which devices a limit judged on the day (判定范围): those it is for, with a valid mean and the reference it needs.

Without this a day on which nothing could be compared would read like a day without an exceedance.
"""

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

import polars as pl

from pipelines.dust.exceedance import city_means
from pipelines.dust.validity import NOISE_HOURS, VALID_HOURS
from pipelines.limits import Limit, most_specific
from reports.inputs import DustReportInputs
from reports.model import Unjudged
from reports.sites import PARTICLES, Places, rows_of
from reports.words import city_name

Devices = frozenset[str]


def dust_limits(inputs: DustReportInputs) -> list[Limit]:
    """The particle limits in force on the day."""
    fields: Sequence[Mapping[str, Any]] = inputs.limits
    return [Limit(**row) for row in fields if row["parameter"] in PARTICLES]


def judged_by(inputs: DustReportInputs) -> dict[str, Devices]:
    """Of every limit in force the devices that it judged, by the limit's id.

    A limit of 15 minutes judges where an hour is valid (then a quarter of it is), or where it was exceeded.
    """
    fields: Sequence[Mapping[str, Any]] = inputs.limits
    limits = [Limit(**row) for row in fields]
    exceeded = inputs.exceedances.group_by("limit_id").agg("device_code")
    found = {name: frozenset(codes) for name, codes in exceeded.iter_rows()}
    covered = _covered(inputs, limits)
    return {x.id: covered[x.id] & _with_mean(inputs, x) | found.get(x.id, frozenset()) for x in limits}


def unjudged(inputs: DustReportInputs, names: Places) -> tuple[Unjudged, ...]:
    """By city the devices with data that no dust limit judged: for want of a limit, or of a mean to compare."""
    limits, judged = dust_limits(inputs), judged_by(inputs)
    having: Devices = frozenset().union(*(judged[limit.id] for limit in limits))
    covered: Devices = frozenset().union(*_covered(inputs, limits).values())
    left: dict[str, list[bool]] = {}  # city → of each device left whether some limit is for it
    for row in rows_of(inputs.daily, subject="device"):
        code = row["device_code"]
        if code not in having:
            left.setdefault((names.adcode(code, row["project_code"]) or "")[:4], []).append(code in covered)
    return tuple(Unjudged(city_name(city), some.count(False), some.count(True)) for city, some in sorted(left.items()))


def _covered(inputs: DustReportInputs, limits: Sequence[Limit]) -> dict[str, Devices]:
    """Of each limit the devices with data that it is the most specific one for, as the rules choose it."""
    devices = {row["device_code"]: row for row in inputs.devices.to_dicts()}
    projects = {row["project_code"]: row for row in inputs.projects.to_dicts()}

    @cache  # few places and phases, many devices
    def chosen(adcode: str | None, phase: str | None) -> tuple[str, ...]:
        return tuple(limit.id for limit in most_specific(limits, adcode, phase))

    covered: dict[str, set[str]] = {limit.id: set() for limit in limits}
    for code in inputs.daily.filter(subject="device")["device_code"]:
        device = devices.get(code, {})
        project = projects.get(device.get("project_code"), {})
        for name in chosen(device.get("adcode") or project.get("adcode"), project.get("phase")):
            covered[name].add(code)
    return {name: frozenset(codes) for name, codes in covered.items()}


def _with_mean(inputs: DustReportInputs, limit: Limit) -> Devices:
    """Devices with a valid mean of the limit's parameter and averaging time, beside a reference where it needs one."""
    name = limit.parameter
    if limit.averaging in NOISE_HOURS:
        enough = pl.col(f"noise_{limit.averaging}_hours") >= NOISE_HOURS[limit.averaging]
        return frozenset(inputs.daily.filter(enough)["device_code"])
    valid = inputs.hours.filter(f"{name}_valid")
    if limit.averaging == "24h":
        return frozenset(valid.group_by("device_code").len().filter(pl.col("len") >= VALID_HOURS[name])["device_code"])
    if limit.judgement == "difference":
        cities = city_means(inputs.station_hours, name)
        places = _cities(inputs)
        valid = valid.join(places, on="device_code").join(cities, on=["city", "hour_start"], how="semi")
    return frozenset(valid["device_code"].unique())


def _cities(inputs: DustReportInputs) -> pl.DataFrame:
    """device_code and city (4 digits of the adcode) of the registered devices: their own, else their project's."""
    projects = inputs.projects.select("project_code", of_project="adcode")
    return inputs.devices.join(projects, on="project_code", how="left").select(
        "device_code", city=pl.coalesce("adcode", "of_project").str.head(4)
    )
