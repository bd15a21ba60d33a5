"""A small true lake to compute from: readings, stations and registers written the way landing writes them."""

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import polars as pl

from assets.hub import Hub
from pipelines.contract import read_canonical
from sitehub.settings import PROJECT_ROOT
from store import gold
from store.lake import QUARANTINE_SCHEMA
from store.registers import merge_history

LOCAL = ZoneInfo("Asia/Shanghai")
CANONICAL = PROJECT_ROOT / "avro_schemas" / "canonical"
DAY = date(2026, 3, 3)


def hub_at(folder: Path) -> Hub:
    """A hub with an empty lake and an empty gold database below `folder`."""
    return Hub(
        lake_url=str(folder / "lake"),
        gold_url=f"sqlite:///{folder / 'gold.sqlite'}",
        reports_dir=str(folder / "reports"),
        data_docs_dir=str(folder / "data_docs"),
        catalog_dir=str(PROJECT_ROOT / "avro_schemas"),
    )


class Landing:
    """Appends canonical rows with the next free source offsets, as landing would."""

    def __init__(self, hub: Hub) -> None:
        """Begins at offset 0 of every topic."""
        self._hub = hub
        self._next: dict[str, int] = {}

    def readings(self, province: str, day: date, device: str, minutes: Sequence[int], **values: float | str) -> None:
        """One-minute readings at these minutes of the local day, received five seconds later unless said otherwise."""
        measured: dict[str, object] = {"pm2_5": 40.0, "pm10": 80.0, "tsp": 120.0, "noise": 60.0, **values}
        rows: list[dict[str, object]] = [
            {
                "event_id": f"{province}:dust-reading:{device}:{int(at.timestamp() * 1000)}:minute",
                "device_code": device,
                "project_code": "P1",
                "observed_at": at,
                "received_at": at + timedelta(seconds=5),
                "period": "minute",
                **measured,
            }
            for at in (_local(day, minute) for minute in minutes)
        ]
        self._land("dust-reading", province, rows)

    def station_hours(self, day: date, station: str, pm10: float) -> None:
        """The 24 published hours of a control station."""
        rows: list[dict[str, object]] = [
            {
                "event_id": f"national:station-reading:{station}:{int(at.timestamp() * 1000)}:hour",
                "device_code": station,
                "observed_at": at,
                "received_at": at + timedelta(hours=1),
                "period": "hour",
                "station_name": station,
                "city": "南京",
                "longitude": 118.79,
                "latitude": 32.06,
                "pm2_5": 30.0,
                "pm10": pm10,
            }
            for at in (_local(day, 60 * hour) for hour in range(24))
        ]
        self._land("station-reading", "national", rows)

    def device(self, province: str, device: str, since: date) -> None:
        """A device with its project in the registers, due every minute."""
        at = _local(since, 0)
        place = {"longitude": 118.80, "latitude": 32.05, "project_code": "P1", "adcode": "320102"}
        common = {"observed_at": at, "received_at": at, **place}
        millis = int(at.timestamp() * 1000)
        self._land(
            "device",
            province,
            [
                common
                | {
                    "event_id": f"{province}:device:{device}:{millis}",
                    "device_code": device,
                    "device_kind": "dust",
                    "expected_interval_s": 60,
                    "installed_at": at,
                    "state": "in_service",
                    "device_vendor": "acme",
                }
            ],
        )
        self._land(
            "project",
            province,
            [
                common
                | {"event_id": f"{province}:project:P1:{millis}", "project_name": "示例一号地块", "connected_at": at}
            ],
        )

    def rejected(self, province: str, day: date, reason: str) -> None:
        """One upload in quarantine."""
        topic = f"raw.{province}.dust-reading"
        row = {
            "reason": reason,
            "field": "pm10",
            "detail": "text",
            "province": province,
            "kind": "dust-reading",
            "vendor": "acme",
            "source_topic": topic,
            "source_partition": 0,
            "source_offset": self._offsets(topic, 1)[0],
            "received_at": _local(day, 600),
            "value": b"x",
        }
        self._hub.lake.append_quarantine(pl.DataFrame([row], schema=QUARANTINE_SCHEMA), {})

    def _land(self, kind: str, province: str, rows: list[dict[str, object]]) -> None:
        topic = f"raw.{province}.{kind}"
        offsets = self._offsets(topic, len(rows))
        envelope = {
            "province": province,
            "quality": 1,
            "source_topic": topic,
            "source_partition": 0,
            "mapping": f"{province}/{kind}@000000000000",
        }
        full = [envelope | row | {"source_offset": offset} for row, offset in zip(rows, offsets, strict=True)]
        frame = pl.DataFrame(full, schema=read_canonical(CANONICAL / f"{kind}.avsc").polars_schema)
        self._hub.lake.append_canonical(kind, frame, {})
        if kind in ("device", "project"):
            merge_history(self._hub.gold, kind, frame, {(topic, 0): offsets[-1] + 1})

    def _offsets(self, topic: str, count: int) -> list[int]:
        first = self._next.get(topic, 0)
        self._next[topic] = first + count
        return list(range(first, first + count))


def figures(hub: Hub, table: str, province: str, day: date) -> pl.DataFrame:
    """The stored rows of a daily table."""
    return gold.read_partition(hub.gold, table, province, day.isoformat())


def _local(day: date, minute: int) -> datetime:
    return (datetime(day.year, day.month, day.day, tzinfo=LOCAL) + timedelta(minutes=minute)).astimezone(UTC)
