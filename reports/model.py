"""The view of one dust report: everything a renderer prints, worked out, rounded and put in order.

Numbers come in two forms: `value` for a spreadsheet and `text` for a reader; both are rounded once, from the gold
figure, by GB/T 8170. A renderer chooses places and colours and computes nothing.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Generic, TypeVar

import polars as pl

from reports.words import Definition, Text

Row = TypeVar("Row")


@dataclass(frozen=True, eq=False)
class OnDemand(Generic[Row]):
    """As many rows as `source` has, each made when it is asked for: of a large province's a page shows few."""

    source: pl.DataFrame
    make: Callable[[dict[str, Any]], Row]

    def __eq__(self, other: object) -> bool:
        return isinstance(other, OnDemand) and tuple(self) == tuple(other)

    def __hash__(self) -> int:
        return hash(tuple(self))

    def __len__(self) -> int:
        return len(self.source)

    def __iter__(self) -> Iterator[Row]:
        return map(self.make, self.source.iter_rows(named=True))

    def __getitem__(self, place: int) -> Row:
        return self.make(self.source.row(place, named=True))

    def head(self, count: int) -> tuple[Row, ...]:
        """The first rows."""
        return tuple(map(self.make, self.source.head(count).to_dicts()))


@dataclass(frozen=True)
class Listing(Generic[Row]):
    """Rows in order, of which a page shows the first `shown` and a spreadsheet many more."""

    rows: OnDemand[Row]
    shown: int

    @cached_property
    def first(self) -> tuple[Row, ...]:
        return self.rows.head(self.shown)

    @property
    def more(self) -> int:
        return max(0, len(self.rows) - self.shown)


@dataclass(frozen=True)
class Number:
    """A figure; None and "–" when there is none."""

    value: float | None
    text: str


@dataclass(frozen=True)
class Mean:
    """A mean with what it rests on; one that is not valid is shown and marked, never hidden."""

    value: float | None
    text: str
    count: int
    needed: int
    valid: bool


@dataclass(frozen=True)
class Rate:
    """A rate with its numerator and denominator; `percent` is what a bar is long."""

    numerator: int | None
    denominator: int | None
    text: str
    percent: float | None


@dataclass(frozen=True)
class ProvinceMean:
    """Mean of the valid day means of one parameter over the devices of the province."""

    parameter: str
    name: Text
    mean: Number
    valid_devices: int
    devices: int


@dataclass(frozen=True)
class Unjudged:
    """Devices with data of one city that no dust limit judged: because none is for them, or for want of a mean."""

    city: Text
    unlimited: int
    without_mean: int


@dataclass(frozen=True)
class Summary:
    """The whole province in a few figures (概况); `uncounted` is written where a count of exceedances says nothing."""

    headline: Text
    limited: bool
    judged: int
    unjudged: tuple[Unjudged, ...]
    uncounted: Text | None
    projects: int
    devices_registered: int
    devices_reporting: int
    devices_unregistered: int
    means: tuple[ProvinceMean, ...]
    exceedances: int
    exceeding_devices: int
    transmission: Rate
    validity: Rate
    effective: Rate
    online: Rate
    hours: Rate
    late: Rate
    duplicates: int
    readings: int
    malformed: int


@dataclass(frozen=True)
class Site:
    """One monitoring point (监测点): a device and the project it stands on."""

    rank: int
    device_code: str
    project_code: str
    name: str
    city: Text
    vendor: str
    registered: bool
    exceedance_hours: int
    means: dict[str, Mean]
    """day means by parameter: pm10, pm2_5, tsp (µg/m³)"""
    reported: dict[str, Number]
    """the day value that the site itself sent, by parameter"""
    noise_day: Mean
    noise_night: Mean
    noise_day_over: bool
    noise_night_over: bool
    aqi: Number
    primary: Text
    readings: int
    duplicates: int
    effective: Rate


@dataclass(frozen=True)
class Cell:
    """An hour of the heat map. state: valid, invalid (fewer than 45 minutes' worth) or missing."""

    text: str
    value: float | None
    shade: int | None
    state: str
    exceeded: bool
    minutes: int


@dataclass(frozen=True)
class HeatRow:
    """A point's 24 hours."""

    name: str
    device_code: str
    city: Text
    cells: tuple[Cell, ...]


@dataclass(frozen=True)
class Shade:
    """A class of the colour scale. `ink` is the text colour that is readable on it."""

    label: str
    colour: str
    ink: str


