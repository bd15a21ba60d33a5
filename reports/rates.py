"""Upload rates (数据回传率) of vendors, cities and projects: sums of whole numbers, never a mean of rates."""

from collections.abc import Callable
from typing import Any

import polars as pl

from pipelines.dust.rates import roll_up
from reports.model import Listing, OnDemand, RateRow, Silent
from reports.numbers import rate
from reports.sites import Places
from reports.words import Text, city_name, plain_text, words


def located(rates: pl.DataFrame, names: Places) -> pl.DataFrame:
    """The rates of devices with the city (first four digits of the adcode) and the project each belongs to."""
    rows = rates.select("device_code", "project_code", "adcode").to_dicts()
    projects = [names.project_code(row["device_code"], row["project_code"]) for row in rows]
    adcodes = [row["adcode"] or names.adcode(row["device_code"], row["project_code"]) or "" for row in rows]
    return rates.with_columns(
        pl.col("vendor").fill_null(""),
        pl.Series("project_code", projects, dtype=pl.String),
        pl.Series("city", [adcode[:4] for adcode in adcodes], dtype=pl.String),
    )


def by_vendor(rates: pl.DataFrame, shown: int) -> Listing[RateRow]:
    """One row a vendor; readings on a shared topic count for the vendor that the device register names."""
    return _rows(rates, "vendor", lambda vendor: plain_text(vendor) if vendor else words()["vendor.unknown"], shown)


def by_city(rates: pl.DataFrame, shown: int) -> Listing[RateRow]:
    """One row a prefecture, in the order of the codes."""
    return _rows(rates, "city", city_name, shown)


def by_project(rates: pl.DataFrame, names: Places, shown: int) -> Listing[RateRow]:
    """One row a project, by code: the hours rate is what Shanxi's class of a project rests on (A1 b)."""
    return _rows(rates, "project_code", lambda code: plain_text(_project(code, names)), shown)


def by_device(rates: pl.DataFrame, names: Places, shown: int) -> Listing[RateRow]:
    """One row a device, by code."""
    return _rows(rates, "device_code", lambda code: plain_text(f"{names.name(code, None)}（{code}）"), shown)


def total(rates: pl.DataFrame) -> RateRow:
    """The whole province as one row."""
    (row,) = roll_up(rates, []).to_dicts()
    return _row(words()["rate.province"], row)


def silent(rates: pl.DataFrame, names: Places, shown: int) -> Listing[Silent]:
    """Registered devices that were due to upload on the day and sent nothing."""
    rows = rates.filter(pl.col("registered") & (pl.col("expected") > 0) & (pl.col("received") == 0)).sort("device_code")

    def made(row: dict[str, Any]) -> Silent:
        name = names.name(row["device_code"], row["project_code"])
        return Silent(name, row["device_code"], city_name(row["city"]), row["vendor"], row["expected"])

    return Listing(OnDemand(rows, made), shown)


def _rows(rates: pl.DataFrame, column: str, label: Callable[[Any], Text], shown: int) -> Listing[RateRow]:
    rolled = roll_up(rates, [column]).sort(column)
    return Listing(OnDemand(rolled, lambda row: _row(label(row[column]), row)), shown)


def _row(label: Text, row: dict[str, Any]) -> RateRow:
    expected, received, valid = (row.get(key) or 0 for key in ("expected", "received", "valid"))
    return RateRow(
        label=label,
        devices=row.get("devices") or 0,
        unregistered=row.get("unregistered") or 0,
        received=received,
        expected=expected,
        valid=valid,
        transmission=rate(received, expected),
        validity=rate(valid, received),
        effective=rate(valid, expected),
        online=rate(row.get("online_minutes"), row.get("in_service_minutes")),
        hours=rate(row.get("hours_returned"), row.get("hours_expected")),
        on_time=rate(row.get("on_time"), received),
        late=row.get("late") or 0,
    )


def _project(code: str, names: Places) -> str:
    name = names.projects.get(code, {}).get("project_name")
    return f"{name}（{code}）" if name else code or "–"
