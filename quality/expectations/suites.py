"""What must hold for each table of a province's day (数据质量规则): one suite of expectations a table.

The screening rules judge a reading; these judge a whole partition after it was computed, and hold whatever was
uploaded: a failure is a fault of the hub or of the lake, never of a vendor. Each expectation costs the library about
as much as a thousand rows, so rules of one sort are gathered in a derived column that names what is wrong with the row.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

import great_expectations.expectations as gxe
import polars as pl
from great_expectations.expectations.expectation import Expectation

from pipelines.dust.readings import ZONE
from pipelines.dust.validity import VALID_HOURS
from pipelines.faults import REASONS
from quality.vocabulary import (
    AVERAGING,
    FEEDS_AHEAD_S,
    JUDGEMENTS,
    LEVELS,
    PARAMETERS,
    PERIODS,
    QUALITY_FLAGS,
    STATES_OF_DEVICES,
)

GREATEST = {"pm2_5": 5_000, "pm10": 10_000, "tsp": 30_000, "noise": 140}
"""A mean of values that passed screening lies within the ranges of quality/screening."""


@dataclass(frozen=True)
class Suite:
    """The expectations of one table: what names a row in a finding, the derived columns and the rules over them."""

    table: str
    key: tuple[str, ...]
    present: tuple[str, ...]
    derived: Mapping[str, pl.Expr]
    rules: Callable[[], list[Expectation]]

    def prepared(self, frame: pl.DataFrame) -> pl.DataFrame:
        """The frame with the derived columns."""
        absent = _named({column: pl.col(column).is_null() for column in self.present})
        return frame.with_columns(absent=absent, partition=pl.col("day") + "|" + pl.col("province"), **self.derived)

    def expectations(self, province: str, day: date) -> list[Expectation]:
        """The rules that every table has, and the table's own."""
        return [*_nothing_in("absent"), *_among("partition", [f"{day}|{province}"]), *self.rules()]


def _named(faults: Mapping[str, pl.Expr]) -> pl.Expr:
    """Names of the conditions that are true of a row, joined by ', '; null where none is."""
    names = [pl.when(condition).then(pl.lit(name)) for name, condition in faults.items()]
    joined = pl.concat_str(names, separator=", ", ignore_nulls=True)
    return pl.when(joined != "").then(joined)


def _above(whole: Mapping[str, str]) -> pl.Expr:
    return _named({f"{part} > {total}": pl.col(part) > pl.col(total) for part, total in whole.items()})


def _negative(*columns: str) -> pl.Expr:
    return _named({f"{column} < 0": pl.col(column) < 0 for column in columns})


def _implausible(**parameters: str) -> pl.Expr:
    """Means outside of what screening lets pass: column → its parameter."""
    return _named(
        {
            f"{column} outside 0…{GREATEST[p]}": ~pl.col(column).is_between(0, GREATEST[p]) | pl.col(column).is_nan()
            for column, p in parameters.items()
        }
    )


def _nothing_in(*columns: str) -> list[Expectation]:
    return [gxe.ExpectColumnValuesToBeNull(column=column) for column in columns]


def _within(column: str, lowest: float | None, highest: float | None) -> list[Expectation]:
    return [gxe.ExpectColumnValuesToBeBetween(column=column, min_value=lowest, max_value=highest)]


def _among(column: str, values: Sequence[str] | Sequence[int]) -> list[Expectation]:
    return [gxe.ExpectColumnValuesToBeInSet(column=column, value_set=list(values))]


def _unique(*columns: str) -> list[Expectation]:
    return [gxe.ExpectCompoundColumnsToBeUnique(column_list=list(columns))]


def _local(column: str) -> pl.Expr:
    return pl.col(column).dt.convert_time_zone(ZONE.key)


def _local_hour() -> pl.Expr:
    local = _local("hour_start").dt.replace_time_zone(None)
    return (local - pl.col("day").str.to_date().cast(pl.Datetime("ms"))).dt.total_hours()


