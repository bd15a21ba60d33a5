"""Upload rates (数据回传率) and online times (在线率) per device and local day: the rows of upload_rate_daily.

Integers only; a rate is made where it is shown, from sums (roll_up), and is never a mean of rates.
"""

from collections.abc import Sequence
from datetime import date, datetime, timedelta

import polars as pl

from pipelines.dust.observations import Observations
from pipelines.dust.readings import (
    ASSUMED_INTERVAL_S,
    TIME,
    by_device,
    each,
    is_dust,
    midnight,
    new_run,
    slot,
    versions,
)
from pipelines.screening import GOOD

GRACE = timedelta(hours=1)
"""On time: received within this time after observation (rules.md)."""
ONLINE_INTERVALS = 3
"""Online: the last reading is younger than this many expected intervals (本项目口径)."""
RETURNED_NUM, RETURNED_DEN = 3, 4
"""An hour is returned when at least 3/4 of its expected slots came, 45 of 60 (本项目口径)."""
DAY_S = 24 * 3600
HOUR_OF_DEVICE = ("device_code", "hour")
ABOUT = ("province", "project_code", "vendor", "adcode")

RATES = pl.Schema(
    {
        **dict.fromkeys(("province", "day", "device_code", "project_code", "vendor", "adcode"), pl.String()),
        "registered": pl.Boolean(),
        **dict.fromkeys(
            (
                "interval_s",
                "expected",
                "received",
                "valid",
                "on_time",
                "late",
                "hours_expected",
                "hours_returned",
                "online_minutes",
                "in_service_minutes",
            ),
            pl.Int64(),
        ),
        "mapping": pl.String(),
    }
)
_HOUR = pl.Schema(
    {
        **dict.fromkeys(("device_code", "province", "project_code", "vendor", "adcode", "mapping"), pl.String()),
        **dict.fromkeys(
            ("hour", "received", "valid", "on_time", "first", "last", "inner", "span", "until"), pl.Int64()
        ),
    }
)
COUNTS = tuple(name for name, dtype in RATES.items() if dtype == pl.Int64() and name != "interval_s")


def ends(day: date, as_of: datetime | None) -> int:
    """Second of the local day until which it is judged."""
    return DAY_S if as_of is None else max(0, min(DAY_S, int((as_of - midnight(day)).total_seconds())))


def finished(parts: Sequence[pl.DataFrame], service: pl.DataFrame, day: date) -> pl.DataFrame:
    """The rates of a day from what `came` in its parts, at least one.

    One row per dust device in service on the day, and per other device that uploaded. A registered device that uploads
    out of service is listed with 0 expected and 0 received. Unregistered devices are counted against 60 s without an
    expectation: expected, hours and service are null.
    """
    counted = _counted(pl.concat(parts), _due(service))
    due = _due(service).group_by("device_code").agg(expected=pl.col("due").sum(), hours_expected=pl.len())
    return _finished(service, due, counted, day)


def roll_up(rates: pl.DataFrame, by: Sequence[str]) -> pl.DataFrame:
    """The same sums for a project, vendor, city, province (columns `by`; none: one row over all) and their rates.

    Sums are over registered devices, whose uploads are expected; `unregistered` counts the others. Rates are between 0
    and 1 and null where nothing was expected: transmission = received / expected, validity = valid / received,
    effective = valid / expected, hours = hours returned / expected, online = minutes online / in service.
    """
    sums = [pl.col(name).filter("registered").sum() for name in COUNTS]
    devices = pl.col("registered").sum().cast(pl.Int64)
    unregistered = pl.col("registered").not_().sum().cast(pl.Int64)
    counts = [devices.alias("devices"), unregistered.alias("unregistered"), *sums]
    summed = rates.group_by(*by).agg(*counts).sort(*by) if by else rates.select(*counts)
    return summed.with_columns(
        transmission_rate=_ratio("received", "expected"),
        validity_rate=_ratio("valid", "received"),
        effective_rate=_ratio("valid", "expected"),
        hours_rate=_ratio("hours_returned", "hours_expected"),
        online_rate=_ratio("online_minutes", "in_service_minutes"),
    )


def _ratio(part: str, whole: str) -> pl.Expr:
    return pl.when(pl.col(whole) > 0).then(pl.col(part) / pl.col(whole))


