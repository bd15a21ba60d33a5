"""What all rules share: the local day, until when it is repaired, which values are good, the expected slots."""

from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import polars as pl

from pipelines.screening import LEVELS

ZONE = ZoneInfo("Asia/Shanghai")
TIME = pl.Datetime("ms", "UTC")
HOUR = timedelta(hours=1)
ASSUMED_INTERVAL_S = 60
"""Expected interval of a device that is not registered, or whose register entry has none (本项目口径)."""
REPAIR = timedelta(days=10)
"""Uploads received later than this after the day no longer change its figures (model: the ministry's rule)."""
MEASURED = ("instant", "minute")
"""Periods that feed the hub's own means. Day, hour and 15-minute values of a device are means already."""
UNUSED = (
    "event_id", "schema_id", "sample_count", "longitude", "latitude", "day", "project_code_filled", "adcode_filled",
)  # fmt: skip
"""Columns that no rule of the day's figures looks at: the lake need not read them."""
AT_ONCE = 1_000_000
"""Readings that are looked at together: a whole day of a small province, about an hour of a large one."""
AT_ONCE_BY_DEVICE = 250_000
"""The same where the lake's files hold one device after the other, which makes parts of any size cheap to read."""


def midnight(day: date) -> datetime:
    """The instant at which the local day begins, UTC."""
    return datetime.combine(day, datetime.min.time(), ZONE).astimezone(UTC)


def day_end(day: date) -> datetime:
    """The instant at which the local day ends, UTC."""
    return midnight(day + timedelta(days=1))


def hours_of(day: date) -> list[datetime]:
    """The instants at which the 24 hours of the local day begin."""
    return [midnight(day) + number * HOUR for number in range(24)]


def between(began: datetime, ended: datetime) -> pl.Expr:
    """Observed in [began, ended)."""
    return (pl.col("observed_at") >= pl.lit(began, TIME)) & (pl.col("observed_at") < pl.lit(ended, TIME))


def in_repair(day: date) -> pl.Expr:
    """Received early enough to count for the day."""
    return pl.col("received_at") < pl.lit(day_end(day) + REPAIR, TIME)


def measured_in_parts(
    readings: pl.LazyFrame, day: date, spill: timedelta = timedelta(), bounds: Sequence[str] = ()
) -> Iterator[tuple[range, pl.LazyFrame]]:
    """The instant and minute readings of the day in parts, each with the numbers (0 to 23) of the hours it is of.

    What was received after the time of repair is left out. All of the day is one part where it has AT_ONCE readings or
    fewer. A large province's day may have 20 million, of which a part fits in memory: the devices between two of the
    codes `bounds`, where these are given because the lake's files are in the order of devices; else an hour, with the
    readings of the time `spill` after it. Either way the files' statistics keep other parts from being read.
    """
    wanted = _measured(readings, day).filter(between(midnight(day), day_end(day)))
    if wanted.select(pl.len()).collect(engine="streaming").item() <= AT_ONCE:
        yield range(24), wanted
    elif bounds:
        for low, high in pairwise((None, *bounds, None)):
            yield range(24), wanted.filter(*_devices(low, high))
    else:
        for number, hour in enumerate(hours_of(day)):
            yield range(number, number + 1), wanted.filter(between(hour, hour + HOUR + spill))


def is_dust() -> pl.Expr:
    """A device of the register that is a dust monitor, or whose kind the register does not know."""
    return pl.col("device_kind").fill_null("dust") == "dust"


