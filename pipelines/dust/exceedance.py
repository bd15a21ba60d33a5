"""Exceedances (超标) of the limits in force: one row per device, limit and unbroken run of exceeding periods.

Means are compared as they are, unrounded (全数值比较法, GB/T 8170), and only when they are valid. The noise of floats
is no part of them: of quarters whose mean on paper is the limit, every seventh would else exceed it.
"""

from collections.abc import Mapping
from datetime import date, datetime, timedelta

import polars as pl

from pipelines.dust.daily import DAY_BEGINS, NIGHT_BEGINS, NIGHT_ENDS, noise_leq
from pipelines.dust.observations import OBSERVATION
from pipelines.dust.readings import (
    HOUR,
    TIME,
    day_end,
    each,
    energy_mean,
    good,
    midnight,
    new_run,
    slot,
    with_interval,
)
from pipelines.dust.validity import NOISE_HOURS, QUARTER_DEN, QUARTER_NUM, VALID_HOURS
from pipelines.limits import Limit, Limits, most_specific
from pipelines.rounding import SIGNIFICANT

QUARTER = timedelta(minutes=15)

EXCEEDANCES = pl.Schema(
    {
        **dict.fromkeys(
            ("province", "day", "device_code", "project_code", "parameter", "averaging", "judgement", "level"),
            pl.String(),
        ),
        **dict.fromkeys(("value", "reference_value", "limit_value"), pl.Float64()),
        **dict.fromkeys(("unit", "standard", "limit_id"), pl.String()),
        "began": TIME,
        "ended": TIME,
    }
)
PERIODS = pl.Schema(
    {
        "device_code": pl.String(),
        "began": TIME,
        "ended": TIME,
        "value": pl.Float64(),
        "first": pl.Int64(),
        "last": pl.Int64(),
    }
)


def exceedances(
    quarters: Mapping[str, pl.DataFrame],
    hours: pl.DataFrame,
    devices: pl.DataFrame,
    projects: pl.DataFrame,
    city_hours: pl.DataFrame,
    limits: Limits,
    day: date,
) -> pl.DataFrame:
    """Every run of consecutive periods in which a device exceeded a limit, with its greatest value.

    quarters: the day's `quarters` of every parameter of `quarters_in_force`; hours: dust_hourly of the day and, so that
    the night can be judged, of the next morning; devices, projects: registers; city_hours: dust_hourly of the control
    stations. A device is judged by the most specific limit for its place (its own adcode, else its project's) and its
    project's phase. `value` is what is compared: of judgement `difference` the mean less `reference_value` (the mean of
    the control stations of its city in that hour; without one there is no judgement), of `count` the number of periods.
    """
    sites = _sites(hours, devices, projects)
    province = sites["province"].first() if sites.height else ""
    judged = _judged(sites, limits.in_force(str(province), day))
    keys = {(limit.parameter, limit.averaging) for limit, _ in judged if limit.judgement != "count"}
    means = {key: _periods(quarters, hours, day, *key) for key in sorted(keys)}
    exceeding = {
        limit.id: _exceeding(means[limit.parameter, limit.averaging].join(covered, on="device_code"), limit, city_hours)
        for limit, covered in judged
        if limit.judgement != "count"
    }
    found = [_described(_runs(exceeding[limit.id]), limit, day) for limit, _ in judged if limit.id in exceeding]
    found += [
        _described(_counted(exceeding[limit.counts], limit, covered), limit, day)
        for limit, covered in judged
        if limit.counts in exceeding
    ]
    return pl.concat([pl.DataFrame(schema=EXCEEDANCES), *found]).sort("device_code", "limit_id", "began")


def _sites(hours: pl.DataFrame, devices: pl.DataFrame, projects: pl.DataFrame) -> pl.DataFrame:
    """province, device_code, project_code, adcode, phase of every device that is registered or has hours."""
    project = projects.select("project_code", "phase", project_adcode="adcode").unique("project_code")
    known = devices.select("province", "device_code", "project_code", "adcode").unique("device_code")
    seen = hours.select("province", "device_code").unique()
    return (
        known.join(seen, on=["province", "device_code"], how="full", coalesce=True)
        .join(project, on="project_code", how="left")
        .with_columns(adcode=pl.coalesce("adcode", "project_adcode"))
        .drop("project_adcode")
    )


