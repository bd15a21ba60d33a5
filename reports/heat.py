"""Hourly heat map (小时热力表): the worst points of the day by hour, one map for each particle parameter sent."""

from bisect import bisect_left
from collections.abc import Mapping, Sequence
from typing import Any

import polars as pl

from reports.model import Cell, HeatMap, HeatRow, Listing, OnDemand, Shade
from reports.numbers import NONE, number
from reports.sites import PARTICLES, ZONE, Places, local
from reports.words import Scale, city_name, scale, word

MISSING = Cell(NONE, None, None, "missing", False, 0)
ABSENT = (None, 0, False)
"""mean, readings and validity of an hour without a row"""
Hour = tuple[str, int]
Plain = Mapping[str, Any]


def parameters_sent(hours: pl.DataFrame) -> tuple[str, ...]:
    """Particle parameters of which the province sent at least one value on the day."""
    return tuple(p for p in PARTICLES if p in hours.columns and hours[p].count() > 0)


def heat_map(
    parameter: str, ranked: pl.DataFrame, names: Places, hours: pl.DataFrame, exceedances: pl.DataFrame, shown: int
) -> HeatMap:
    """All points in the order in which `ranked` has their device_code and project_code; a page shows `shown`."""
    classes = scale(parameter)
    over = hours_over(exceedances, parameter)
    clock = pl.col("hour_start").dt.convert_time_zone(ZONE.key).dt.hour()
    readings = pl.col(f"{parameter}_n").fill_null(0)
    ordered = hours.select("device_code", clock, parameter, readings, f"{parameter}_valid").sort("device_code")
    figures = ordered.drop("device_code")
    runs = ordered.with_row_index("first").group_by("device_code").agg(pl.col("first").min(), count=pl.len())
    places = {code: (first, count) for code, first, count in runs.iter_rows()}

    def row(of: Plain) -> HeatRow:
        code, project = of["device_code"], of["project_code"]
        of_device = figures.slice(*places.get(code, (0, 0))).rows()
        by_hour: dict[int, Sequence[Any]] = {hour: of_hour for hour, *of_hour in of_device}
        cells = (_cell(by_hour.get(hour, ABSENT), classes, (code, hour) in over) for hour in range(24))
        return HeatRow(names.name(code, project), code, city_name(names.adcode(code, project)), tuple(cells))

    return HeatMap(parameter, word("parameter", parameter), _shades(classes), Listing(OnDemand(ranked, row), shown))


def hours_over(exceedances: pl.DataFrame, parameter: str) -> set[Hour]:
    """(device, clock hour) of every exceedance of one parameter with an averaging time of at most an hour."""
    found: set[Hour] = set()
    for row in exceedances.to_dicts():
        if row["parameter"] == parameter and row["averaging"] in ("15min", "1h"):
            first, last = local(row["began"]), local(row["ended"])
            through = int((last - first.replace(minute=0, second=0, microsecond=0)).total_seconds() - 0.001) // 3600
            found.update((row["device_code"], first.hour + step) for step in range(through + 1))
    return found


def _cell(of_hour: Sequence[Any], classes: Scale, exceeded: bool) -> Cell:
    mean, readings, valid = of_hour
    if mean is None and not readings:
        return MISSING
    shown = number(mean)
    if not valid or shown.value is None:
        return Cell(f"×{readings}", shown.value, None, "invalid", exceeded, readings)
    return Cell(shown.text, shown.value, bisect_left(classes.bounds, shown.value), "valid", exceeded, readings)


def _shades(classes: Scale) -> tuple[Shade, ...]:
    lower = ("0", *(f"{bound:g}" for bound in classes.bounds))
    labels = [f"{low}–{high:g}" for low, high in zip(lower, classes.bounds, strict=False)] + [
        f">{classes.bounds[-1]:g}"
    ]
    return tuple(Shade(label, colour, _ink(colour)) for label, colour in zip(labels, classes.palette, strict=True))


def _ink(colour: str) -> str:
    """Black or white, whichever has the higher contrast (WCAG 2 relative luminance) on a #rrggbb colour."""
    red, green, blue = (_linear(int(colour[at : at + 2], 16) / 255) for at in (1, 3, 5))
    luminance = 0.2126 * red + 0.7152 * green + 0.0722 * blue
    return "#000000" if (luminance + 0.05) / 0.05 >= 1.05 / (luminance + 0.05) else "#ffffff"


def _linear(channel: float) -> float:
    return channel / 12.92 if channel <= 0.04045 else float(((channel + 0.055) / 1.055) ** 2.4)
