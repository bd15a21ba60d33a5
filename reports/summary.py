"""The first page of a report: the day in one paragraph and in a handful of figures."""

from dataclasses import replace

import polars as pl

from reports.inputs import DustReportInputs
from reports.judged import Judged, unjudged
from reports.model import ProvinceMean, RateRow, Summary
from reports.numbers import number, rate
from reports.sites import PARTICLES, Places
from reports.words import Text, word, words


def summary(
    inputs: DustReportInputs, of_limits: Judged, names: Places, whole: RateRow, sent: tuple[str, ...]
) -> Summary:
    """Figures of the whole province; `limited` says whether any dust limit is configured for the day."""
    left, points = unjudged(inputs, of_limits, names), inputs.daily.filter(subject="device")
    reporting = inputs.rates.filter(pl.col("received") > 0)
    counted = Summary(
        headline=words()["headline.none"],
        limited=any(limit["parameter"] in PARTICLES for limit in inputs.limits),
        judged=points.height - sum(city.unlimited + city.without_mean for city in left),
        unjudged=left,
        uncounted=None,
        projects=len({names.project_code(*row) for row in points.select("device_code", "project_code").rows()} - {""}),
        devices_registered=inputs.rates.filter("registered").height,
        devices_reporting=reporting.filter("registered").height,
        devices_unregistered=reporting.filter(~pl.col("registered")).height,
        means=tuple(_province_mean(parameter, inputs.daily) for parameter in sent),
        exceedances=inputs.exceedances.height,
        exceeding_devices=inputs.exceedances["device_code"].n_unique(),
        transmission=whole.transmission,
        validity=whole.validity,
        effective=whole.effective,
        online=whole.online,
        hours=whole.hours,
        late=rate(whole.late, whole.received),
        duplicates=int(points["duplicates"].sum()),
        readings=int(points["readings"].sum()),
        malformed=int(inputs.rejected["count"].sum() or 0),
    )
    counted = replace(counted, uncounted=_uncounted(counted))
    return counted if points.is_empty() else replace(counted, headline=_headline(counted))


def _uncounted(counted: Summary) -> Text | None:
    """What stands in place of the count of exceedances: nothing was found because nothing could be compared."""
    if counted.exceedances or counted.judged:
        return None
    return words()["card.unjudged" if counted.limited else "card.unlimited"]


def _province_mean(parameter: str, daily: pl.DataFrame) -> ProvinceMean:
    """Mean over devices of their valid day means, each device the same weight (本项目口径)."""
    devices = daily.filter((pl.col("subject") == "device") & pl.col(parameter).is_not_null())
    valid = sorted(devices.filter(pl.col(f"{parameter}_valid"))[parameter].to_list())
    return ProvinceMean(
        parameter,
        word("parameter", parameter),
        number(sum(valid) / len(valid) if valid else None),
        len(valid),
        devices.height,
    )


def _headline(counted: Summary) -> Text:
    parts = [
        words()["headline.devices"].filled(registered=counted.devices_registered, reporting=counted.devices_reporting)
    ]
    for mean in counted.means[:1]:
        key = "headline.mean" if mean.mean.value is not None else "headline.no_mean"
        parts.append(
            words()[key].filled(name=mean.name, mean=mean.mean.text, valid=mean.valid_devices, devices=mean.devices)
        )
    if counted.exceedances:
        parts.append(
            words()["headline.exceedances"].filled(count=counted.exceedances, devices=counted.exceeding_devices)
        )
    elif not counted.limited:
        parts.append(words()["headline.unlimited"])
    else:
        parts.append(words()["headline.no_exceedance" if counted.judged else "headline.unjudged"])
    if counted.judged and counted.unjudged:
        rest = sum(city.unlimited + city.without_mean for city in counted.unjudged)
        parts.append(words()["headline.some_unjudged"].filled(judged=counted.judged, rest=rest))
    parts.append(
        words()["headline.uploads"].filled(effective=counted.effective.text, malformed=f"{counted.malformed:,}")
    )
    return Text("".join(part.zh for part in parts), " ".join(part.en for part in parts))
