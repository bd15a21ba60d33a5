"""What must hold for each table of a province's day (数据质量规则): one suite of expectations a table.

The screening rules judge a reading; these judge a whole partition after it was computed, and hold whatever was
uploaded: a failure is a fault of the hub or of the lake, never of a vendor. Columns that a rule compares but no table
has are derived beside it, so that every rule reads as one line.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

import great_expectations.expectations as gxe
import polars as pl
from great_expectations.expectations.expectation import Expectation

from pipelines.faults import REASONS
from quality.vocabulary import FEEDS_AHEAD_S, LEVELS, PARAMETERS, PERIODS, QUALITY_FLAGS

Expectations = list[Expectation]


@dataclass(frozen=True)
class Suite:
    """The expectations of one table: what names a row in a finding, the derived columns and the rules."""

    table: str
    key: tuple[str, ...]
    rules: Callable[[str, date], Expectations]
    derived: Mapping[str, pl.Expr]

    def prepared(self, frame: pl.DataFrame) -> pl.DataFrame:
        """The frame with the columns that only the rules need."""
        return frame.with_columns(**self.derived)


def _present(*columns: str) -> Expectations:
    return [gxe.ExpectColumnValuesToNotBeNull(column=column) for column in columns]


def _within(lowest: float | None, highest: float | None, *columns: str) -> Expectations:
    return [gxe.ExpectColumnValuesToBeBetween(column=column, min_value=lowest, max_value=highest) for column in columns]


def _among(column: str, values: Sequence[str] | Sequence[int]) -> Expectations:
    return [gxe.ExpectColumnValuesToBeInSet(column=column, value_set=list(values))]


def _unique(*columns: str) -> Expectations:
    if len(columns) == 1:
        return [gxe.ExpectColumnValuesToBeUnique(column=columns[0])]
    return [gxe.ExpectCompoundColumnsToBeUnique(column_list=list(columns))]


def _partition(province: str, day: date) -> Expectations:
    return [*_among("province", [province]), *_among("day", [day.isoformat()])]


def _at_most(*pairs: tuple[str, str]) -> Expectations:
    """First column never above the second, both null-safe through the derived `<small>_spare` column."""
    return [gxe.ExpectColumnValuesToBeBetween(column=f"{small}_spare", min_value=0) for small, _ in pairs]


def _spare(*pairs: tuple[str, str]) -> dict[str, pl.Expr]:
    return {f"{small}_spare": pl.col(large).cast(pl.Int64) - pl.col(small).cast(pl.Int64) for small, large in pairs}


def _readings(province: str, day: date) -> Expectations:
    return [
        *_present("event_id", "device_code", "observed_at", "received_at", "quality", "mapping", "period"),
        *_present("source_topic", "source_partition", "source_offset"),
        *_partition(province, day),
        *_among("period", PERIODS),
        *_among("quality", QUALITY_FLAGS),
        gxe.ExpectColumnValuesToMatchRegex(
            column="event_id", regex=rf"^{province}:(?:dust|station)-reading:.+:-?\d+:\w+$"
        ),
        *_unique("source_topic", "source_partition", "source_offset"),
        *_within(None, FEEDS_AHEAD_S, "ahead_of_receipt_s"),
    ]


_HOUR_COUNTS = tuple((f"{p}_n", "readings") for p in PARAMETERS)


def _hours(province: str, day: date) -> Expectations:
    return [
        *_present("hour_start", "device_code", "readings"),
        *_partition(province, day),
        *_unique("device_code", "hour_start"),
        *_within(0, 23, "local_hour"),
        *_within(0, None, "pm2_5", "pm10", "tsp", "readings", "duplicates"),
        *_within(0, 200, "noise"),
        *_within(0, 3600, *(f"{p}_n" for p in PARAMETERS)),
        *_at_most(*_HOUR_COUNTS),
        *_among("valid_without_value", [0]),
    ]


_DAY_HOURS = {"pm2_5": 20, "pm10": 20, "tsp": 24}


def _days(province: str, day: date) -> Expectations:
    return [
        *_present("device_code", "subject"),
        *_partition(province, day),
        *_unique("subject", "device_code"),
        *_among("subject", ["device", "station"]),
        *_within(0, None, *_DAY_HOURS, "readings", "duplicates"),
        *_within(0, 24, *(f"{p}_hours" for p in _DAY_HOURS)),
        *_within(0, 16, "noise_day_hours"),
        *_within(0, 8, "noise_night_hours"),
        *_within(0, 500, "aqi"),
        *_among("valid_without_hours", [0]),
    ]


_RATE_PAIRS = (
    ("received", "expected"),
    ("valid", "received"),
    ("on_time", "received"),
    ("hours_returned", "hours_expected"),
    ("online_minutes", "in_service_minutes"),
)


def _rates(province: str, day: date) -> Expectations:
    return [
        *_present("device_code", "registered", "received", "valid"),
        *_partition(province, day),
        *_unique("device_code"),
        *_within(0, None, "expected", "received", "valid", "on_time", "late", "online_minutes"),
        *_within(0, 24, "hours_expected", "hours_returned"),
        *_at_most(*_RATE_PAIRS),
    ]


def _exceedances(province: str, day: date) -> Expectations:
    return [
        *_present("device_code", "parameter", "averaging", "value", "limit_value", "limit_id", "standard", "began"),
        *_partition(province, day),
        *_among("parameter", PARAMETERS),
        *_among("averaging", ["15min", "1h", "24h", "day", "night"]),
        *_among("judgement", ["absolute", "difference", "count"]),
        *_among("level", LEVELS),
        *_within(0, None, "above_limit", "lasted_s"),
    ]


def _references(province: str, day: date) -> Expectations:
    return [
        *_present("device_code", "station_code", "distance_km", "parameter"),
        *_partition(province, day),
        *_unique("device_code", "parameter"),
        *_within(0, None, "distance_km"),
        *_within(0, 24, "hours"),
    ]


def _rejections(province: str, day: date) -> Expectations:
    return [
        *_present("reason", "kind"),
        *_partition(province, day),
        *_among("reason", list(REASONS)),
        *_within(1, None, "count"),
    ]


def _broken(condition: pl.Expr) -> pl.Expr:
    return condition.fill_null(False).cast(pl.Int64)


_ANY_DAY_MEAN = [
    pl.col(f"{p}_valid") & (pl.col(p).is_null() | (pl.col(f"{p}_hours") < hours)) for p, hours in _DAY_HOURS.items()
]

SUITES = {
    suite.table: suite
    for suite in (
        Suite(
            "canonical_readings",
            ("event_id",),
            _readings,
            {
                "ahead_of_receipt_s": pl.when(
                    ~pl.col("quality_notes").str.contains("twelve_hours").fill_null(False)
                ).then((pl.col("observed_at") - pl.col("received_at")).dt.total_seconds())
            },
        ),
        Suite(
            "dust_hourly",
            ("device_code", "hour_start"),
            _hours,
            {
                **_spare(*_HOUR_COUNTS),
                "local_hour": (
                    pl.col("hour_start").dt.convert_time_zone("Asia/Shanghai").dt.replace_time_zone(None)
                    - pl.col("day").str.to_date().cast(pl.Datetime("ms"))
                ).dt.total_hours(),
                "valid_without_value": _broken(
                    pl.any_horizontal(*(pl.col(f"{p}_valid") & pl.col(p).is_null() for p in PARAMETERS))
                ),
            },
        ),
        Suite(
            "dust_daily", ("device_code",), _days, {"valid_without_hours": _broken(pl.any_horizontal(*_ANY_DAY_MEAN))}
        ),
        Suite("upload_rate_daily", ("device_code",), _rates, _spare(*_RATE_PAIRS)),
        Suite(
            "exceedance",
            ("device_code", "limit_id", "began"),
            _exceedances,
            {
                "above_limit": pl.col("value") - pl.col("reference_value").fill_null(0.0) - pl.col("limit_value"),
                "lasted_s": (pl.col("ended") - pl.col("began")).dt.total_seconds(),
            },
        ),
        Suite("station_reference", ("device_code", "parameter"), _references, {}),
        Suite("rejected_daily", ("vendor", "kind", "reason", "field"), _rejections, {}),
    )
}