def service_of(devices: pl.DataFrame, day: date, end_s: int) -> pl.DataFrame:
    """The registered dust devices with interval_s and their service of the day as seconds of it: [begin_s, end_s).

    A device counts from installed_at (unknown: from midnight) to retired_at, or to the moment its register says stopped
    or retired.
    """
    stopped = pl.when(pl.col("state").is_in(["stopped", "retired"])).then("observed_at")
    interval = pl.col("expected_interval_s").cast(pl.Int64)
    return (
        devices.filter(is_dust())
        .unique("device_code", keep="first", maintain_order=True)
        .select(
            "province",
            "device_code",
            "project_code",
            "adcode",
            "device_vendor",
            interval_s=pl.when(interval > 0).then(interval).otherwise(ASSUMED_INTERVAL_S),
            begin_s=_second(pl.col("installed_at"), day).fill_null(0),
            end_s=pl.min_horizontal(_second(pl.col("retired_at"), day), _second(stopped, day), pl.lit(end_s, pl.Int64)),
            registered=pl.lit(True),
        )
    )


def _second(instant: pl.Expr, day: date) -> pl.Expr:
    """Second of the local day at which something happens, within [0, 86400]."""
    seconds = (instant - pl.lit(midnight(day), TIME)).dt.total_milliseconds() // 1000
    return seconds.clip(0, DAY_S)


def spill(service: pl.DataFrame) -> timedelta:
    """How far a slot may reach into the next hour: only intervals that do not divide an hour do."""
    crossing = service.filter(3600 % pl.col("interval_s") != 0)["interval_s"].max()
    return timedelta(seconds=int(crossing) if isinstance(crossing, int) else 0)


def _slots_before(second: pl.Expr) -> pl.Expr:
    """How many slots begin before this second of the day."""
    return (second + pl.col("interval_s") - 1) // pl.col("interval_s")


def _due(service: pl.DataFrame) -> pl.DataFrame:
    """device_code, hour (0 to 23), due: expected slots that begin in the hour, within service."""
    begin = pl.max_horizontal(pl.col("begin_s"), pl.col("hour") * 3600)
    end = pl.min_horizontal(pl.col("end_s"), pl.col("hour") * 3600 + 3600)
    return (
        service.join(pl.DataFrame({"hour": range(24)}), how="cross")
        .with_columns(due=_slots_before(pl.max_horizontal(begin, end)) - _slots_before(begin))
        .filter(pl.col("due") > 0)
        .select("device_code", "hour", "due")
    )


def in_service(observed: Observations, service: pl.DataFrame, day: date, end_s: int) -> pl.DataFrame:
    """The observations that lie within their device's service; of a device without any, all up to end_s.

    Adds interval_s, begin_s and until, the service's end, `second` of the day, and slot_s, at which its slot begins.
    """
    known = service.select("device_code", "interval_s", "begin_s", until="end_s")
    return (
        by_device(observed.rows, known)
        .with_columns(
            pl.col("interval_s").fill_null(ASSUMED_INTERVAL_S),
            pl.col("begin_s").fill_null(0),
            pl.col("until").fill_null(end_s),
            second=_second(pl.col("observed_at"), day),
        )
        .with_columns(slot_s=slot(day) * pl.col("interval_s"))
        .filter(pl.col("second") >= pl.col("begin_s"), pl.col("second") < pl.col("until"))
    )


def came(observed: Observations, rows: pl.DataFrame, day: date, hours: range) -> pl.DataFrame:
    """What came of each device in each of these hours of the day, `rows` of it in service: the columns of _HOUR.

    received, valid, on_time count slots that begin in the hour. first, last: seconds of the day of its readings;
    inner: seconds online between them; span: how long one reading keeps the device online; until: end of service.
    """
    second = _second(pl.col("observed_at"), day)
    online = _online(_within(rows.select("device_code", "second", "interval_s", "until"), "second", hours))
    told = [
        frame.select("device_code", *ABOUT, "mapping", second=second) for frame in (observed.rows, observed.several)
    ]
    about = _about(*[_within(uploads, "second", hours) for uploads in told])
    return (
        about.join(_slots(_within(rows.drop(ABOUT), "slot_s", hours)), on=HOUR_OF_DEVICE, how="full", coalesce=True)
        .join(online, on=HOUR_OF_DEVICE, how="left")
        .select(*_HOUR)
        .cast(_HOUR)
    )


