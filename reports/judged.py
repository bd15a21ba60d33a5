"""Which devices a limit judged on the day (判定范围): those it is for, with a valid mean and the reference it needs.

Without this a day on which nothing could be compared would read like a day without an exceedance.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import polars as pl

from pipelines.dust.exceedance import city_means
from pipelines.dust.validity import NOISE_HOURS, VALID_HOURS
from pipelines.limits import Limit, most_specific
from reports.inputs import DustReportInputs
from reports.model import Unjudged
from reports.sites import PARTICLES, Places
from reports.words import city_name

Devices = frozenset[str]


@dataclass(frozen=True)
class Judged:
    """Devices by the id of a limit in force. covered: those with data that it is the most specific one for; by: those
    that it judged; dust: ids of the limits of particles."""

    covered: Mapping[str, Devices]
    by: Mapping[str, Devices]
    dust: frozenset[str]


def judged(inputs: DustReportInputs) -> Judged:
    """What every limit in force judged on the day.

    A limit of 15 minutes judges where an hour is valid (then a quarter of it is), or where it was exceeded.
    """
    fields: Sequence[Mapping[str, Any]] = inputs.limits
    limits = [Limit(**row) for row in fields]
    exceeded = inputs.exceedances.group_by("limit_id").agg("device_code")
    found = {name: frozenset(codes) for name, codes in exceeded.iter_rows()}
    covered = _covered(inputs, limits)
    return Judged(
        covered,
        {
            limit.id: covered[limit.id] & _with_mean(inputs, limit) | found.get(limit.id, frozenset())
            for limit in limits
        },
        frozenset(limit.id for limit in limits if limit.parameter in PARTICLES),
    )


def unjudged(inputs: DustReportInputs, of_limits: Judged, names: Places) -> tuple[Unjudged, ...]:
    """By city the devices with data that no dust limit judged: for want of a limit, or of a mean to compare."""
    having: Devices = frozenset().union(*(of_limits.by[name] for name in of_limits.dust))
    covered: Devices = frozenset().union(*(of_limits.covered[name] for name in of_limits.dust))
    left: dict[str, list[bool]] = {}  # city → of each device left whether some limit is for it
    for code, project in inputs.daily.filter(subject="device").select("device_code", "project_code").iter_rows():
        if code not in having:
            left.setdefault((names.adcode(code, project) or "")[:4], []).append(code in covered)
    return tuple(Unjudged(city_name(city), some.count(False), some.count(True)) for city, some in sorted(left.items()))


def _covered(inputs: DustReportInputs, limits: Sequence[Limit]) -> dict[str, Devices]:
    """Of each limit the devices with data that it is the most specific one for, as the rules choose it."""
    measuring = inputs.daily.filter(subject="device").select("device_code")
    alike = measuring.join(_places(inputs), on="device_code", how="left").group_by("adcode", "phase").agg("device_code")
    covered: dict[str, set[str]] = {limit.id: set() for limit in limits}
    for adcode, phase, codes in alike.iter_rows():  # few places and phases, many devices
        for limit in most_specific(limits, adcode, phase):
            covered[limit.id].update(codes)
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
        places = _places(inputs).select("device_code", city=pl.col("adcode").str.head(4))
        valid = valid.join(places, on="device_code").join(cities, on=["city", "hour_start"], how="semi")
    return frozenset(valid["device_code"].unique())


def _places(inputs: DustReportInputs) -> pl.DataFrame:
    """device_code, adcode and phase of the registered devices: a device's own place, else its project's."""
    projects = inputs.projects.select("project_code", "phase", of_project="adcode")
    return inputs.devices.join(projects, on="project_code", how="left").select(
        "device_code", "phase", adcode=pl.coalesce("adcode", "of_project")
    )
