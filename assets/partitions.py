"""Partitions: one local day of one feed (日期 × 省份).

All assets share one definition, so that a range of days is one backfill in the UI. The control stations' feed
`national` is a province among them; it has hours and days, but no rates and no report.
"""

import warnings
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

import dagster as dg

from pipelines.dust.readings import ZONE
from sitehub.settings import settings

warnings.filterwarnings("ignore", category=dg.BetaWarning)  # multi-dimensional mappings: pinned, covered by the tests

REFERENCE_FEED = "national"


def feeds(catalog: Path) -> tuple[str, ...]:
    """Every feed that has raw schemas: a province is added by adding its folder."""
    return tuple(sorted(folder.name for folder in (catalog / "raw").iterdir() if any(folder.glob("*.avsc"))))


FEEDS = feeds(settings().catalog_dir)
PROVINCES = tuple(feed for feed in FEEDS if feed != REFERENCE_FEED)

DAYS = dg.DailyPartitionsDefinition(
    start_date=settings().first_day.isoformat(),
    timezone=ZONE.key,
    end_offset=1,  # today can be computed as far as it has got
)
FEED_DAYS = dg.MultiPartitionsDefinition({"date": DAYS, "province": dg.StaticPartitionsDefinition(list(FEEDS))})

WITH_REFERENCE = dg.MultiPartitionMapping(
    {
        "date": dg.DimensionPartitionMapping("date", dg.IdentityPartitionMapping()),
        "province": dg.DimensionPartitionMapping(
            "province",
            dg.StaticPartitionMapping({province: province for province in PROVINCES} | {REFERENCE_FEED: FEEDS}),
        ),
    }
)
"""A province's figures also depend on the control stations of the same day."""


@dataclass(frozen=True, order=True)
class FeedDay:
    """One partition: a local day of a feed."""

    day: date
    province: str

    @classmethod
    def of(cls, key: str) -> "FeedDay":
        """From a partition key such as `2026-03-03|jiangsu`."""
        day, province = key.split("|")
        return cls(date.fromisoformat(day), province)

    @property
    def key(self) -> str:
        return f"{self.day}|{self.province}"

    @property
    def iso(self) -> str:
        """The day as the tables spell it."""
        return self.day.isoformat()

    @property
    def is_reference(self) -> bool:
        return self.province == REFERENCE_FEED

    @property
    def kind(self) -> str:
        """The kind of the feed's readings."""
        return "station-reading" if self.is_reference else "dust-reading"

    def shifted(self, days: int) -> "FeedDay":
        return FeedDay(self.day + timedelta(days=days), self.province)

    @property
    def exists(self) -> bool:
        """Whether the definition knows the partition: not before the first day, not after today, a known feed."""
        return FEED_DAYS.has_partition_key(self.key)


def in_order(partitions: Iterable[FeedDay]) -> list[FeedDay]:
    """By day; within a day the control stations first, because the provinces are compared with them."""
    return sorted(partitions, key=lambda at: (at.day, not at.is_reference, at.province))
