"""What an operator may set: environment variables SITEHUB_* or a .env file in the working folder (设置).

A leaf: it imports nothing of the other rooms. Every room but sitehub/ and assets/ gets values as arguments.
"""

import json
from datetime import date
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal

from platformdirs import user_cache_path
from pydantic import Field, ValidationInfo, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

PROJECT_ROOT = Path(__file__).resolve().parents[1]
PROVABLE_DAYS = 8
"""Kafka deletes whole segments, of a week: a rejected upload outlives its raw one by that and a day, so that the ledger
finds it as long as it sees the upload (decision 0006)."""


def _under_home(name: str) -> Any:
    return lambda data: data["home"] / name


class Settings(BaseSettings):
    """All settings with their defaults; paths become absolute, so that child processes agree on them."""

    model_config = SettingsConfigDict(env_prefix="SITEHUB_", env_file=".env", extra="ignore", frozen=True)

    home: Path = Field(default=Path(".sitehub"), description="All that the local stack writes: logs, data, state.")
    bootstrap_servers: str = Field(default="127.0.0.1:19092", description="Kafka; `up` starts the broker here.")
    registry_url: str = Field(
        default="http://127.0.0.1:18081/apis/ccompat/v7",
        description="Schema registry (Confluent API); `up` starts it here.",
    )
    dagster_port: int = Field(default=13000, ge=1, le=65535, description="Port of the Dagster UI (loopback).")
    metrics_host: str = Field(default="127.0.0.1", description="Where workers serve /metrics and /health.")
    metrics_port: int = Field(
        default=19100,
        ge=0,
        le=65000,
        description="The landing's port there; the feeds' normalisers follow in alphabetical order. 0: any free ones.",
    )
    lake_url: str = Field(
        default_factory=lambda data: str(data["home"] / "lake"),
        description="Root of the Delta tables: a folder or an object store's URL.",
    )
    gold_url: str = Field(
        default_factory=lambda data: f"sqlite:///{data['home'] / 'gold.sqlite'}",
        description="SQLAlchemy URL of the gold tables; its password is never shown.",
    )
    reports_dir: Path = Field(default_factory=_under_home("reports"), description="Folder of the rendered reports.")
    cache_dir: Path = Field(
        default_factory=lambda: user_cache_path("sitehub"),
        description="Where broker and registry packages are kept between runs.",
    )
    catalog_dir: Path = Field(
        default=PROJECT_ROOT / "avro_schemas", description="Folder of the contract: canonical/, raw/, codes/, limits/."
    )
    person_key_file: Path = Field(
        default_factory=_under_home("person.key"),
        description="The key of people's pseudonyms; made when it is not there, the same file on every host.",
    )
    first_day: date = Field(default=date(2019, 1, 1), description="First local day that Dagster offers as a partition.")
    partitions: int = Field(default=2, ge=1, le=1000, description="Partitions of a topic when it is created.")
    raw_retention_days: int = Field(default=30, ge=1, description="Days that raw topics keep uploads.")
    quarantine_retention_days: int = Field(
        default_factory=lambda data: data["raw_retention_days"] + PROVABLE_DAYS,
        description=(
            "Days that quarantine topics keep rejected uploads, and the lake their bytes; "
            f"at least {PROVABLE_DAYS} more than raw topics."
        ),
    )
    raw_timestamps: Literal["LogAppendTime", "CreateTime"] = Field(
        default="LogAppendTime",
        description="Clock of received_at: the broker's; CreateTime (the sender's) is for simulated days only.",
    )
    allowed_latency: float = Field(
        default=0.01,
        ge=0,
        le=10,
        description="How long an upload waits for others to share its transaction; s. Longer costs less.",
    )
    landing_seconds: float = Field(default=5.0, gt=0, description="Longest time a landed batch collects; s.")
    landing_rows: int = Field(default=20_000, ge=1, description="Most records of a landed batch.")
    gateway_host: str = Field(default="127.0.0.1", description="Where the gateway listens for devices.")
    gateway_ports: dict[str, int] = Field(
        default={},
        description='Feed → port for devices that speak HJ 212, e.g. {"jiangsu": 19212}; `up` then starts the gateway.',
    )
    gateway_connections: int = Field(default=5000, ge=1, description="Most devices connected at once.")
    gateway_per_address: int = Field(
        default=500, ge=1, description="Most of them from one address; sites of a mobile network may share one."
    )
    maven_url: str = Field(
        default="", description="Maven repository with broker and registry; empty is Maven's central one."
    )

    @field_validator("home", "reports_dir", "cache_dir", "catalog_dir", "person_key_file")
    @classmethod
    def _absolute(cls, value: Path) -> Path:
        return value.expanduser().absolute()

    @field_validator("quarantine_retention_days")
    @classmethod
    def _provable(cls, value: int, known: ValidationInfo) -> int:
        least = known.data.get("raw_retention_days", 0) + PROVABLE_DAYS
        if value < least:
            raise ValueError(f"the ledger needs rejected uploads for {least} days, {PROVABLE_DAYS} more than raw ones")
        return value

    @field_validator("gold_url")
    @classmethod
    def _sqlalchemy_url(cls, value: str) -> str:
        if value.startswith("sqlite:///"):  # is one, and SQLAlchemy a fifth of a normaliser's start
            return value
        from sqlalchemy import make_url
        from sqlalchemy.exc import ArgumentError

        try:
            make_url(value)
        except ArgumentError as error:
            raise ValueError("not an SQLAlchemy URL; write for example sqlite:////srv/gold.sqlite") from error
        return value

    def shown(self) -> dict[str, str]:
        """Name → value as text, fit for a screen: a password in a URL is replaced by ***."""
        from sqlalchemy import make_url  # a fifth of a normaliser's start, which has no use for it

        texts = {name: _text(getattr(self, name)) for name in type(self).model_fields}
        return texts | {"gold_url": make_url(self.gold_url).render_as_string(hide_password=True)}

    def environment(self) -> dict[str, str]:
        """The settings as SITEHUB_* variables: what a child process gets so that it sees the same ones."""
        return {f"SITEHUB_{name.upper()}": _text(getattr(self, name)) for name in type(self).model_fields}


def _text(value: object) -> str:
    """As an environment variable has it: what is no plain value is JSON."""
    return json.dumps(value) if isinstance(value, dict) else str(value)


@lru_cache(maxsize=1)
def settings() -> Settings:
    """The settings of this process, read once."""
    return Settings()
