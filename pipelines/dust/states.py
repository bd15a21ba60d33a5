"""States of the dust devices (设备在线状态) within a local day: online, offline, stopped; the rows of device_states.

The definitions are those of the online rate (rates.py). A day is judged by its own readings: a device is taken to be
silent from midnight until its first. What the evening before still covers is seen where the days are put together
(state_events.py), so that days may be computed in any order, and one again without its neighbours.
"""

from collections.abc import Sequence
from datetime import date

import polars as pl

from pipelines.dust.rates import ONLINE_INTERVALS
from pipelines.dust.readings import TIME, each, midnight, new_run

STATES = pl.Schema(
    {
        **dict.fromkeys(("province", "day", "device_code", "state", "project_code", "device_kind"), pl.String()),
        **dict.fromkeys(("began", "ended"), TIME),
        "holds": pl.Boolean(),
        "interval_s": pl.Int64(),
        "last_reading_at": TIME,
    }
)
RUNS = pl.Schema({"device_code": pl.String(), **dict.fromkeys(("first", "last", "interval_s"), pl.Int64())})


def runs(rows: pl.DataFrame, hours: range) -> pl.DataFrame:
    """Runs of readings of which each keeps the device online until the next: first and last as seconds of the day.

    rows: readings within service (`rates.in_service`), sorted by device and time; those of these hours count.
    """
    seconds = rows.filter(pl.col("second") // 3600 >= hours.start, pl.col("second") // 3600 < hours.stop)
    return _joined(seconds.select("device_code", "interval_s", first="second", last="second")).select(*RUNS).cast(RUNS)


def _joined(sorted_runs: pl.DataFrame) -> pl.DataFrame:
    """Runs between which a device was online all the time become one."""
    gap = pl.col("first") - pl.col("last").shift(1)
    numbered = sorted_runs.with_columns(
        number=(new_run("device_code") | (gap > pl.col("interval_s") * ONLINE_INTERVALS)).cum_sum().set_sorted()
    )
    return each(numbered, ("number",), pl.col("device_code", "interval_s", "first").first(), pl.col("last").last())


def device_states(
    parts: Sequence[pl.DataFrame], service: pl.DataFrame, devices: pl.DataFrame, day: date, end_s: int
) -> pl.DataFrame:
    """The states of a day's registered dust devices without a gap, from when to when they were to be judged.

    parts: `runs` of the day's parts; service: `rates.service_of` the day; devices: the register as it stood when the
    day ended; end_s: until when the day is judged. A row that holds was not over when the judgement ended.
    """
    found = pl.concat([*parts, pl.DataFrame(schema=RUNS)]).sort("device_code", "first")
    lives = service.join(_ends(devices, day), on="device_code").sort("device_code")
    online = _online(_joined(found), lives)
    rows = pl.concat([online, _offline(online, lives), _stopped(lives, end_s)], how="diagonal")
    return (
        rows.filter(pl.col("ended") > pl.col("began"))
        .join(lives.drop("state", "end_s"), on="device_code", maintain_order="left")
        .with_columns(
            day=pl.lit(day.isoformat()),
            holds=(pl.col("ended") == end_s) & (pl.col("gone_s") > end_s),
            **{name: _instant(second, day) for name, second in _INSTANTS.items()},
        )
        .select(*STATES)
        .cast(STATES)
        .sort("device_code", "began")
    )


_INSTANTS = {"began": "began", "ended": "ended", "last_reading_at": "last"}
_NEVER = 10**9


def _instant(second: str, day: date) -> pl.Expr:
    """The instant of a second of the local day."""
    return pl.lit(midnight(day), TIME) + pl.duration(seconds=pl.col(second))


def _ends(devices: pl.DataFrame, day: date) -> pl.DataFrame:
    """device_code, device_kind, state; stopped_s, gone_s: the second of the day from which it is stopped, is no more.

    Either may lie before the day or behind it.
    """

    def second(instant: pl.Expr) -> pl.Expr:
        return (instant - pl.lit(midnight(day), TIME)).dt.total_milliseconds() // 1000

    def since(state: str) -> pl.Expr:
        return pl.when(pl.col("state") == state).then(second(pl.col("observed_at")))

    return devices.unique("device_code", keep="first", maintain_order=True).select(
        "device_code",
        "device_kind",
        "state",
        stopped_s=since("stopped"),
        gone_s=pl.min_horizontal(second(pl.col("retired_at")), since("retired")).fill_null(_NEVER),
    )


def _online(found: pl.DataFrame, lives: pl.DataFrame) -> pl.DataFrame:
    """From a run's first reading until its last no longer covers, or service ends."""
    covered = pl.col("last") + pl.col("interval_s") * ONLINE_INTERVALS
    return found.join(lives.select("device_code", "begin_s", "end_s"), on="device_code", maintain_order="left").select(
        "device_code",
        "begin_s",
        "last",
        began="first",
        ended=pl.min_horizontal(covered, "end_s"),
        state=pl.lit("online"),
    )


def _offline(online: pl.DataFrame, lives: pl.DataFrame) -> pl.DataFrame:
    """All else of the service: before each time online, and behind the last one. `last` is the reading before."""
    before = online.select(
        "device_code",
        began=pl.col("ended").shift(1).over("device_code").fill_null(pl.col("begin_s")),
        ended="began",
        last=pl.col("last").shift(1).over("device_code"),
    )
    behind = lives.join(
        online.group_by("device_code").agg(pl.col("ended").max(), pl.col("last").max()), on="device_code", how="left"
    ).select("device_code", "last", began=pl.col("ended").fill_null(pl.col("begin_s")), ended="end_s")
    return pl.concat([before, behind], how="diagonal").with_columns(state=pl.lit("offline"))


def _stopped(lives: pl.DataFrame, end_s: int) -> pl.DataFrame:
    """From when the register says so, as far as the day is judged."""
    return lives.filter(pl.col("stopped_s").is_not_null()).select(
        "device_code",
        began=pl.max_horizontal("begin_s", "stopped_s"),
        ended=pl.min_horizontal("gone_s", pl.lit(end_s, pl.Int64)),
        state=pl.lit("stopped"),
    )
