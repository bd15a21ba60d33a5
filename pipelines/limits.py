"""Limits and index tables (限值与分级表) with their dates of effect, read from avro_schemas/limits/*.yaml."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date
from itertools import pairwise
from pathlib import Path
from typing import Any

import yaml

from pipelines.contract import CatalogError

FOLDER = Path(__file__).resolve().parents[1] / "avro_schemas" / "limits"
CLOSED: dict[str, tuple[str, ...]] = {
    "parameter": ("pm2_5", "pm10", "tsp", "noise"),
    "averaging": ("15min", "1h", "24h", "day", "night"),
    "judgement": ("absolute", "difference", "count"),
    "level": ("warning", "alarm"),
    "provenance": ("verified", "second-hand", "assumed"),
}


@dataclass(frozen=True)
class Limit:
    """One limit (限值) of a standard, for some places and phases, from a day until a day (both included).

    judgement `absolute`: the mean itself; `difference`: the mean less that of the `reference` ('city': the control
    stations of the site's city); `count`: how often on the day the limit named in `counts` was exceeded.
    Exceeded means greater than `value`; with `at_limit` also equal to it. Empty `adcodes` or `phases`: all of them.
    """

    id: str
    standard: str
    title: str
    parameter: str
    averaging: str
    judgement: str
    level: str
    value: float
    unit: str
    effective_from: date
    effective_to: date | None
    provenance: str
    source: str
    province: str | None = None
    adcodes: tuple[str, ...] = ()
    phases: tuple[str, ...] = ()
    reference: str | None = None
    counts: str | None = None
    at_limit: bool = False

    def in_force(self, day: date) -> bool:
        """Whether the limit applies on this local day."""
        return self.effective_from <= day and (self.effective_to is None or day <= self.effective_to)

    def covers(self, adcode: str | None, phase: str | None) -> bool:
        """Whether the limit is for a site there and in that phase; of an unknown one only general limits."""
        here = not self.adcodes or (adcode is not None and adcode.startswith(self.adcodes))
        return here and (not self.phases or phase in self.phases)

    def _precision(self, adcode: str | None) -> tuple[bool, int, bool]:
        """How specific the limit is: the province before the nation, the smaller area, then the named phase."""
        area = max((len(prefix) for prefix in self.adcodes if (adcode or "").startswith(prefix)), default=0)
        return self.province is not None, area, bool(self.phases)


@dataclass(frozen=True)
class Index:
    """The break points of one edition of the air quality index (AQI). Concentrations in ug/m3, CO in mg/m3."""

    standard: str
    label: str
    effective_from: date
    effective_to: date | None
    provenance: str
    source: str
    index: tuple[float, ...]
    day: Mapping[str, tuple[float, ...]]
    hour: Mapping[str, tuple[float, ...]]


@dataclass(frozen=True)
class Limits:
    """Every limit and index table that is configured."""

    limits: tuple[Limit, ...]
    indexes: tuple[Index, ...]

    @staticmethod
    def load(folder: Path | None = None) -> "Limits":
        """Read a folder of YAML files: lists of limits, and `index:` with the index tables. CatalogError if wrong."""
        limits: list[Limit] = []
        indexes: list[Index] = []
        for file in sorted((folder or FOLDER).glob("*.yaml")):
            content = yaml.safe_load(file.read_text("utf-8"))
            if isinstance(content, list):
                limits += [_limit(file, entry) for entry in content]
            elif isinstance(content, dict) and isinstance(content.get("index"), list):
                indexes += [_index(file, entry) for entry in content["index"]]
            else:
                raise CatalogError(file, "file", "neither a list nor `index:`", "Write a list of limits or an index")
            _check_names(file, limits)
        return Limits(tuple(limits), tuple(indexes))

    def in_force(self, province: str, day: date) -> tuple[Limit, ...]:
        """The limits that a report of this province and day is judged by; empty: no limit configured (未配置限值)."""
        return tuple(x for x in self.limits if x.in_force(day) and x.province in (None, province))

    def rows(self, province: str, day: date) -> tuple[dict[str, Any], ...]:
        """The same as plain mappings, for a report."""
        return tuple(asdict(x) for x in self.in_force(province, day))

    def index_on(self, day: date) -> Index | None:
        """The index edition of this day; None before the first one."""
        here = [
            x for x in self.indexes if x.effective_from <= day and (x.effective_to is None or day <= x.effective_to)
        ]
        return here[0] if here else None


def most_specific(limits: Iterable[Limit], adcode: str | None, phase: str | None) -> list[Limit]:
    """For each parameter, averaging time, judgement and level the most specific limit that covers the site."""
    best: dict[tuple[str, ...], Limit] = {}
    for limit in sorted(limits, key=lambda x: x._precision(adcode)):
        if limit.covers(adcode, phase):
            best[limit.parameter, limit.averaging, limit.judgement, limit.level] = limit
    return list(best.values())


def _limit(file: Path, entry: Mapping[str, Any]) -> Limit:
    """One limit from its YAML mapping; lists become tuples."""
    plain: dict[str, Any] = {key: tuple(value) if isinstance(value, list) else value for key, value in entry.items()}
    try:
        limit = Limit(**plain)
    except TypeError as error:
        raise CatalogError(
            file, str(entry.get("id")), str(error), "Write every field of a limit, and no other"
        ) from error
    for field, allowed in CLOSED.items():
        if getattr(limit, field) not in allowed:
            raise CatalogError(file, f"{limit.id}.{field}", "is none of the known ones", f"Use {', '.join(allowed)}")
    if (limit.averaging in ("day", "night") and limit.parameter != "noise") or (
        limit.averaging == "24h" and limit.parameter == "noise"
    ):
        raise CatalogError(file, f"{limit.id}.averaging", "does not fit the parameter", "Noise: day, night; dust: 24h")
    if limit.judgement == "difference" and limit.averaging != "1h":
        raise CatalogError(file, f"{limit.id}.averaging", "the reference is known by the hour", "Use 1h")
    if (limit.reference == "city") != (limit.judgement == "difference"):
        raise CatalogError(
            file, f"{limit.id}.reference", "goes with judgement difference", "Write reference: city there"
        )
    if (limit.counts is not None) != (limit.judgement == "count"):
        raise CatalogError(file, f"{limit.id}.counts", "goes with judgement count", "Name the limit that is counted")
    return limit


def _check_names(file: Path, limits: Sequence[Limit]) -> None:
    ids = [limit.id for limit in limits]
    if doubled := sorted({x for x in ids if ids.count(x) > 1}):
        raise CatalogError(file, doubled[0], "the id is used twice", "Give every limit its own")


def _index(file: Path, entry: Mapping[str, Any]) -> Index:
    """One index edition; every list of break points must rise."""
    tables = {when: {name: tuple(map(float, row)) for name, row in entry[when].items()} for when in ("day", "hour")}
    for when, table in tables.items():
        for name, row in table.items():
            if len(row) > len(entry["index"]) or any(low >= high for low, high in pairwise(row)):
                raise CatalogError(file, f"{entry['standard']}.{when}.{name}", "does not rise", "Mend the break points")
    return Index(**{**entry, "index": tuple(map(float, entry["index"])), **tables})