READINGS = Suite(
    "canonical_readings",
    key=("event_id",),
    present=(
        *("event_id", "device_code", "observed_at", "received_at", "quality", "mapping", "period"),
        *("source_topic", "source_partition", "source_offset"),
    ),
    derived={
        "ahead_of_receipt_s": pl.when(~pl.col("quality_notes").str.contains("twelve_hours").fill_null(False)).then(
            (pl.col("observed_at") - pl.col("received_at")).dt.total_seconds()
        ),
        "misnamed": pl.when(
            ~pl.col("event_id").str.starts_with(pl.concat_str("province", pl.lit(":")))
            | ~pl.col("event_id").str.contains(r"^[^:]+:(?:dust|station)-reading:.+:-?\d+:\w+$")
        ).then(pl.col("event_id")),
    },
    rules=lambda: [
        *_nothing_in("misnamed"),
        *_among("period", PERIODS),
        *_among("quality", QUALITY_FLAGS),
        *_unique("source_topic", "source_partition", "source_offset"),
        *_within("ahead_of_receipt_s", None, FEEDS_AHEAD_S),
    ],
)

HOURS = Suite(
    "dust_hourly",
    key=("device_code", "hour_start"),
    present=("hour_start", "device_code", "readings"),
    derived={
        "local_hour": _local_hour(),
        "implausible": _implausible(**{p: p for p in PARAMETERS}),
        "negative": _negative("readings", "duplicates"),
        "above_whole": _above({f"{p}_n": "readings" for p in PARAMETERS}),
        "valid_without_value": _named({p: pl.col(f"{p}_valid") & pl.col(p).is_null() for p in PARAMETERS}),
    },
    rules=lambda: [
        *_unique("device_code", "hour_start"),
        *_within("local_hour", 0, 23),
        *_within("readings", 1, 7200),
        *_nothing_in("implausible", "negative", "above_whole", "valid_without_value"),
    ],
)

DAYS = Suite(
    "dust_daily",
    key=("device_code",),
    present=("device_code", "subject", "readings", "duplicates"),
    derived={
        "implausible": _implausible(
            **{p: p for p in VALID_HOURS},
            **{f"{p}_reported": p for p in VALID_HOURS},
            noise_day="noise",
            noise_night="noise",
        ),
        "negative": _negative(*(f"{p}_hours" for p in VALID_HOURS), "readings", "duplicates"),
        "too_many_hours": _named(
            {f"{p}_hours > 24": pl.col(f"{p}_hours") > 24 for p in VALID_HOURS}
            | {"noise_day_hours > 16": pl.col("noise_day_hours") > 16}
            | {"noise_night_hours > 8": pl.col("noise_night_hours") > 8}
        ),
        "valid_against_hours": _named(
            {p: pl.col(f"{p}_valid") != (pl.col(f"{p}_hours") >= hours) for p, hours in VALID_HOURS.items()}
            | {f"{p} without a mean": pl.col(f"{p}_valid") & pl.col(p).is_null() for p in VALID_HOURS}
        ),
        "index_without_standard": _named(
            {"aqi and aqi_standard": pl.col("aqi").is_null() != pl.col("aqi_standard").is_null()}
        ),
    },
    rules=lambda: [
        *_unique("subject", "device_code"),
        *_among("subject", ["device", "station"]),
        *_within("aqi", 0, 500),
        *_nothing_in("implausible", "negative", "too_many_hours", "valid_against_hours", "index_without_standard"),
    ],
)

