"""What the assets work with: the lake, the gold database, the limits and the folders (资源)."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

import dagster as dg
import polars as pl
import sqlalchemy as sa
from pydantic import PrivateAttr

from assets.partitions import FeedDay
from pipelines.dust import hourly
from pipelines.dust.daily import DAY_BEGINS
from pipelines.dust.exceedance import quarters_in_force
from pipelines.dust.gathered import Gathered, gather
from pipelines.dust.readings import between, bounds_of, midnight
from pipelines.limits import Limits
from sitehub.settings import Settings
from store import gold
from store.lake import Lake

IN_MEMORY_ROWS = 200_000
"""About 100 MB as a frame of canonical readings, kept for the length of a run."""


Read = TypeVar("Read")


class Hub(dg.ConfigurableResource[Any]):
    """Places as text, so that Dagster shows them; what lies behind is opened once a process.

    Dagster makes a hub for each run: what several steps of a run read, the run reads once.
    """

    lake_url: str
    gold_url: str
    reports_dir: str
    data_docs_dir: str
    catalog_dir: str
    _kept: dict[tuple[str, FeedDay], Any] = PrivateAttr(default_factory=dict)

    @classmethod
    def at(cls, settings: Settings) -> "Hub":
        """The hub of these settings."""
        return cls(
            lake_url=settings.lake_url,
            gold_url=settings.gold_url,
            reports_dir=str(settings.reports_dir),
            data_docs_dir=str(settings.home / "data_docs"),
            catalog_dir=str(settings.catalog_dir),
        )

    @property
    def lake(self) -> Lake:
        """The lake's tables."""
        return _lake(self.lake_url, self.catalog_dir)

    @property
    def gold(self) -> sa.Engine:
        """The gold database at its newest schema."""
        return _gold(self.gold_url)

    @property
    def limits(self) -> Limits:
        """Every configured limit and index table."""
        return _limits(self.catalog_dir)

    @property
    def docs(self) -> Path:
        """The folder of Data Docs."""
        return Path(self.data_docs_dir)

    def report_folder(self, at: FeedDay) -> Path:
        """Where the report of a partition lies."""
        return Path(self.reports_dir) / "dust" / at.province / at.iso

    def readings(self, at: FeedDay) -> pl.LazyFrame:
        """The canonical readings of a partition: in memory where they are few, else read from the lake as needed."""
        return self._once("readings", at, lambda: self._few_or_lazy(self.lake.read(at.kind, at.province, at.iso)))

    def gathered(self, at: FeedDay) -> Gathered:
        """What a province's figures need of its readings: one look at them for all the steps of a run.

        A day that still runs is judged up to the moment of that look.
        """
        return self._once("gathered", at, lambda: self._gathered(at))

    def hours(self, at: FeedDay) -> pl.DataFrame:
        """The hourly means of a partition as they were last computed; empty when they were not.

        To be asked for by what comes after `dust_hourly`, as a run keeps them.
        """
        read = self.lake.read_gold("dust_hourly", at.province, at.iso)
        return self._once("hours", at, read.collect)

    def next_morning(self, at: FeedDay) -> pl.DataFrame:
        """The next day's hours before 06:00, which end the night, from its readings in the lake.

        Not from its stored hours: a backfill computes a day before the next one, and would judge a night cut in half.
        """
        return self._once("next morning", at, lambda: self._next_morning(at))

    def day(self, table: str, at: FeedDay) -> pl.DataFrame:
        """A daily table's rows of a partition."""
        return gold.read_partition(self.gold, table, at.province, at.iso)

    def register(self, kind: str, at: FeedDay) -> pl.DataFrame:
        """The register of 'device' or 'project' as it stood when the day ended."""
        ended = midnight(at.day + timedelta(days=1))
        return self._once(f"{kind} register", at, lambda: gold.read_history(self.gold, kind, at.province, ended))

    def _once(self, what: str, at: FeedDay, read: Callable[[], Read]) -> Read:
        """What `read` gives, read once a run."""
        if (what, at) not in self._kept:
            self._kept[what, at] = read()
        kept: Read = self._kept[what, at]
        return kept

    def _few_or_lazy(self, rows: pl.LazyFrame) -> pl.LazyFrame:
        return rows.collect().lazy() if rows.select(pl.len()).collect().item() <= IN_MEMORY_ROWS else rows

    def _gathered(self, at: FeedDay) -> Gathered:
        readings, devices = self.readings(at), self.register("device", at)
        by_quarter = quarters_in_force(self.limits, at.province, at.day)
        bounds: list[str] = []
        if self.lake.is_by_device(at.kind, at.province, at.iso):
            bounds = bounds_of(devices, readings.select(pl.len()).collect().item())
        return gather(readings, devices, at.day, datetime.now(UTC), by_quarter, bounds)

    def _next_morning(self, at: FeedDay) -> pl.DataFrame:
        began, following = midnight(at.day + timedelta(days=1)), at.shifted(1)
        readings = self.lake.read(at.kind, at.province, following.iso).filter(between(began, began + DAY_BEGINS))
        return hourly.device_hours(readings, self.register("device", following), following.day)


@cache
def _lake(url: str, catalog_dir: str) -> Lake:
    return Lake(url, Path(catalog_dir))


@cache
def _gold(url: str) -> sa.Engine:
    gold.upgrade(url)
    return gold.engine(url)


@cache
def _limits(catalog_dir: str) -> Limits:
    return Limits.load(Path(catalog_dir) / "limits")
