"""`sitehub rates`: upload rates of a province and day with numerator and denominator (数据回传率)."""

import json
import sys
from datetime import date, timedelta
from typing import Any, Literal

from rich.markup import escape
from rich.table import Table

from pipelines.dust.readings import midnight
from reports.model import Rate, RateRow
from reports.plain import plain
from reports.rates import by_city, by_device, by_project, by_vendor, located, total
from reports.sites import Places
from sitehub.options import AsJson
from sitehub.printing import screen
from sitehub.refusal import uncomputed
from sitehub.settings import settings
from store import gold

SHOWN = 200


def rates(
    *, province: str, day: date, by: Literal["vendor", "city", "project", "device"] = "vendor", as_json: AsJson = False
) -> None:
    """Upload rates from the gold tables: sums of whole numbers, never a mean of rates.

    Parameters
    ----------
    province
        guizhou, jiangsu, shanxi or sichuan.
    day
        Local day, YYYY-MM-DD.
    by
        What one row is.
    """
    here = settings()
    gold.upgrade(here.gold_url)
    ended = midnight(day + timedelta(days=1))
    with gold.closing_engine(here.gold_url) as made:
        names = Places(*(gold.read_history(made, kind, province, ended) for kind in ("device", "project")))
        frame = gold.read_partition(made, "upload_rate_daily", province, day.isoformat())
    if frame.is_empty():
        raise SystemExit(f"There are no rates of {province} on {day}; {uncomputed(province, day)}.")
    devices = located(frame, names)
    listings = {
        "vendor": lambda: by_vendor(devices, SHOWN),
        "city": lambda: by_city(devices, SHOWN),
        "project": lambda: by_project(devices, names, SHOWN),
        "device": lambda: by_device(devices, names, SHOWN),
    }
    rows = [*listings[by]().rows, total(devices)]
    if as_json:
        json.dump(
            {"province": province, "day": day.isoformat(), "by": by, "rows": plain(tuple(rows))},
            sys.stdout,
            ensure_ascii=False,
            indent=2,
        )
        sys.stdout.write("\n")
        return
    _print(by, rows)


def _print(by: str, rows: list[RateRow]) -> None:
    table: Any = Table(
        by, "devices", "transmission", "validity", "effective", "hours", "online", "late", box=None, pad_edge=False
    )
    for row in rows:
        shown = [_rate(rate) for rate in (row.transmission, row.validity, row.effective, row.hours, row.online)]
        table.add_row(escape(row.label.zh), _devices(row), *shown, str(row.late))
    screen().print(table)


def _devices(row: RateRow) -> str:
    return f"{row.devices} (+{row.unregistered} unregistered)" if row.unregistered else str(row.devices)


def _rate(rate: Rate) -> str:
    return rate.text if rate.percent is None else f"{rate.text} ({rate.numerator}/{rate.denominator})"