RATES = Suite(
    "upload_rate_daily",
    key=("device_code",),
    present=("device_code", "registered", "received", "valid"),
    derived={
        "negative": _negative("expected", "received", "valid", "on_time", "late", "hours_returned", "online_minutes"),
        "above_whole": _above(
            {
                "received": "expected",
                "valid": "received",
                "on_time": "received",
                "hours_returned": "hours_expected",
                "online_minutes": "in_service_minutes",
            }
        ),
        "unbalanced": _named(
            {
                "on_time + late ≠ received": pl.col("on_time") + pl.col("late") != pl.col("received"),
                "registered, nothing expected": pl.col("registered") & pl.col("expected").is_null(),
                "not registered, yet expected": ~pl.col("registered") & pl.col("expected").is_not_null(),
            }
        ),
    },
    rules=lambda: [
        *_unique("province", "device_code"),
        *_within("hours_expected", 0, 24),
        *_nothing_in("negative", "above_whole", "unbalanced"),
    ],
)

EXCEEDANCES = Suite(
    "exceedance",
    key=("device_code", "limit_id", "began"),
    present=("device_code", "parameter", "averaging", "value", "limit_value", "limit_id", "standard", "began", "ended"),
    derived={
        "above_limit": pl.col("value") - pl.col("limit_value"),
        "lasted_s": (pl.col("ended") - pl.col("began")).dt.total_seconds(),
        "of_another_day": _named({"began": _local("began").dt.strftime("%Y-%m-%d") != pl.col("day")}),
        "unknown": _named(
            {
                name: ~pl.col(name).is_in(known).fill_null(False)
                for name, known in {
                    "parameter": PARAMETERS,
                    "averaging": AVERAGING,
                    "judgement": JUDGEMENTS,
                    "level": LEVELS,
                }.items()
            }
        ),
    },
    rules=lambda: [
        *_unique("device_code", "limit_id", "began"),
        *_within("above_limit", 0, None),
        *_within("lasted_s", 1, None),
        *_nothing_in("unknown", "of_another_day"),
    ],
)

STATES = Suite(
    "device_states",
    key=("device_code", "began"),
    present=("device_code", "state", "began", "ended", "holds", "interval_s"),
    derived={
        "lasted_s": (pl.col("ended") - pl.col("began")).dt.total_seconds(),
        "of_another_day": _named({"began": _local("began").dt.strftime("%Y-%m-%d") != pl.col("day")}),
        "contradiction": _named(
            {
                "overlaps the state before": pl.col("began")
                < pl.col("ended").shift(1).over("device_code", order_by="began"),
                "online without a reading": (pl.col("state") == "online") & pl.col("last_reading_at").is_null(),
                "holds, and another comes after": pl.col("holds")
                & pl.col("began").shift(-1).over("device_code", order_by="began").is_not_null(),
            }
        ),
    },
    rules=lambda: [
        *_unique("device_code", "began"),
        *_among("state", STATES_OF_DEVICES),
        *_within("lasted_s", 1, 86_400),
        *_nothing_in("of_another_day", "contradiction"),
    ],
)

REFERENCES = Suite(
    "station_reference",
    key=("device_code", "parameter"),
    present=(
        "device_code",
        "station_code",
        "distance_km",
        "parameter",
        "hours",
        "site_mean",
        "station_mean",
        "deviation",
    ),
    derived={
        "wrong_deviation": _named(
            {
                "deviation": (pl.col("site_mean") - pl.col("station_mean") - pl.col("deviation")).abs() > 1e-6,
            }
        )
    },
    rules=lambda: [
        *_unique("device_code", "parameter"),
        *_within("distance_km", 0, None),
        *_within("hours", 1, 24),
        *_nothing_in("wrong_deviation"),
    ],
)

REJECTIONS = Suite(
    "rejected_daily",
    key=("vendor", "kind", "reason", "field"),
    present=("vendor", "kind", "reason", "field", "count"),
    derived={},
    rules=lambda: [
        *_unique("vendor", "kind", "reason", "field"),
        *_among("reason", list(REASONS)),
        *_within("count", 1, None),
    ],
)

SUITES = {suite.table: suite for suite in (READINGS, HOURS, DAYS, RATES, STATES, EXCEEDANCES, REFERENCES, REJECTIONS)}