def bounds_of(devices: pl.DataFrame, readings: int) -> list[str]:
    """Codes of registered dust devices between which there are about AT_ONCE_BY_DEVICE of so many readings of a day."""
    codes = devices.filter(is_dust())["device_code"].unique().sort()
    return codes.gather_every(max(1, codes.len() * AT_ONCE_BY_DEVICE // max(1, readings)))[1:].to_list()


def _devices(low: str | None, high: str | None) -> Iterator[pl.Expr]:
    if low is not None:
        yield pl.col("device_code") >= low
    if high is not None:
        yield pl.col("device_code") < high


def _measured(readings: pl.LazyFrame, day: date) -> pl.LazyFrame:
    return readings.filter(pl.col("period").is_in(MEASURED), in_repair(day)).drop(UNUSED, strict=False)


def good(parameter: str, notes: pl.Series) -> pl.Expr:
    """Whether a reading's value may enter a mean: measured, within range and PM order, not flagged by its instrument,
    and its time is certain.

    notes: the quality_notes that occur among the readings, which are few beside the readings themselves.
    """
    flag = rf"(?:^|;)(?:{parameter}=(?:{'|'.join(LEVELS)})|observed_at=twelve_hours)(?:;|$)"
    flagged = notes.filter(notes.str.contains(flag))
    if flagged.is_empty():
        return pl.col(parameter).is_not_null()
    return pl.col(parameter).is_not_null() & ~pl.col("quality_notes").is_in(flagged.implode()).fill_null(False)


def each(rows: pl.DataFrame, keys: Sequence[str], *figures: pl.Expr, **named: pl.Expr) -> pl.DataFrame:
    """`rows.group_by(keys).agg(…)` for rows in the order of the keys: runs of equal keys, told by one sorted number.

    That takes a third of the time of a look at texts and times; order is kept.
    """
    runs = rows.group_by(new_run(*keys).cum_sum().set_sorted().alias("run"), maintain_order=True)
    return runs.agg(pl.col(keys).first(), *figures, **named).drop("run")


def new_run(*keys: str) -> pl.Expr:
    """Whether one of the keys is another than in the row before; of a first row as well."""
    first = pl.int_range(pl.len()) == 0
    return first | pl.any_horizontal(pl.col(key).ne_missing(pl.col(key).shift(1)) for key in keys)


def with_interval(frame: pl.DataFrame, devices: pl.DataFrame) -> pl.DataFrame:
    """Adds `interval_s`, the expected seconds between two uploads, from the device register."""
    interval = pl.col("expected_interval_s").cast(pl.Int64)
    due = pl.when(interval > 0).then(interval).otherwise(ASSUMED_INTERVAL_S)
    known = devices.select("device_code", interval_s=due).unique("device_code")
    return by_device(frame, known).with_columns(pl.col("interval_s").fill_null(ASSUMED_INTERVAL_S))


def by_device(rows: pl.DataFrame, known: pl.DataFrame) -> pl.DataFrame:
    """Adds what is known of each row's device: the columns of `known`, which has one row a device; null of no device.

    Rows of a device follow each other where they are in order: each run of them is looked up once.
    """
    codes = rows["device_code"]
    runs = codes.rle().struct.field("value").alias("device_code").to_frame()
    same_type = known.with_columns(pl.col("device_code").cast(codes.dtype, strict=False))
    found = runs.join(same_type, on="device_code", how="left", maintain_order="left").drop("device_code")
    return rows.hstack(found[codes.rle_id()])


def slot(day: date) -> pl.Expr:
    """Number of the expected upload that a reading fills: floor((observed_at - local midnight) / interval)."""
    seconds = (pl.col("observed_at") - pl.lit(midnight(day), TIME)).dt.total_milliseconds() // 1000
    return seconds // pl.col("interval_s")


def versions(column: str = "mapping", mappings: pl.Series | None = None) -> pl.Expr:
    """The distinct mapping versions of a group, in order, joined by ';'.

    `mappings`, all that occur, spare the work where there is one: in most days, and it is as much as all means.
    """
    if mappings is not None and mappings.n_unique() == 1:
        return pl.col(column).first()
    return pl.col(column).drop_nulls().unique().str.split(";").explode().unique().sort().str.join(";")


def energy_mean(level: pl.Expr) -> pl.Expr:
    """Leq of equal times (等效声级): 10 lg(mean(10^(L/10))), dB."""
    return 10 * (10 ** (level / 10)).mean().log10()