def _judged(sites: pl.DataFrame, limits: tuple[Limit, ...]) -> list[tuple[Limit, pl.DataFrame]]:
    """Each limit with the sites that it is the most specific one for."""
    covered: dict[str, list[pl.DataFrame]] = {}
    for (adcode, phase), part in sites.group_by("adcode", "phase"):
        for limit in most_specific(limits, *(None if x is None else str(x) for x in (adcode, phase))):
            covered.setdefault(limit.id, []).append(part)
    return [(limit, pl.concat(covered[limit.id])) for limit in limits if limit.id in covered]


def _periods(
    quarters: Mapping[str, pl.DataFrame], hours: pl.DataFrame, day: date, parameter: str, averaging: str
) -> pl.DataFrame:
    """The valid means of one parameter and averaging time: the columns of PERIODS.

    `first` and `last` number what a period is made of: the next one is consecutive where its `first` follows `last`.
    """
    if averaging == "15min":
        return quarters[parameter]
    if averaging in ("day", "night"):
        return _noise(hours, day, averaging)
    start = midnight(day)
    of_day = hours.filter(f"{parameter}_valid", pl.col("day") == day.isoformat())
    if averaging == "1h":
        return _numbered(
            of_day.with_columns(began="hour_start", ended=pl.col("hour_start") + HOUR, value=pl.col(parameter))
        )
    means = of_day.sort("device_code", "hour_start").group_by("device_code", maintain_order=True)
    daily = means.agg(value=pl.col(parameter).mean(), hours=pl.len())
    return _lasting(daily.filter(pl.col("hours") >= VALID_HOURS[parameter]), start, day_end(day))


def quarters_in_force(limits: Limits, province: str, day: date) -> list[str]:
    """The parameters that a limit in force judges by the quarter of an hour."""
    return sorted({limit.parameter for limit in limits.in_force(province, day) if limit.averaging == "15min"})


def quarters(readings: pl.DataFrame, devices: pl.DataFrame, day: date, parameter: str) -> pl.DataFrame:
    """15-minute means from the full hour (自整时起依次顺延15分钟), of good readings: the columns of PERIODS.

    readings: the rows of `observations`. A device due every 10 minutes must have 1 reading in any quarter, one due
    every 20 or 30 minutes need have none: its periods are consecutive as long as it misses no upload, whether or not
    quarters without a reading lie between.
    """
    mean = energy_mean(pl.col(parameter)) if parameter == "noise" else pl.col(parameter).mean()
    due = QUARTER // timedelta(seconds=1) // pl.col("interval_s")
    quarter = pl.col("observed_at").dt.epoch("s") // (QUARTER // timedelta(seconds=1))
    looked_at = readings.filter(good(parameter, readings["quality_notes"].unique()))
    rows = with_interval(looked_at.select(*OBSERVATION, parameter), devices)
    numbered = rows.with_columns(due=due, slot=slot(day), began=pl.col("observed_at").dt.truncate("15m")).with_columns(
        number=pl.when(pl.col("due") > 0).then(quarter).otherwise("slot"),
        opens=new_run("device_code", "began", "slot"),  # rows are in the order of time: a slot is one run
    )
    return (
        each(
            numbered,
            ("device_code", "began"),
            pl.col("due").first(),
            value=mean,
            came=pl.col("opens").sum(),
            first=pl.col("number").first(),
            last=pl.col("number").last(),
        )
        .filter(pl.col("came") * QUARTER_DEN >= pl.col("due") * QUARTER_NUM)
        .with_columns(ended=pl.col("began") + QUARTER)
        .select(*PERIODS)
        .cast(PERIODS)
    )


def _numbered(means: pl.DataFrame) -> pl.DataFrame:
    """Means as PERIODS, numbered so that a period follows the one it adjoins."""
    number = pl.col("began").dt.epoch("s") // (pl.col("ended") - pl.col("began")).dt.total_seconds()
    return means.with_columns(first=number, last=number).select(*PERIODS).cast(PERIODS)


