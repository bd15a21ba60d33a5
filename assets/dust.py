"""The dust figures of a province and day (扬尘日指标): each function computes one table."""

import dagster as dg
import polars as pl

from assets.figures import POOL, figure, to_lake
from assets.hub import Hub
from assets.partitions import REFERENCE_FEED, WITH_REFERENCE, FeedDay
from pipelines.dust import daily, hourly, reference, rejected
from pipelines.dust.exceedance import exceedances

HOURS_OF_ALL = dg.AssetDep("dust_hourly", partition_mapping=WITH_REFERENCE)


def _valid(frame: pl.DataFrame) -> dict[str, str]:
    return {f"{p} valid / shown": f"{frame[f'{p}_valid'].sum()} / {frame[p].count()}" for p in ("pm2_5", "pm10", "tsp")}


def _of(frame: pl.DataFrame, part: str, whole: str) -> str:
    return f"{frame[part].sum()} / {frame[whole].sum()}"


def _at_the_end(frame: pl.DataFrame) -> str:
    """How many devices are in each state when the judgement ends."""
    held = frame.filter("holds")["state"]
    return " / ".join(str((held == state).sum()) for state in ("online", "offline", "stopped"))


@figure(
    deps=["canonical_readings", "registers"],
    figures=lambda frame: {**_valid(frame), "duplicates / readings": _of(frame, "duplicates", "readings")},
    store=to_lake,
    pool=POOL,
)
def dust_hourly(hub: Hub, at: FeedDay) -> pl.DataFrame:
    """Hourly means per device, noise by energy, with the number of good readings. 设备小时均值。"""
    if at.is_reference:
        return hourly.station_hours(hub.readings(at), at.day, hub.limits)
    return hub.gathered(at).hours


@figure(deps=["dust_hourly", "canonical_readings", "registers"], figures=_valid)
def dust_daily(hub: Hub, at: FeedDay) -> pl.DataFrame:
    """Daily means of valid hours, noise of day and night, AQI. 日均值、昼夜噪声、AQI。

    The night ends on the next morning, which is computed from the readings in the lake as far as it has come; the day
    is computed again when more of it comes.
    """
    own_means = pl.col("period") == ("hour" if at.is_reference else "day")
    return daily.daily_means(
        hub.hours(at),
        pl.DataFrame(schema=hourly.HOURS) if at.is_reference else hub.next_morning(at),  # stations measure no noise
        hub.readings(at).filter(own_means).collect(),
        "station" if at.is_reference else "device",
        hub.register("device", at),
        at.day,
        hub.limits,
    )


@figure(
    deps=["canonical_readings", "registers"],
    figures=lambda frame: {
        "received / expected": _of(frame, "received", "expected"),
        "valid / received": _of(frame, "valid", "received"),
        "hours returned / expected": _of(frame, "hours_returned", "hours_expected"),
        "minutes online / in service": _of(frame, "online_minutes", "in_service_minutes"),
    },
    provincial=True,
    pool=POOL,
)
def upload_rate_daily(hub: Hub, at: FeedDay) -> pl.DataFrame:
    """Expected, received, valid and on-time uploads per device: sums, never rates. 数据回传率的分子与分母。"""
    return hub.gathered(at).rates


@figure(
    deps=["canonical_readings", "registers"],
    figures=lambda frame: {"online / offline / stopped at the end": _at_the_end(frame)},
    provincial=True,
    pool=POOL,
)
def device_states(hub: Hub, at: FeedDay) -> pl.DataFrame:
    """When each registered device was online, offline, stopped, by the day's own readings. 设备在线、离线、停用时段。

    Put together over midnight where they are told to others (hub.device-state).
    """
    return hub.gathered(at).states


@figure(
    deps=["canonical_readings", HOURS_OF_ALL, "registers"],
    figures=lambda frame: {"devices above a limit": str(frame["device_code"].n_unique())},
    provincial=True,
    pool=POOL,
)
def exceedance(hub: Hub, at: FeedDay) -> pl.DataFrame:
    """Periods above the limit in force, with limit, standard and reference. 超标时段及所依据的限值。"""
    return exceedances(
        hub.gathered(at).quarters,
        pl.concat([hub.hours(at), hub.next_morning(at)], how="diagonal"),  # the night ends on the next morning
        hub.register("device", at),
        hub.register("project", at),
        hub.hours(_control_stations(at)),
        hub.limits,
        at.day,
    )


@figure(
    deps=[HOURS_OF_ALL, "canonical_readings", "registers"],
    figures=lambda frame: {"sites with a station": str(frame["device_code"].n_unique())},
    provincial=True,
)
def station_reference(hub: Hub, at: FeedDay) -> pl.DataFrame:
    """Each site beside its nearest control station: distance, means, deviation. 与最近国控点比对。"""
    sites = reference.sites(hub.register("device", at), hub.register("project", at))
    return reference.nearest_stations(sites, hub.hours(at), hub.hours(_control_stations(at)), at.day)


@figure(deps=["quarantine_log"], figures=lambda frame: {"rejected": str(frame["count"].sum())})
def rejected_daily(hub: Hub, at: FeedDay) -> pl.DataFrame:
    """Rejected uploads by vendor, kind, reason and field, by day of receipt. 被拒上传统计（按接收日）。"""
    return rejected.rejected_counts(hub.lake.read_quarantine(at.province, at.iso).collect())


def _control_stations(at: FeedDay) -> FeedDay:
    return FeedDay(at.day, REFERENCE_FEED)


tables = [dust_hourly, dust_daily, upload_rate_daily, device_states, exceedance, station_reference, rejected_daily]
