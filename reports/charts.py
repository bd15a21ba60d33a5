"""Geometry of the two pictures of a report: the day's curve (当天曲线) and the last week and month (最近 1 周、一个月).

Both are drawn by one small SVG template in HTML and PDF. Coordinates are in the picture's own units, rounded to a
tenth, so that the file is small and the same on every run.
"""

from collections.abc import Sequence
from datetime import date, timedelta
from math import ceil

import polars as pl

from reports.model import Bar, Curve, Line, Number, Tick, Trend
from reports.numbers import number
from reports.sites import local
from reports.words import word

WIDTH, HEIGHT, LEFT, RIGHT, TOP, BOTTOM = 720.0, 220.0, 40.0, 712.0, 12.0, 196.0
STEPS = (10, 20, 25, 50, 100, 200, 250, 500, 1000, 2000, 5000, 10000)
MONTH, WEEK = 30, 7


def day_curve(hours: pl.DataFrame, parameters: Sequence[str]) -> Curve:
    """Hourly means of the province: for each hour the mean over the devices whose hourly mean is valid."""
    series = {parameter: _province_hours(hours, parameter) for parameter in parameters}
    top = _ceiling([value for means in series.values() for value, _ in means if value is not None])
    return Curve(
        width=WIDTH,
        height=HEIGHT,
        left=LEFT,
        bottom=BOTTOM,
        top=TOP,
        lines=tuple(_line(parameter, means, top) for parameter, means in series.items()),
        x_ticks=tuple(Tick(_hour_at(hour), f"{hour:02d}:00") for hour in range(0, 24, 3)),
        y_ticks=_y_ticks(top),
    )


def trend(daily: pl.DataFrame, recent: pl.DataFrame, day: date) -> Trend:
    """Day means of PM10 of the province over the 30 days that end with `day`; days without a valid mean stay empty."""
    frames = [frame.select("day", "subject", "pm10", "pm10_valid") for frame in (recent, daily)]
    valid = pl.concat(frames, how="vertical_relaxed").filter((pl.col("subject") == "device") & pl.col("pm10_valid"))
    means = {
        row["day"]: (row["pm10"], row["n"])
        for row in valid.group_by("day").agg(pl.col("pm10").sort().mean(), pl.len().alias("n")).to_dicts()
    }
    days = [(day - timedelta(days=back)) for back in range(MONTH - 1, -1, -1)]
    top = _ceiling([mean for mean, _ in means.values()])
    month = [means[text][0] for text in (each.isoformat() for each in days) if text in means]
    week = [means[text][0] for text in (each.isoformat() for each in days[-WEEK:]) if text in means]
    return Trend(
        width=WIDTH,
        height=HEIGHT,
        bottom=BOTTOM,
        left=LEFT,
        bars=tuple(_bar(place, each, means.get(each.isoformat()), top, each == day) for place, each in enumerate(days)),
        y_ticks=_y_ticks(top),
        week=_mean_of(week),
        month=_mean_of(month),
        week_days=len(week),
        month_days=len(month),
    )


def _province_hours(hours: pl.DataFrame, parameter: str) -> list[tuple[float | None, int]]:
    valid = hours.filter(pl.col(f"{parameter}_valid") & pl.col(parameter).is_not_null())
    starts = valid.group_by("hour_start").agg(pl.col(parameter).sort())
    by_hour: dict[int, list[float]] = {local(start).hour: means for start, means in starts.iter_rows()}
    return [
        (sum(by_hour[hour]) / len(by_hour[hour]), len(by_hour[hour])) if hour in by_hour else (None, 0)
        for hour in range(24)
    ]


def _line(parameter: str, means: Sequence[tuple[float | None, int]], top: float) -> Line:
    dots, path, pen_down = [], [], False
    for hour, (value, _) in enumerate(means):
        if value is None:
            pen_down = False
            continue
        x, y = _hour_at(hour), _height_at(value, top)
        path.append(f"{'L' if pen_down else 'M'}{x:g} {y:g}")
        dots.append((x, y))
        pen_down = True
    return Line(
        parameter,
        word("parameter", parameter),
        "".join(path),
        tuple(dots),
        tuple(number(value) for value, _ in means),
        tuple(n for _, n in means),
    )


def _bar(place: int, day: date, mean: tuple[float, int] | None, top: float, today: bool) -> Bar:
    step = (RIGHT - LEFT) / MONTH
    y = _height_at(mean[0], top) if mean else BOTTOM
    label = f"{day.month}/{day.day}" if (MONTH - 1 - place) % WEEK == 0 else ""
    return Bar(
        day=day.isoformat(),
        label=label,
        mean=number(mean[0] if mean else None),
        devices=mean[1] if mean else 0,
        x=round(LEFT + place * step + step * 0.15, 1),
        y=y,
        width=round(step * 0.7, 1),
        height=round(BOTTOM - y, 1),
        today=today,
    )


def _hour_at(hour: int) -> float:
    return round(LEFT + 12 + (RIGHT - LEFT - 24) * hour / 23, 1)


def _height_at(value: float, top: float) -> float:
    return round(BOTTOM - (BOTTOM - TOP) * min(value, top) / top, 1)


def _step(highest: float) -> int:
    return next((step for step in STEPS if step * 5 >= highest), STEPS[-1])


def _ceiling(values: Sequence[float]) -> float:
    highest = max(values, default=50.0)
    step = _step(highest)
    return float(max(1, ceil(highest / step)) * step)


def _y_ticks(top: float) -> tuple[Tick, ...]:
    step = _step(top)
    return tuple(Tick(_height_at(value, top), f"{value:,}") for value in range(0, int(top) + 1, step))


def _mean_of(values: Sequence[float]) -> Number:
    return number(sum(values) / len(values) if values else None)
