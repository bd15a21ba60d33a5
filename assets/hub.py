"""What the assets work with: the lake, the gold database, the limits and the folders (资源)."""

from datetime import timedelta
from functools import cache
from pathlib import Path
from typing import Any

import dagster as dg
import polars as pl
import sqlalchemy as sa

from assets.partitions import FeedDay
from pipelines.dust import hourly
from pipelines.dust.daily import DAY_BEGINS
from pipelines.dust.readings import between, midnight
from pipelines.limits import Limits
from sitehub.settings import Settings
from store import gold
from store.lake import Lake

IN_MEMORY_ROWS = 1_000_000
"""About 1 GB as a frame of canonical readings."""


class Hub(dg.ConfigurableResource[Any]):
    """Places as text, so that Dagster shows them; what lies behind is opened once a process."""

    lake_url: str
    gold_url: str
    reports_dir: str
    data_docs_dir: str
    catalog_dir: str

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
        """The canonical readings of a partition: in memory where they fit, else read from the lake as needed."""
        rows = self.lake.read(at.kind, at.province, at.iso)
        if rows.select(pl.len()).collect().item() > IN_MEMORY_ROWS:
            return rows
        return rows.collect().lazy()

    def hours(self, at: FeedDay) -> pl.DataFrame:
        """The hourly means of a partition as they were last computed; empty when they were not."""
        return self.lake.read_gold("dust_hourly", at.province, at.iso).collect()

    def next_morning(self, at: FeedDay) -> pl.DataFrame:
        """The next day's hours before 06:00, which end the night, from its readings in the lake.

        Not from its stored hours: a backfill computes a day before the next one, and would judge a night cut in half.
        """
        began = midnight(at.day + timedelta(days=1))
        following = at.shifted(1)
        readings = self.lake.read(at.kind, at.province, following.iso).filter(between(began, began + DAY_BEGINS))
        return hourly.device_hours(readings.collect().lazy(), self.register("device", following), following.day)

    def day(self, table: str, at: FeedDay) -> pl.DataFrame:
        """A daily table's rows of a partition."""
        return gold.read_partition(self.gold, table, at.province, at.iso)

    def register(self, kind: str, at: FeedDay) -> pl.DataFrame:
        """The register of 'device' or 'project' as it stood when the day ended."""
        return gold.read_history(self.gold, kind, at.province, midnight(at.day + timedelta(days=1)))


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
