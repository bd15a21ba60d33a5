"""What else happens on the sites 工地业务: people, machines, cameras, checks, from simulation/kinds/<kind>.yaml.

One file a kind, one way for all: whose it is, when it happens, how its fields are drawn, in canonical words. What the
province's mapping requires and cannot say does not happen there: Shanxi asks for managers, so no worker enters there.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any
from zlib import crc32

import numpy as np
import polars as pl

from pipelines.contract import read_yaml
from simulation.inverse import Inverse
from simulation.people import crew
from simulation.recipes import Scene, draw
from simulation.sites import devices, projects
from simulation.spec import Spec

KINDS = Path(__file__).parent / "kinds"
DOUBLED_EVERY, LATE_EVERY = 40, 30  # of a feed's occurrences
SOON, DAY = timedelta(seconds=3), timedelta(days=1)


@dataclass(frozen=True)
class Occurrence:
    """One thing that happened: canonical values (persons and plates unhidden), what is said of the person, receipt."""

    values: Mapping[str, Any]
    person: Mapping[str, Any]
    vendor: str
    timestamp: datetime
    flags: str = ""
    damage: str | None = None


@cache
def recipes() -> Mapping[str, Mapping[str, Any]]:
    """Kind → content of its file."""
    return {file.stem: read_yaml(file) for file in sorted(KINDS.glob("*.yaml"))}


def recipe_of(kind: str, province: str) -> dict[str, Any]:
    """The file's content with what the province has of its own."""
    common = recipes()[kind]
    own = common.get("provinces", {}).get(province, {})
    return {**common, **own, "fields": common["fields"] | own.get("fields", {})}


def sites_of(spec: Spec) -> pl.DataFrame:
    """Every project (a row of sites.projects) with its first dust device (device_code) and that device's vendor."""
    sites = projects(spec)
    by_project = devices(spec, sites).group_by("project_code", maintain_order=True)
    first = by_project.agg(pl.col("device_code", "vendor").first())
    return sites.join(first, on="project_code", maintain_order="left")


def occurrences(kind: str, sites: pl.DataFrame, inverses: Mapping[str, Inverse], spec: Spec) -> list[Occurrence]:
    """What happened of one kind on one province's sites, and what went wrong on the way; `inverses` by vendor."""
    happened: list[Occurrence] = []
    for project in sites.iter_rows(named=True):
        rng = spec.generator(7, crc32(kind.encode()), project["serial"])
        happened += _of_project(recipe_of(kind, project["province"]), project, rng, inverses[project["vendor"]], spec)
    return sorted(_with_faults(happened, spec) if spec.faults else happened, key=lambda each: each.timestamp)


def _of_project(
    recipe: Mapping[str, Any], project: Mapping[str, Any], rng: np.random.Generator, inverse: Inverse, spec: Spec
) -> Iterator[Occurrence]:
    people = _chosen(recipe.get("who", {}), project)
    number = 0
    for thing in range(len(people) if recipe.get("people") else recipe.get("things", 1)):
        for moment in recipe["moments"]:
            for at in _times(moment, rng, spec):
                number += 1
                person = people[thing] if recipe.get("people") else people[int(rng.integers(len(people)))]
                words = {**project, **person, "thing": thing + 1, "number": number, "at": at}
                fields = recipe["fields"] | moment.get("fields", {})
                observed = inverse.rounded(inverse.rules["observed_at"], at)
                values = {"observed_at": observed} | draw(fields, inverse.rules, Scene(rng, words, at), inverse)
                if all(values.get(name) is not None for name in inverse.needed):
                    received = max(at, spec.start) + timedelta(milliseconds=int(rng.integers(2_000, 20_000)))
                    yield Occurrence(values, person, project["vendor"], received)


def _chosen(who: Mapping[str, Sequence[str]], project: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Those of the project's crew who are one of what is asked for."""
    return [person for person in crew(project) if all(person[what] in wanted for what, wanted in who.items())]


def _times(moment: Mapping[str, Any], rng: np.random.Generator, spec: Spec) -> list[datetime]:
    """Once at the midnight that begins the day before the first; or so many times a day within hours, whole seconds."""
    if moment.get("once"):
        return [spec.start - DAY]
    low, high = moment["hours"]
    times = [
        spec.start + timedelta(days=day, seconds=int(3600 * rng.uniform(low, high)))
        for day in range(spec.days)
        for _ in range(moment.get("times", 1))
        if rng.random() < moment.get("share", 1)
    ]
    return sorted(times)


def _with_faults(happened: list[Occurrence], spec: Spec) -> list[Occurrence]:
    """Some come a day late, if that is still within the simulated days; some come twice."""
    end = spec.start + timedelta(days=spec.days)
    late = [
        replace(each, timestamp=each.timestamp + DAY, flags="late")
        if number % LATE_EVERY == 1 and each.timestamp + DAY < end
        else each
        for number, each in enumerate(happened)
    ]
    doubled = [replace(each, timestamp=each.timestamp + SOON, flags="doubled") for each in late[::DOUBLED_EVERY]]
    return [*late, *doubled]
