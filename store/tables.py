"""The gold tables (结果库): registers with their history, daily figures, landed offsets.

Every canonical kind that is a register has a history with the columns of its schema, so a register or a field added
there shows up as a migration to be written (`alembic check` in the tests). Everything else is listed here once.
"""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import polars as pl
from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    DateTime,
    Dialect,
    Float,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    TypeDecorator,
)
from sqlalchemy.sql.selectable import ReturnsRows
from sqlalchemy.types import TypeEngine

from pipelines.contract import RECORDS, TEXTS, CanonicalKind, read_canonical, read_json

CANONICAL = Path(__file__).resolve().parents[1] / "avro_schemas" / "canonical"
PARAMETERS = ("pm2_5", "pm10", "tsp")


class UtcTime(TypeDecorator[datetime]):
    """An instant in UTC. SQLite keeps no zone, so instants are written as UTC and read back with the zone."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """UTC on the way in; a naive time is a mistake of the caller."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError(f"a time without a zone cannot be stored ({value}); attach UTC first")
        utc = value.astimezone(UTC)
        return utc.replace(tzinfo=None) if dialect.name == "sqlite" else utc

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002 (SQLAlchemy's signature)
        """UTC on the way out."""
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


metadata = MetaData(
    naming_convention={
        "ix": "ix_%(column_0_label)s",
        "uq": "uq_%(table_name)s_%(column_0_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
        "pk": "pk_%(table_name)s",
    }
)


def _text(*names: str) -> list[Column[Any]]:
    return [Column(name, Text) for name in names]


def _count(*names: str) -> list[Column[Any]]:
    return [Column(name, Integer) for name in names]


def _number(*names: str) -> list[Column[Any]]:
    return [Column(name, Float) for name in names]


def _key(*names: str) -> list[Column[Any]]:
    return [Column(name, Text, primary_key=True, nullable=False) for name in names]


def _partitioned(name: str, keys: tuple[str, ...], *columns: Column[Any]) -> Table:
    """A table that is replaced whole per province and local day ('YYYY-MM-DD')."""
    return Table(name, metadata, *_key("province", "day", *keys), *columns)


dust_daily = _partitioned(
    "dust_daily",
    ("subject", "device_code"),
    *_text("project_code"),
    *[
        column
        for p in PARAMETERS
        for column in (*_number(p), *_count(f"{p}_hours"), Column(f"{p}_valid", Boolean), *_number(f"{p}_reported"))
    ],
    *_number("noise_day"),
    *_count("noise_day_hours"),
    *_number("noise_night"),
    *_count("noise_night_hours", "aqi"),
    *_text("primary_pollutant", "aqi_standard"),
    *_count("readings", "duplicates"),
    *_text("mapping", "code_version"),
)

upload_rate_daily = _partitioned(
    "upload_rate_daily",
    ("device_code",),
    *_text("project_code", "vendor", "adcode"),
    Column("registered", Boolean, nullable=False),
    *_count(
        "interval_s", "expected", "received", "valid", "on_time", "late",
        "hours_expected", "hours_returned", "online_minutes", "in_service_minutes",
    ),
    *_text("mapping", "code_version"),
)  # fmt: skip

exceedance = _partitioned(
    "exceedance",
    ("device_code", "limit_id"),
    Column("began", UtcTime, primary_key=True, nullable=False),
    Column("ended", UtcTime, nullable=False),
    *_text("project_code", "parameter", "averaging", "judgement", "level"),
    *_number("value", "reference_value", "limit_value"),
    *_text("unit", "standard", "code_version"),
)

device_states = _partitioned(
    "device_states",
    ("device_code",),
    Column("began", UtcTime, primary_key=True, nullable=False),
    Column("ended", UtcTime, nullable=False),
    Column("state", Text, nullable=False),
    Column("holds", Boolean, nullable=False),
    *_text("project_code", "device_kind"),
    *_count("interval_s"),
    Column("last_reading_at", UtcTime),
    *_text("code_version"),
)

station_reference = _partitioned(
    "station_reference",
    ("device_code", "parameter"),
    *_text("project_code", "station_code", "station_name"),
    *_number("distance_km"),
    *_count("hours"),
    *_number("site_mean", "station_mean", "deviation", "deviation_percent"),
    *_text("code_version"),
)

rejected_daily = _partitioned("rejected_daily", ("vendor", "kind", "reason", "field"), *_count("count"))

landed_offset = Table(
    "landed_offset",
    metadata,
    Column("topic", Text, primary_key=True, nullable=False),
    Column("partition", Integer, primary_key=True, autoincrement=False, nullable=False),
    Column("next_offset", BigInteger, nullable=False),
)

_SQL_TYPES: dict[str, type[TypeEngine[Any]]] = {
    "string": Text,
    "int": Integer,
    "long": BigInteger,
    "double": Float,
    "boolean": Boolean,
    "timestamp-millis": UtcTime,
    TEXTS: Text,  # an array is kept as a text of JSON
    RECORDS: Text,
}
VALIDITY = ("valid_from", "valid_to")
"""From when until when a state held: the history's own columns."""


def history_column(field: str) -> str:
    """The column of a canonical field in its history; one that bears a name of the history's own is what was stated."""
    return f"stated_{field}" if field in VALIDITY else field


def _history(kind: CanonicalKind) -> Table:
    """The history of one register kind: every canonical field, and from when until when the state held."""
    table = Table(
        f"{kind.name.replace('-', '_')}_history",
        metadata,
        Column("event_id", Text, primary_key=True, nullable=False),
        *[
            Column(history_column(field.name), _SQL_TYPES[field.type], nullable=not field.never_null)
            for field in kind.fields
            if field.name != "event_id"
        ],
        Column("valid_from", UtcTime, nullable=False),
        Column("valid_to", UtcTime),
        info={"subject": kind.subject},
    )
    Index(None, table.c["province"], *[table.c[name] for name in kind.subject])
    return table


HISTORIES: dict[str, Table] = {
    file.stem: _history(read_canonical(file))
    for file in sorted(CANONICAL.glob("*.avsc"))
    if read_json(file).get("register")  # checking a whole schema takes longer than all else here
}

DAILY: dict[str, Table] = {
    table.name: table
    for table in (dust_daily, upload_rate_daily, device_states, exceedance, station_reference, rejected_daily)
}

_POLARS_TYPES: tuple[tuple[type[TypeEngine[Any]], pl.DataType], ...] = (
    (UtcTime, pl.Datetime("ms", "UTC")),
    (Boolean, pl.Boolean()),
    (Integer, pl.Int64()),
    (Float, pl.Float64()),
    (String, pl.String()),
)


def frame_schema(rows: ReturnsRows) -> dict[str, pl.DataType]:
    """Column -> polars type of a table or query, in its order (BigInteger is an Integer, Text a String)."""
    return {
        name: next(dtype for sql, dtype in _POLARS_TYPES if isinstance(column.type, sql))
        for name, column in rows.exported_columns.items()
    }
