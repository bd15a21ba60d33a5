"""The stages of a province-day (各阶段): each a function for a process of its own, giving plain figures."""

import shutil
import time
from collections.abc import Iterable
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import polars as pl
from deltalake import DeltaTable

from benchmarks.lake.world import PROVINCE, STATIONS, World
from pipelines.catalog import Catalog
from pipelines.names import canonical_topic
from store import gold
from store.lake import Lake, canonical_table
from streams.sinks import sinks_of

READINGS = canonical_table("dust-reading")


class Home:
    """A folder with a lake and a gold database, and the landing's own sinks into them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.lake = Lake(str(folder / "lake"))
        self.gold_url = f"sqlite:///{folder / 'gold.sqlite'}"

    def land(self, kind: str, frames: Iterable[pl.DataFrame]) -> dict[str, Any]:
        """Lands the frames as batches of one partition of the kind's topic; only the writing is timed."""
        topic, seconds, rows, batches = canonical_topic(kind), 0.0, 0, 0
        with gold.closing_engine(self.gold_url) as engine:
            sinks = sinks_of(topic, Catalog.load(), self.lake, engine)
            landed = sinks[-1].next_offset(topic, 0) or 0
            for frame in frames:
                began = time.perf_counter()
                for sink in sinks:
                    sink.write(topic, frame, {(topic, 0): landed + rows + frame.height})
                seconds += time.perf_counter() - began
                rows, batches = rows + frame.height, batches + 1
        return {"readings": rows, "batches": batches, "write_s": round(seconds, 2)}

    def size(self) -> dict[str, Any]:
        """Live files and bytes of the readings."""
        actions = pl.DataFrame(DeltaTable(self.lake.table_uri(READINGS)).get_add_actions(flatten=True))
        return {"files": actions.height, "bytes": int(actions["size_bytes"].sum())}


def land_day(folder: Path, devices: int, day: date) -> dict[str, Any]:
    """Registers, the stations' hours and a province-day in hourly batches."""
    home, world = Home(folder), World(devices)
    shutil.rmtree(folder, ignore_errors=True)
    gold.upgrade(home.gold_url)
    for kind, frame in world.registers(day - timedelta(days=30)).items():
        home.land(kind, [frame])
    home.land("station-reading", [world.station_hours(day)])
    return _with_rate(home.land("dust-reading", world.hourly_batches(day)) | home.size())


def land_small(folder: Path, devices: int, day: date, rows: int) -> dict[str, Any]:
    """The uploads of one hour in batches as small as the landing makes them under load."""
    home = Home(folder)
    shutil.rmtree(folder, ignore_errors=True)
    gold.upgrade(home.gold_url)
    hour = World(devices).uploads_of(day, 8)
    return _with_rate(home.land("dust-reading", hour.iter_slices(rows)) | home.size())


def land_days(folder: Path, devices: int, first: date, days: int) -> dict[str, Any]:
    """Many days of fewer devices, in hourly batches."""
    home, world = Home(folder), World(devices)
    shutil.rmtree(folder, ignore_errors=True)
    gold.upgrade(home.gold_url)
    for kind, frame in world.registers(first - timedelta(days=30)).items():
        home.land(kind, [frame])
    each = (first + timedelta(days=number) for number in range(days))
    home.land("station-reading", [world.station_hours(first + timedelta(days=number)) for number in range(days)])
    landed = home.land("dust-reading", (batch for day in each for batch in world.hourly_batches(day)))
    return _with_rate(landed | home.size())


def order(folder: Path, first: date, days: int = 1) -> dict[str, Any]:
    """What the night does: joins the files of each day, one device after the other. Deletes the old ones."""
    home = Home(folder)
    before = home.size()
    for number in range(days):
        home.lake.order_by_device("dust-reading", PROVINCE, (first + timedelta(days=number)).isoformat())
    home.lake.vacuum(READINGS, retention_hours=0)
    after = home.size()
    return {f"{name}_before": value for name, value in before.items()} | {
        f"{name}_after": value for name, value in after.items()
    }


def compute(folder: Path, first: date, days: int = 1) -> dict[str, Any]:
    """The job of the assets, from the lake to the report: the control stations and then the province.

    `ready_s` is the time until everything is imported and opened, which the others leave out.
    """
    began = time.perf_counter()
    import dagster as dg

    import quality.expectations.judge  # noqa: F401 (a check imports it: once a process)
    from assets.hub import Hub
    from assets.partitions import FeedDay
    from assets.runs import instance_at, materialise

    hub = Hub(
        lake_url=str(folder / "lake"),
        gold_url=f"sqlite:///{folder / 'gold.sqlite'}",
        reports_dir=str(folder / "reports"),
        data_docs_dir=str(folder / "data_docs"),
        catalog_dir=str(Path(__file__).parents[2] / "avro_schemas"),
    )
    each = [first + timedelta(days=number) for number in range(days)]
    with instance_at(folder / "dagster") as instance:
        _all_sound(materialise(instance, [FeedDay(day, STATIONS) for day in each], hub))
        ready_s, began = time.perf_counter() - began, time.perf_counter()
        runs = _all_sound(materialise(instance, [FeedDay(day, PROVINCE) for day in each], hub))
        lake_to_report_s = time.perf_counter() - began
        steps: dict[str, float] = {}
        for run in runs:
            for entry in instance.all_logs(run, of_type=dg.DagsterEventType.STEP_SUCCESS):
                event = entry.get_dagster_event()
                took = event.step_success_data.duration_ms / 1000
                steps[str(event.step_key)] = round(steps.get(str(event.step_key), 0) + took, 2)
    report = folder / "reports"
    return {
        "ready_s": round(ready_s, 2),
        "lake_to_report_s": round(lake_to_report_s, 2),
        "steps_s": steps,
        "report_bytes": sum(file.stat().st_size for file in report.rglob("dust-*")),
    }


def _all_sound(outcomes: Iterable[Any]) -> list[str]:
    """The runs' ids; RuntimeError names what went wrong: a figure of a failed run would mean nothing."""
    runs = []
    for outcome in outcomes:
        if not outcome.succeeded:
            raise RuntimeError(f"{outcome.partition.key}: {'; '.join(outcome.faults)}")
        runs.append(outcome.run_id)
    return runs


def _with_rate(landed: dict[str, Any]) -> dict[str, Any]:
    return landed | {"readings_per_s": round(landed["readings"] / landed["write_s"])}
