"""What the hub holds against what the simulation knows 与真值比对: every record, measured value and rejection; and of
every device and day the slots received, the duplicates and the mean of PM10. The rules' own tests see to other figures.

The figures are computed here once more from the truth alone, in the plainest way, and share no code with the rules.
"""

from collections.abc import Iterator

import polars as pl
import sqlalchemy as sa

from simulation.dust import MEASURED
from store.gold import read_partition
from store.lake import Lake

SAME = 1e-9
ZONE = "Asia/Shanghai"
SPOILED = "range|order|twelve_hours"
DEVICE_DAY = ["province", "day", "device_code"]
FULL_HOUR = 45  # minutes of good readings that make an hourly mean


def differences(truth: pl.DataFrame, lake: Lake, gold: sa.Engine) -> list[str]:
    """One sentence for everything that is not as the truth says; empty when all is as expected."""
    return [
        *_records(truth.filter(expected="accepted"), lake),
        *_rejections(truth.filter(expected="rejected"), lake),
        *_figures(truth.filter(expected="accepted", kind="dust-reading", period="minute"), gold),
    ]


def event_ids() -> pl.Expr:
    """The natural key of each upload of the truth, as the hub must give it."""
    at = pl.col("observed_at").dt.epoch("ms")
    return pl.concat_str("province", "kind", "subject", at, "period", "discriminator", separator=":", ignore_nulls=True)


def _records(accepted: pl.DataFrame, lake: Lake) -> Iterator[str]:
    """Canonical records: the very ones, with the very values."""
    key = ["event_id", "source_topic", "received_at"]
    sent = accepted.with_columns(
        event_id=event_ids(),
        source_topic="topic",
        received_at=pl.col("timestamp").cast(pl.Datetime("ms", "UTC")),
    )
    for kind in sent["kind"].unique(maintain_order=True):
        of_kind = sent.filter(kind=kind)
        held = lake.read(kind).collect()
        lost, invented = of_kind.join(held, on=key, how="anti").height, held.join(of_kind, on=key, how="anti").height
        if lost or invented or held.height != of_kind.height:
            yield f"{kind}: {of_kind.height} sent, {held.height} held, {lost} lost, {invented} never sent"
        if kind == "dust-reading":
            both = of_kind.join(held, on=key, suffix="_held")
            unequal = {name: _unequal(both, name, f"{name}_held") for name in MEASURED}
            yield from (f"{kind}: {count} values of {name} differ" for name, count in unequal.items() if count)


def _rejections(rejected: pl.DataFrame, lake: Lake) -> Iterator[str]:
    """Quarantined uploads: as many of each reason, on each topic."""
    by = ["source_topic", "reason"]
    sent = rejected.rename({"topic": "source_topic"}).group_by(by).len("sent")
    held = lake.read_quarantine().group_by(by).len("held").collect()
    both = sent.join(held, on=by, how="full", coalesce=True).fill_null(0).filter(pl.col("sent") != pl.col("held"))
    for topic, reason, expected, found in both.sort(by).iter_rows():
        yield f"{topic}: {expected} uploads to be rejected as {reason}, {found} were"


def _figures(minutes: pl.DataFrame, gold: sa.Engine) -> Iterator[str]:
    """Slots received, duplicates and daily PM10 of every device and day."""
    expected = counted_slots(minutes).join(daily_pm10(minutes), on=DEVICE_DAY, how="left")
    partitions = expected.select("province", "day").unique().sort("province", "day").rows()
    rates = pl.concat([read_partition(gold, "upload_rate_daily", *at) for at in partitions])
    daily = pl.concat([read_partition(gold, "dust_daily", *at) for at in partitions])
    means = daily.select(*DEVICE_DAY, "duplicates", "pm10")
    found = rates.select(*DEVICE_DAY, "received").join(means, on=DEVICE_DAY, how="full", coalesce=True)
    both = expected.join(found, on=DEVICE_DAY, how="full", coalesce=True, suffix="_held")
    for name in ("received", "duplicates", "pm10"):
        if wrong := _unequal(both, name, f"{name}_held"):
            yield f"{name} differs on {wrong} of {both.height} device-days"


def _with_day(minutes: pl.DataFrame) -> pl.DataFrame:
    local = pl.col("observed_at").dt.convert_time_zone(ZONE)
    return minutes.with_columns(
        local.dt.strftime("%Y-%m-%d").alias("day"),
        (local - local.dt.truncate("1d")).dt.total_seconds().alias("second"),
        pl.col("subject").alias("device_code"),
    )


def counted_slots(minutes: pl.DataFrame) -> pl.DataFrame:
    """Every upload fills a slot; doubles and amendments are duplicates, an afternoon told as morning is none."""
    slots = pl.col("second") // pl.when("registered").then("interval_s").otherwise(60)
    filled = _with_day(minutes).group_by(DEVICE_DAY).agg(received=slots.n_unique().cast(pl.Int64))
    told = _of_this_time(minutes)
    doubled = told.group_by(DEVICE_DAY).agg(duplicates=pl.len().cast(pl.Int64) - pl.col("second").n_unique())
    return filled.join(doubled, on=DEVICE_DAY)


def _of_this_time(minutes: pl.DataFrame) -> pl.DataFrame:
    """Without the uploads that a wrong clock put on top of others of a certain time."""
    wrong = pl.col("flags").str.contains("twelve_hours")
    return _with_day(minutes).filter(~wrong | wrong.all().over(*DEVICE_DAY, "second"))


def daily_pm10(minutes: pl.DataFrame) -> pl.DataFrame:
    """Of each observation the latest upload; of these the good ones; hours of 45 minutes; mean of the hours."""
    last = _of_this_time(minutes).sort("timestamp", "sequence").unique([*DEVICE_DAY, "second"], keep="last")
    good = last.filter(~pl.col("flags").str.contains(SPOILED))
    hours = good.group_by(*DEVICE_DAY, pl.col("second") // 3600).agg(
        pl.col("pm10").mean(), full=pl.len() * pl.col("interval_s").first() >= FULL_HOUR * 60
    )
    return hours.filter("full").group_by(DEVICE_DAY).agg(pl.col("pm10").mean())


def _unequal(frame: pl.DataFrame, left: str, right: str) -> int:
    """Rows in which two columns differ, by more than rounding or in being null."""
    apart = (pl.col(left) - pl.col(right)).abs().fill_null(0) > SAME
    one_missing = pl.col(left).is_null() != pl.col(right).is_null()
    return int(frame.select((apart | one_missing).sum()).item())