@dataclass(frozen=True)
class HeatMap:
    """Hourly means of one parameter (小时热力表), with the classes of its colours."""

    parameter: str
    name: Text
    shades: tuple[Shade, ...]
    rows: Listing[HeatRow]


@dataclass(frozen=True)
class Exceedance:
    """A run of periods over a limit (超标), with its peak; times are local clock."""

    name: str
    device_code: str
    city: Text
    parameter: Text
    averaging: Text
    judgement: Text
    level: Text
    value: Number
    reference: Number
    limit: Number
    unit: str
    standard: str
    effective_from: str
    began: str
    ended: str


@dataclass(frozen=True)
class Limit:
    """A limit in force on the day (现行限值). `exceeded` says above, or at or above."""

    id: str
    parameter: Text
    averaging: Text
    judgement: Text
    level: Text
    value: Number
    exceeded: Text
    unit: str
    judged: int
    scope: Text
    standard: str
    title: str
    effective_from: str
    provenance: Text
    source: str


@dataclass(frozen=True)
class Reference:
    """A site beside the nearest national control station (最近国控点)."""

    name: str
    device_code: str
    city: Text
    station: str
    station_code: str
    distance: Number
    parameter: Text
    hours: int
    site_mean: Number
    station_mean: Number
    deviation: Number
    deviation_percent: Number
    site_at: float
    station_at: float
    """places of the two means on the row's picture, percent of its width"""


@dataclass(frozen=True)
class RateRow:
    """Upload rates of a vendor, city, project or device (数据回传). Slots are counted, rates made from the sums."""

    label: Text
    devices: int
    unregistered: int
    """devices that uploaded without being registered: named, and in no sum"""
    received: int
    expected: int
    valid: int
    transmission: Rate
    validity: Rate
    effective: Rate
    online: Rate
    hours: Rate
    on_time: Rate
    late: int


@dataclass(frozen=True)
class Silent:
    """A registered device that was due to upload and sent nothing."""

    name: str
    device_code: str
    city: Text
    vendor: str
    expected: int


@dataclass(frozen=True)
class Rejected:
    """Malformed uploads of one vendor, kind, reason and field."""

    vendor: Text
    kind: Text
    reason: Text
    field: str
    count: int
    share: Rate


@dataclass(frozen=True)
class Line:
    """One series of a chart: SVG path, and a dot for every value."""

    parameter: str
    name: Text
    path: str
    dots: tuple[tuple[float, float], ...]
    values: tuple[Number, ...]
    devices: tuple[int, ...]


@dataclass(frozen=True)
class Tick:
    """A mark on an axis."""

    at: float
    label: str


@dataclass(frozen=True)
class Curve:
    """Day's curve: hourly means over the devices with a valid hour. Coordinates in the chart's own units."""

    width: float
    height: float
    left: float
    bottom: float
    top: float
    lines: tuple[Line, ...]
    x_ticks: tuple[Tick, ...]
    y_ticks: tuple[Tick, ...]


@dataclass(frozen=True)
class Bar:
    """A day of the month's picture; without a mean it has no height."""

    day: str
    label: str
    mean: Number
    devices: int
    x: float
    y: float
    width: float
    height: float
    today: bool


@dataclass(frozen=True)
class Trend:
    """Province's daily PM10 of the last week and month."""

    width: float
    height: float
    bottom: float
    left: float
    bars: tuple[Bar, ...]
    y_ticks: tuple[Tick, ...]
    week: Number
    month: Number
    week_days: int
    month_days: int


@dataclass(frozen=True)
class Provenance:
    """A mapping that made figures of the day, and how well its source is known."""

    name: str
    provenance: Text
    source: str


@dataclass(frozen=True)
class DustReportView:
    """The dust report of a province and day (扬尘监测日报)."""

    province: str
    province_name: Text
    day: str
    day_text: Text
    parameters: tuple[str, ...]
    """particle parameters that the province sends, in the order of the report"""
    summary: Summary
    curve: Curve
    trend: Trend
    sites: Listing[Site]
    heat_maps: tuple[HeatMap, ...]
    noise: Listing[Site]
    exceedances: Listing[Exceedance]
    limits: tuple[Limit, ...]
    references: Listing[Reference]
    by_vendor: Listing[RateRow]
    by_city: Listing[RateRow]
    by_project: Listing[RateRow]
    silent: Listing[Silent]
    rejected: Listing[Rejected]
    definitions: tuple[Definition, ...]
    mappings: tuple[Provenance, ...]
    code_version: str
    tables: Mapping[str, pl.DataFrame] = field(compare=False)
    """the gold rows behind the report, by name: all of them, as a program reads them"""