def _noise(hours: pl.DataFrame, day: date, averaging: str) -> pl.DataFrame:
    """The Leq of the day or of the night that begins on it."""
    began, ended = (DAY_BEGINS, NIGHT_BEGINS) if averaging == "day" else (NIGHT_BEGINS, NIGHT_ENDS)
    name = f"noise_{averaging}"
    enough = noise_leq(hours, day).filter(pl.col(f"{name}_hours") >= NOISE_HOURS[averaging])
    return _lasting(enough.rename({name: "value"}), midnight(day) + began, midnight(day) + ended)


def _lasting(means: pl.DataFrame, began: datetime, ended: datetime) -> pl.DataFrame:
    """Means that all cover the same time."""
    times = {"began": pl.lit(began, TIME), "ended": pl.lit(ended, TIME)}
    return _numbered(means.with_columns(**times))


def _exceeding(periods: pl.DataFrame, limit: Limit, city_hours: pl.DataFrame) -> pl.DataFrame:
    """The periods above the limit, with reference_value and the value that is compared."""
    if limit.judgement == "difference":
        cities = city_means(city_hours, limit.parameter)
        periods = (
            periods.with_columns(city=pl.col("adcode").str.head(4))
            .join(cities, left_on=["city", "began"], right_on=["city", "hour_start"])
            .with_columns(value=pl.col("value") - pl.col("reference_value"))
        )
    else:
        periods = periods.with_columns(reference_value=pl.lit(None, pl.Float64))
    compared = periods.with_columns(pl.col("value").round_sig_figs(SIGNIFICANT))
    return compared.filter(pl.col("value") >= limit.value if limit.at_limit else pl.col("value") > limit.value)


def city_means(station_hours: pl.DataFrame, parameter: str) -> pl.DataFrame:
    """Mean of a city's stations with a valid hour: city (4 digits of the adcode), hour_start, reference_value."""
    return (
        station_hours.filter(f"{parameter}_valid", pl.col("adcode").is_not_null())
        .sort("device_code")
        .group_by(pl.col("adcode").str.head(4).alias("city"), "hour_start", maintain_order=True)
        .agg(reference_value=pl.col(parameter).mean())
    )


def _runs(periods: pl.DataFrame) -> pl.DataFrame:
    """Consecutive periods of a device as one: from the first to the last, with the greatest value and its reference."""
    new = (pl.col("first") - pl.col("last").shift(1) > 1).fill_null(True).over("device_code")
    peak = pl.col("value").arg_max()
    return (
        periods.sort("device_code", "began")
        .with_columns(run=new.cum_sum().over("device_code"))
        .group_by("province", "device_code", "project_code", "run", maintain_order=True)
        .agg(
            pl.col("began").first(),
            pl.col("ended").last(),
            pl.col("value", "reference_value").get(peak),
        )
    )


def _counted(periods: pl.DataFrame, limit: Limit, covered: pl.DataFrame) -> pl.DataFrame:
    """Devices that exceeded the counted limit more often than `limit` allows: value is how often."""
    counts = (
        periods.join(covered.select("device_code"), on="device_code", how="semi")
        .group_by("province", "device_code", "project_code")
        .agg(pl.col("began").min(), pl.col("ended").max(), value=pl.len().cast(pl.Float64))
        .with_columns(reference_value=pl.lit(None, pl.Float64))
    )
    return counts.filter(pl.col("value") > limit.value)


def _described(runs: pl.DataFrame, limit: Limit, day: date) -> pl.DataFrame:
    """Adds what the limit says."""
    said = ("parameter", "averaging", "judgement", "level", "unit", "standard")
    return (
        runs.with_columns(
            *[pl.lit(getattr(limit, name)).alias(name) for name in said],
            day=pl.lit(day.isoformat()),
            limit_value=pl.lit(float(limit.value)),
            limit_id=pl.lit(limit.id),
        )
        .select(*EXCEEDANCES)
        .cast(EXCEEDANCES)
    )
