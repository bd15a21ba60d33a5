"""What was found on the day: exceedances against the limits in force, the nearest stations, malformed uploads."""

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any

import polars as pl

from reports.inputs import DustReportInputs
from reports.model import Exceedance, Limit, Listing, OnDemand, Reference, Rejected
from reports.numbers import number, rate
from reports.sites import Places, local
from reports.words import Text, city_name, plain_text, word, words

Plain = Mapping[str, Any]


def limits_in_force(limits: tuple[Plain, ...], judged: Mapping[str, frozenset[str]]) -> tuple[Limit, ...]:
    """The limits of the day, in the order in which they were given; `judged`: the devices that each judged."""
    return tuple(
        Limit(
            id=str(row["id"]),
            parameter=word("parameter", str(row["parameter"])),
            averaging=word("averaging", str(row["averaging"])),
            judgement=word("judgement", str(row["judgement"])),
            level=word("level", str(row["level"])),
            value=number(float(row["value"])),
            exceeded=words()["limit.at" if row.get("at_limit") else "limit.above"],
            unit=unit_text(str(row["unit"])),
            judged=len(judged[str(row["id"])]),
            scope=_scope(row),
            standard=str(row["standard"]),
            title=str(row.get("title") or ""),
            effective_from=str(row.get("effective_from") or "–"),
            provenance=word("provenance", str(row["provenance"])),
            source=str(row["source"]),
        )
        for row in limits
    )


def exceedances(inputs: DustReportInputs, names: Places, shown: int) -> Listing[Exceedance]:
    """Every run of exceeding periods, alarms first, then in the order of time."""
    dates = {str(row["id"]): str(row.get("effective_from") or "–") for row in inputs.limits}
    less = pl.col("level").ne_missing("alarm")
    ordered = inputs.exceedances.sort(less, "began", "device_code", maintain_order=True)
    return Listing(OnDemand(ordered, lambda row: _exceedance(row, names, dates, inputs.day)), shown)


def references(frame: pl.DataFrame, names: Places, shown: int) -> Listing[Reference]:
    """Sites beside their nearest station, the largest deviation first."""
    distance = pl.col("deviation").abs().fill_null(0.0)
    ordered = frame.sort(distance, "device_code", "parameter", descending=[True, False, False])
    highest = frame.select(pl.max_horizontal(pl.col("site_mean", "station_mean").max())).item() or 1.0
    return Listing(OnDemand(ordered, lambda row: _reference(row, names, highest)), shown)


def rejected(frame: pl.DataFrame, shown: int) -> Listing[Rejected]:
    """Malformed uploads by vendor and reason, the most frequent first."""
    columns = ["vendor", "kind", "reason", "field"]
    counted = frame.with_columns(pl.col(columns).fill_null("")).group_by(columns).agg(pl.col("count").sum())
    ordered = counted.sort("count", *columns, descending=[True, *(False for _ in columns)])
    whole = int(counted["count"].sum())
    return Listing(OnDemand(ordered, lambda row: _rejected(row, whole)), shown)


def unit_text(unit: str) -> str:
    """A unit as a reader writes it."""
    return {"ug/m3": "µg/m³", "mg/m3": "mg/m³", "dB(A)": "dB(A)", "dB": "dB(A)"}.get(unit, unit)


def _exceedance(row: Plain, names: Places, dates: Mapping[str, str], day: date) -> Exceedance:
    digits = 1 if row["parameter"] == "noise" else 0
    return Exceedance(
        name=names.name(row["device_code"], row["project_code"]),
        device_code=row["device_code"],
        city=city_name(names.adcode(row["device_code"], row["project_code"])),
        parameter=word("parameter", row["parameter"]),
        averaging=word("averaging", row["averaging"]),
        judgement=word("judgement", row["judgement"]),
        level=word("level", row["level"]),
        value=number(row["value"], digits),
        reference=number(row["reference_value"], digits),
        limit=number(row["limit_value"]),
        unit=unit_text(row["unit"]),
        standard=row["standard"],
        effective_from=dates.get(row["limit_id"], "–"),
        began=_clock(row["began"], day),
        ended=_clock(row["ended"], day, end=True),
    )


def _reference(row: Plain, names: Places, highest: float) -> Reference:
    return Reference(
        name=names.name(row["device_code"], row["project_code"]),
        device_code=row["device_code"],
        city=city_name(names.adcode(row["device_code"], row["project_code"])),
        station=row["station_name"] or row["station_code"],
        station_code=row["station_code"],
        distance=number(row["distance_km"], 1),
        parameter=word("parameter", row["parameter"]),
        hours=row["hours"],
        site_mean=number(row["site_mean"]),
        station_mean=number(row["station_mean"]),
        deviation=number(row["deviation"], signed=True),
        deviation_percent=number(row["deviation_percent"], 1, signed=True),
        site_at=round(100 * (row["site_mean"] or 0.0) / highest, 1),
        station_at=round(100 * (row["station_mean"] or 0.0) / highest, 1),
    )


def _rejected(row: Plain, whole: int) -> Rejected:
    return Rejected(
        vendor=plain_text(row["vendor"]) if row["vendor"] else words()["vendor.unknown"],
        kind=word("kind", row["kind"]),
        reason=word("reason", row["reason"]),
        field=row["field"],
        count=row["count"],
        share=rate(row["count"], whole),
    )


def _scope(row: Plain) -> Text:
    phases = [word("phase", str(phase)) for phase in row.get("phases") or ()]
    cities = [city_name(str(adcode)) for adcode in row.get("adcodes") or ()]
    parts = [*cities, *phases]
    if not parts:
        return words()["scope.all"]
    return Text("、".join(part.zh for part in parts), ", ".join(part.en for part in parts))


def _clock(instant: datetime, day: date, end: bool = False) -> str:
    """HH:MM local; midnight at the end of the day is 24:00, another day is named."""
    at = local(instant)
    if end and (at.hour, at.minute) == (0, 0) and (at.date() - day).days == 1:
        return "24:00"
    return f"{at:%H:%M}" if at.date() == day else f"{at:%m-%d %H:%M}"
