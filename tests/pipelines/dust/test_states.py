"""States of devices: a day alone, and the days put together, against a reference that asks instant by instant."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

import polars as pl
from hypothesis import example, given, settings
from hypothesis import strategies as st

from pipelines.codec import decode, encode
from pipelines.dust.gathered import Gathered, gather
from pipelines.dust.state_events import state_events
from tests.contract import CATALOG
from tests.pipelines.dust.frames import DAY, MIDNIGHT, at, device, devices, minutes, reading, readings

KIND = CATALOG.hub["device-state"]
DAY_S = 86_400
DAYS = 3
State = tuple[int, str, int | None, int | None]
"""From when (seconds behind MIDNIGHT), what, until when (None: it holds), the last reading before."""


def gathered(rows: list[dict[str, Any]], register: pl.DataFrame, day: date = DAY, until: str = "24:00") -> Gathered:
    """What is gathered of a day, judged until a local time of DAY."""
    return gather(readings(rows).lazy(), register, day, at(until), ())


def told(*tables: pl.DataFrame) -> list[State]:
    """The events of device A made of the rows of these days."""
    events = state_events(pl.concat(tables).with_columns(code_version=pl.lit("1.0")), KIND)
    rows = (
        events.filter(device_code="A").sort("observed_at").select("observed_at", "state", "ended_at", "last_reading_at")
    )
    return [(_second(began), state, _second(ended), _second(last)) for began, state, ended, last in rows.rows()]


def _second(instant: datetime | None) -> Any:
    return None if instant is None else int((instant - MIDNIGHT).total_seconds())


def clock(*times: str) -> list[int]:
    """Local times as seconds behind MIDNIGHT."""
    return [_second(at(time)) for time in times]


def test_a_day_has_no_gap() -> None:
    """Silent until the first reading, online three intervals beyond the last; the rest of a running day is to come."""
    found = gathered([*minutes("08:00", 30), reading("12:00")], devices(device(), device("B")), until="18:00").states
    rows = found.select("device_code", "state", "began", "ended", "holds", "last_reading_at").rows()
    assert rows == [
        ("A", "offline", at("00:00"), at("08:00"), False, None),
        ("A", "online", at("08:00"), at("08:32"), False, at("08:29")),
        ("A", "offline", at("08:32"), at("12:00"), False, at("08:29")),
        ("A", "online", at("12:00"), at("12:03"), False, at("12:00")),
        ("A", "offline", at("12:03"), at("18:00"), True, at("12:00")),
        ("B", "offline", at("00:00"), at("18:00"), True, None),
    ]
    assert found.select("project_code", "device_kind", "interval_s", "day").row(0) == ("P-A", "dust", 60, "2026-03-02")


def test_only_registered_devices_have_states() -> None:
    """Nothing is expected of one that nobody registered, nor before it is installed or after it is gone."""
    register = devices(device("B", installed_at=at("06:00"), retired_at=at("07:00")), device("C", device_kind="camera"))
    found = gathered(minutes("05:00", 180, "B") + minutes("05:00", 180, "A"), register).states
    assert found.select("device_code", "state", "began", "ended", "holds").rows() == [
        ("B", "online", at("06:00"), at("07:00"), False)
    ]


def test_a_state_over_midnight_is_one() -> None:
    """Online through the night: one record without an end, named by its start, which can be encoded."""
    rows = minutes("22:00", 240)
    tables = [gathered(rows, devices(device())).states]
    tables.append(gathered(rows, devices(device()), DAY + timedelta(days=1), "26:01").states)
    silent, online = clock("00:00", "22:00")
    assert told(*tables) == [(silent, "offline", online, None), (online, "online", None, None)]
    events = state_events(pl.concat(tables).with_columns(code_version=pl.lit("1.0")), KIND)
    assert events["event_id"].to_list() == [
        f"jiangsu:device-state:A:{int(at('00:00').timestamp() * 1000)}:offline",
        f"jiangsu:device-state:A:{int(at('22:00').timestamp() * 1000)}:online",
    ]
    assert decode(encode(events, KIND, 5), KIND).equals(events)


def test_late_data_join_what_they_fill() -> None:
    """An evening that came late makes two times online one, whichever day is computed anew."""
    register, following = devices(device()), DAY + timedelta(days=1)
    early, late, morning = minutes("20:00", 60), minutes("21:00", 179), minutes("24:00", 60)
    second = gathered(morning, register, following, "48:00").states
    began, ended, last = clock("20:00", "25:02", "24:59")
    gap = clock("21:02", "20:59")
    assert told(gathered(early, register).states, second) == [
        (0, "offline", began, None),
        (began, "online", gap[0], None),
        (gap[0], "offline", DAY_S, gap[1]),
        (DAY_S, "online", ended, gap[1]),
        (ended, "offline", None, last),
    ]
    assert told(gathered(early + late, register).states, second) == [
        (0, "offline", began, None),
        (began, "online", ended, None),
        (ended, "offline", None, last),
    ]


def test_a_morning_just_begun_is_covered_by_the_evening() -> None:
    """Half a minute after midnight nobody is late yet."""
    rows = minutes("22:00", 120)
    tables = [gathered(rows, devices(device())).states]
    tables.append(gathered(rows, devices(device()), DAY + timedelta(days=1), "24:00:30").states)
    assert told(*tables)[-1] == (*clock("22:00"), "online", None, None)


def test_a_day_that_is_not_computed_ends_what_is_known() -> None:
    """The state before it ends with its day; that behind it begins with its own."""
    rows = minutes("00:00", 1440 * 3)
    tables = [gathered(rows, devices(device()), DAY + timedelta(days=n), f"{24 * (n + 1)}:00").states for n in (0, 2)]
    assert told(*tables) == [(0, "online", DAY_S, None), (2 * DAY_S, "online", None, DAY_S - 60)]


@dataclass(frozen=True)
class Life:
    """A device, its readings and its register, in seconds behind MIDNIGHT."""

    interval_s: int
    readings: frozenset[int]
    installed: int
    stopped: int
    retired: int
    judged: int

    def register(self, day: int) -> pl.DataFrame:
        """As it stood when the day ended."""
        stopped = self.stopped < (day + 1) * DAY_S
        return devices(
            device(
                expected_interval_s=self.interval_s,
                installed_at=instant(self.installed),
                retired_at=instant(self.retired),
                state="stopped" if stopped else "in_service",
                observed_at=instant(self.stopped if stopped else 0),
            )
        )

    def uploads(self) -> list[dict[str, Any]]:
        """The readings, of which each is one upload."""
        return [reading(instant(second)) for second in sorted(self.readings)]


def instant(second: int) -> datetime:
    """A second behind MIDNIGHT."""
    return (MIDNIGHT + timedelta(seconds=second)).astimezone(UTC)


def reference(life: Life) -> list[State]:
    """At each instant at which anything can change: what holds from it on, by the words of the definition."""
    span = 3 * life.interval_s
    end = min(life.stopped, life.retired, life.judged)
    seen = sorted(second for second in life.readings if life.installed <= second < end)
    changes = {0, life.installed, life.stopped, life.retired, *seen, *(second + span for second in seen)}
    found: list[tuple[int, str | None]] = []
    for now in sorted(second for second in changes if 0 <= second < life.judged):
        recent = [second for second in seen if second <= now < second + span]
        state = "stopped" if now >= life.stopped else "online" if recent else "offline"
        what = state if life.installed <= now < life.retired else None
        if not found or found[-1][1] != what:
            found.append((now, what))
    ends = [*(began for began, _ in found[1:]), life.judged if life.retired <= life.judged else None]
    return [
        (began, what, ended, max((second for second in seen if second < began), default=None))
        for (began, what), ended in zip(found, ends, strict=True)
        if what
    ]


bursts = st.builds(
    lambda start, count, step: range(start, start + count * step, step),
    st.integers(0, DAYS * DAY_S),
    st.integers(1, 40),
    st.sampled_from([1, 60, 179, 180, 181, 3600, 30_000]),
)
seconds = st.one_of(st.integers(0, DAYS * DAY_S), st.sampled_from([DAY_S, DAY_S - 1, 2 * DAY_S]))
lives = st.builds(
    lambda interval_s, runs, installed, stopped, retired, judged: Life(
        interval_s,
        frozenset(second for run in runs for second in run if second < DAYS * DAY_S),
        installed,
        installed + stopped,
        installed + retired,
        judged,
    ),
    st.sampled_from([60, 600, 7200, 36_000]),
    st.lists(bursts, max_size=6),
    st.one_of(st.just(0), seconds),
    st.one_of(st.just(9 * DAY_S), seconds),
    st.one_of(st.just(9 * DAY_S), seconds),
    st.integers(1, DAYS * DAY_S),
)


@settings(max_examples=20)  # each is three looks at a day
@given(lives)
@example(Life(60, frozenset(range(0, DAYS * DAY_S, 60)), 0, 9 * DAY_S, 9 * DAY_S, DAYS * DAY_S))
def test_days_put_together_are_one_look_at_all(life: Life) -> None:
    """Whatever lies over midnight, however far the last day is judged; and a day's minutes online are the rate's."""
    sent = readings(life.uploads())
    days = [
        gather(
            sent.lazy(),
            life.register(number),
            DAY + timedelta(days=number),
            instant(life.judged),
            (),
        )
        for number in range(DAYS)
    ]
    assert told(*(day.states for day in days)) == reference(life)
    for day in days:
        lasted = day.states.filter(state="online").select((pl.col("ended") - pl.col("began")).dt.total_seconds().sum())
        assert lasted.item() // 60 == day.rates["online_minutes"].sum()
