"""What the demo shows at its end 演示小结: counts, verdicts, figures, paths."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import polars as pl
import sqlalchemy as sa
from rich.console import Console
from rich.table import Table

from pipelines.dust.rates import roll_up
from pipelines.rounding import rounded_text
from simulation.simulate import Simulation
from sitehub.settings import Settings
from store.gold import closing_engine, read_partition
from store.lake import Lake
from streams.ledger import Ledger

if TYPE_CHECKING:
    from assets.runs import Outcome


@dataclass(frozen=True)
class Finished:
    """What a demo leaves behind: its settings, what was sent with the truth, and what became of each partition."""

    settings: Settings
    simulation: Simulation
    outcomes: "list[Outcome]"


def summarise(finished: Finished, account: Ledger, differences: list[str], console: Console) -> bool:
    """Print the summary; True when ledger, truth and every run are as expected."""
    chosen = finished.settings
    lake = Lake(chosen.lake_url, chosen.catalog_dir)
    _counts(account, lake, console)
    with closing_engine(chosen.gold_url) as gold:
        _figures(finished, gold, console)
    console.print(f"\nReports   {chosen.reports_dir / 'dust'}")
    console.print(f"Data Docs {chosen.home / 'data_docs' / 'index.html'}")
    console.print(f"Truth     {chosen.home / 'simulation' / 'truth.parquet'}")
    return _verdict(finished, account, differences, console)


def _counts(account: Ledger, lake: Lake, console: Console) -> None:
    """Uploads in, canonical and quarantined out, per province; rejections by reason."""
    by_feed = (
        account.accounts.with_columns(province=pl.col("topic").str.split(".").list.get(1))
        .group_by("province")
        .agg(pl.col("uploads", "canonical", "quarantined").sum())
        .sort("province")
    )
    table = Table("feed", "uploads", "canonical", "quarantined", box=None, pad_edge=False, title="Uploads")
    for province, *counts in by_feed.iter_rows():
        table.add_row(province, *(f"{count:,}" for count in counts))
    console.print(table)
    _kinds(account, console)
    reasons = lake.read_quarantine().group_by("reason").len().sort("reason").collect()
    console.print("rejected: " + ", ".join(f"{reason} {count}" for reason, count in reasons.iter_rows()))


def _kinds(account: Ledger, console: Console) -> None:
    """Canonical and quarantined records of each kind, a column for each feed."""
    parts = pl.col("topic").str.split(".")
    counts = (
        account.accounts.filter(pl.col("uploads") > 0)
        .group_by(parts.list.get(2).alias("kind"), parts.list.get(1).alias("feed"))
        .agg(pl.col("canonical", "quarantined").sum())
        .with_columns(told=pl.format("{} +{}", "canonical", "quarantined"))
        .sort("feed")
        .pivot("feed", index="kind", values="told")
        .sort("kind")
    )
    table = Table(*counts.columns, box=None, pad_edge=False, title="Kinds (canonical +quarantined)")
    for row in counts.iter_rows():
        table.add_row(*(told or "" for told in row))
    console.print(table)


def _figures(finished: Finished, gold: sa.Engine, console: Console) -> None:
    """Means, duplicates and rates of each province and simulated day; a mean over the devices whose day is valid."""
    columns = ("province", "day", "PM2.5", "PM10", "valid", "doubles", "received/due", "rate")
    table = Table(*columns, box=None, pad_edge=False, title="Figures (µg/m³; valid: devices whose day is valid)")
    for outcome in finished.outcomes:
        at = (outcome.partition.province, outcome.partition.iso)
        rates, daily = read_partition(gold, "upload_rate_daily", *at), read_partition(gold, "dust_daily", *at)
        if rates.is_empty() or daily["readings"].sum() == 0:
            continue
        rate = roll_up(rates, []).row(0, named=True)
        valid = daily.filter("pm10_valid")
        means = (rounded_text(_mean(daily.filter(f"{name}_valid")[name]), 1, "–") for name in ("pm2_5", "pm10"))
        share = rounded_text(100 * rate["transmission_rate"], 2)
        received = f"{rate['received']:,}/{rate['expected']:,}"
        counts = (*means, f"{valid.height} of {daily.height}", str(daily["duplicates"].sum()))
        table.add_row(*at, *counts, received, f"{share} %")
    console.print(table)


def _mean(values: pl.Series) -> float | None:
    mean = values.mean()
    return mean if isinstance(mean, float) else None


def _verdict(finished: Finished, account: Ledger, differences: list[str], console: Console) -> bool:
    failed = [f"{outcome.partition.key}: {fault}" for outcome in finished.outcomes for fault in outcome.faults]
    uploads = finished.simulation.uploads.height
    console.print()
    if account.is_exact:
        console.print(f"ledger: exact, {uploads:,} uploads in, {uploads:,} records out", style="green")
    else:
        console.print("ledger: NOT exact; `sitehub ledger` tells where", style="bold red")
    for line in (*failed, *differences):
        console.print(line, style="red", markup=False)
    if not failed and not differences:
        told = "every record, value and rejection, and every device-day's slots, duplicates and PM10 are as expected"
        console.print(f"truth: {told}", style="green")
    return account.is_exact and not failed and not differences