def _about(rows: pl.DataFrame, several: pl.DataFrame) -> pl.DataFrame:
    """What the uploads of each device and hour say of it. Of the rows, in order, only those that say something new."""
    said = (*HOUR_OF_DEVICE, *ABOUT, "mapping")
    new = rows.filter(new_run(*said))
    uploads = pl.concat([new.select(said), several.select(said)])
    return uploads.group_by(HOUR_OF_DEVICE).agg(pl.col(ABOUT).drop_nulls().max(), versions(mappings=uploads["mapping"]))


def _within(rows: pl.DataFrame, second: str, hours: range) -> pl.DataFrame:
    """The rows of which a second of the day lies in these hours, with its `hour`."""
    return rows.with_columns(hour=pl.col(second) // 3600).filter(
        pl.col("hour").is_between(hours.start, hours.stop, closed="left")
    )


def _slots(rows: pl.DataFrame) -> pl.DataFrame:
    """device_code, hour, received, valid, on_time: expected slots that begin in the hour and were filled so.

    Any upload fills a slot; it is valid by what holds, after amendments.
    """
    filled = rows.filter(pl.col("slot_s") >= pl.col("begin_s")).select(
        *HOUR_OF_DEVICE,
        "slot_s",
        valid=pl.col("quality") == GOOD,
        on_time=pl.col("first_received_at") - pl.col("observed_at") <= pl.lit(GRACE),
    )
    if not filled.select(new_run("device_code", "slot_s").all()).item():
        filled = each(filled, (*HOUR_OF_DEVICE, "slot_s"), pl.col("valid", "on_time").any())
    return each(filled, HOUR_OF_DEVICE, pl.col("valid", "on_time").sum(), received=pl.len())


def _online(rows: pl.DataFrame) -> pl.DataFrame:
    """device_code, hour, first, last, inner, span, until of the readings of each hour."""
    span = pl.col("interval_s") * ONLINE_INTERVALS
    gap = pl.when(~new_run(*HOUR_OF_DEVICE)).then(pl.min_horizontal(pl.col("second").diff(), span))
    return each(
        rows.with_columns(gap=gap, span=span),
        HOUR_OF_DEVICE,
        pl.col("span", "until").first(),
        first=pl.col("second").first(),  # the rows are in the order of time
        last=pl.col("second").last(),
        inner=pl.col("gap").sum(),
    )


def _counted(came: pl.DataFrame, due: pl.DataFrame) -> pl.DataFrame:
    """The hours of each device added up; online time bridges the gap to the next hour's first reading."""
    bridge = pl.min_horizontal(pl.col("next").fill_null(pl.col("until")) - pl.col("last"), pl.col("span"))
    return (
        came.join(due, on=HOUR_OF_DEVICE, how="left")
        .sort("device_code", "hour")
        .with_columns(next=pl.col("first").shift(-1).backward_fill().over("device_code"))
        .group_by("device_code")
        .agg(
            pl.col(ABOUT).drop_nulls().max().name.prefix("upload_"),
            pl.col("received", "valid", "on_time").sum(),
            hours_returned=(pl.col("received") * RETURNED_DEN >= pl.col("due") * RETURNED_NUM).sum(),
            online_minutes=(pl.col("inner") + bridge).sum() // 60,
            mapping=versions(),
        )
    )


def _finished(service: pl.DataFrame, due: pl.DataFrame, counted: pl.DataFrame, day: date) -> pl.DataFrame:
    """One row per device: registered ones with what was due, unregistered ones with what came."""
    in_service = pl.col("end_s") > pl.col("begin_s")
    listed = service.filter(in_service | pl.col("device_code").is_in(counted["device_code"].to_list()))
    expecting = ("expected", "hours_expected", "hours_returned")
    return (
        listed.join(due, on="device_code", how="left")
        .join(counted, on="device_code", how="full", coalesce=True)
        .with_columns(
            pl.col("registered").fill_null(False),
            pl.col("received", "valid", "on_time", "online_minutes").fill_null(0),
            *[pl.when("registered").then(pl.col(name).fill_null(0)).alias(name) for name in expecting],
            *[pl.coalesce(name, f"upload_{name}") for name in ("province", "project_code", "adcode")],
            pl.col("interval_s").fill_null(ASSUMED_INTERVAL_S),
            vendor=pl.coalesce("upload_vendor", "device_vendor"),
            in_service_minutes=(pl.col("end_s") - pl.col("begin_s")).clip(0) // 60,
            day=pl.lit(day.isoformat()),
        )
        .with_columns(late=pl.col("received") - pl.col("on_time"))
        .select(*RATES)
        .cast(RATES)
        .sort("device_code")
    )
