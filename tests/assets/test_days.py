"""Days computed for real: from the lake through the job to figures, checks and the report."""

import math
import signal
from datetime import timedelta
from pathlib import Path
from typing import Any

import dagster as dg
import polars as pl
import pytest

from assets.hub import Hub
from assets.interrupts import heeded
from assets.jobs import order_day
from assets.partitions import FeedDay
from assets.runs import changed, materialise, remember
from pipelines.dust import rejected
from tests.assets.world import DAY, Landing, figures

JIANGSU = FeedDay(DAY, "jiangsu")
STATIONS = FeedDay(DAY, "national")


def events(instance: dg.DagsterInstance, table: str) -> list[str]:
    """Partitions of `table` that were materialised."""
    return sorted(instance.get_materialized_partitions(dg.AssetKey(table)))


def metadata(instance: dg.DagsterInstance, table: str) -> dict[str, Any]:
    """The metadata of the last materialisation of `table`."""
    event = instance.get_latest_materialization_event(dg.AssetKey(table))
    assert event is not None
    assert event.asset_materialization is not None
    return {name: value.value for name, value in event.asset_materialization.metadata.items()}


def test_late_data_repair_the_past(hub: Hub, landing: Landing, instance: dg.DagsterInstance) -> None:
    """A day is computed, late readings come, the day is asked for again, and its figures and report change."""
    landing.device("jiangsu", "D1", DAY - timedelta(days=30))
    landing.station_hours(DAY, "1151A", 50.0)
    landing.readings("jiangsu", DAY, "D1", range(0, 720))
    asked, cursor, _ = changed(instance, hub)
    assert asked == [STATIONS, JIANGSU]
    assert all(outcome.succeeded for outcome in materialise(instance, asked, hub))
    remember(instance, cursor)
    (before,) = figures(hub, "upload_rate_daily", "jiangsu", DAY).select("received", "expected").rows()
    report = next(Path(hub.reports_dir).rglob("*.html"))
    drawn = report.read_bytes()

    landing.readings("jiangsu", DAY, "D1", range(720, 1440), pm10=200.0)
    asked, cursor, _ = changed(instance, hub)
    assert asked == [JIANGSU]
    assert all(outcome.succeeded for outcome in materialise(instance, asked, hub))
    remember(instance, cursor)
    (after,) = figures(hub, "upload_rate_daily", "jiangsu", DAY).select("received", "expected").rows()
    assert (before, after) == ((720, 1440), (1440, 1440))
    (day,) = figures(hub, "dust_daily", "jiangsu", DAY).rows(named=True)
    assert (day["pm10"], day["pm10_hours"], day["pm10_valid"]) == (140.0, 24, True)
    assert report.read_bytes() != drawn
    assert changed(instance, hub)[0] == []
    shown = metadata(instance, "upload_rate_daily")
    assert shown["received / expected"] == "1440 / 1440"
    assert shown["dagster/row_count"] == 1
    assert "D1" in shown["preview"]
    assert Path(shown["data_docs"]).is_file()
    shown = metadata(instance, "canonical_readings")
    assert shown["dagster/row_count"] == 1440
    assert "D1" in shown["preview"]
    shown = metadata(instance, "dust_report")
    assert shown["dagster/row_count"] == 1
    assert "D1" in shown["preview"]
    assert Path(shown["html"]).samefile(report)
    assert events(instance, "dust_report") == [JIANGSU.key, STATIONS.key]
    assert len(list(Path(hub.reports_dir).rglob("*.html"))) == 1  # none of the control stations


@pytest.mark.parametrize("in_memory", [1000, 0])
def test_a_failed_check_blocks_the_report(
    in_memory: int, hub: Hub, landing: Landing, instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A partition in which one upload became two records is found out, and nothing is computed from it; also when it is
    too large to be judged but by a sample, none of which is one of them."""
    monkeypatch.setattr("assets.readings.IN_MEMORY_ROWS", in_memory)
    monkeypatch.setattr("assets.readings.SAMPLE", 1)
    landing.readings("jiangsu", DAY, "D1", range(10))
    again = Landing(hub)
    again.rejected("jiangsu", DAY, "bad_time")  # was offset 0, the only one of the sample
    again.readings("jiangsu", DAY, "D1", [1])  # offset 1 once more
    (outcome,) = materialise(instance, [JIANGSU], hub)
    assert not outcome.succeeded
    assert "source_topic, source_partition, source_offset" in outcome.faults[0]
    assert events(instance, "canonical_readings") == [JIANGSU.key]
    assert events(instance, "dust_hourly") == events(instance, "dust_report") == []


def test_wrong_figures_are_not_stored(
    hub: Hub, landing: Landing, instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Figures that fail their check reach no table: those of the last sound run stay, and no report is drawn."""
    landing.rejected("jiangsu", DAY, "bad_time")
    assert [outcome.faults for outcome in materialise(instance, [JIANGSU], hub)] == [()]

    counted = rejected.rejected_counts
    monkeypatch.setattr(
        rejected, "rejected_counts", lambda frame: counted(frame).with_columns(count=-counted(frame)["count"])
    )
    (outcome,) = materialise(instance, [JIANGSU], hub)
    assert [fault.split(":")[0] for fault in outcome.faults] == ["rejected_daily"]
    assert figures(hub, "rejected_daily", "jiangsu", DAY)["count"].to_list() == [1]
    for table in ("rejected_daily", "dust_report"):
        assert len(instance.fetch_materializations(dg.AssetKey(table), limit=9).records) == 1


def test_a_day_is_put_in_the_order_of_devices(hub: Hub, landing: Landing) -> None:
    """The night's job joins the day's files of a feed; a feed without any is left alone."""
    for code in ("D2", "D1"):
        landing.readings("jiangsu", DAY, code, range(3))
    config = {"ops": {"order_by_device": {"config": {"day": DAY.isoformat()}}}}
    assert order_day.execute_in_process(resources={"hub": hub}, run_config=config).success
    held = hub.lake.read("dust-reading", "jiangsu", DAY.isoformat()).collect()
    assert held["device_code"].to_list() == ["D1"] * 3 + ["D2"] * 3


def test_a_fault_does_not_stop_other_partitions(
    hub: Hub, landing: Landing, instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A partition whose code raises is told with its message, and the next one is computed."""
    landing.rejected("shanxi", DAY, "bad_time")

    def stumbles(quarantine: pl.DataFrame) -> pl.DataFrame:
        if "shanxi" in quarantine["province"]:
            raise RuntimeError("cannot be counted")
        return counted(quarantine)

    counted = rejected.rejected_counts
    monkeypatch.setattr(rejected, "rejected_counts", stumbles)
    failed, done = materialise(instance, [FeedDay(DAY, "shanxi"), STATIONS], hub)
    assert failed.faults == ("rejected_daily: RuntimeError: cannot be counted",)
    assert done.succeeded


def test_an_interrupt_ends_all_partitions(
    hub: Hub, instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ctrl-C within a run fails that run, and no other partition is computed after it."""
    monkeypatch.setattr(rejected, "rejected_counts", lambda _: signal.raise_signal(signal.SIGINT))
    with pytest.raises(KeyboardInterrupt):
        list(materialise(instance, [JIANGSU, STATIONS], hub))
    (run,) = instance.get_runs()
    assert (run.tags["dagster/partition"], run.status) == (JIANGSU.key, dg.DagsterRunStatus.FAILURE)


def test_an_interrupt_that_dagster_does_not_notice_is_heeded() -> None:
    """A signal that comes when the last step is done already is caught by a handler that only takes a note of it."""

    @heeded()
    def run() -> None:
        own = signal.signal(signal.SIGINT, lambda *_: None)
        signal.raise_signal(signal.SIGINT)
        signal.signal(signal.SIGINT, own)

    with pytest.raises(KeyboardInterrupt):
        run()


def test_a_day_without_uploads_is_a_day_of_zero(hub: Hub, landing: Landing, instance: dg.DagsterInstance) -> None:
    """A registered device that sent nothing has a rate of 0 of what was expected, and the report is drawn."""
    landing.device("jiangsu", "D1", DAY - timedelta(days=1))
    (outcome,) = materialise(instance, [JIANGSU], hub)
    assert outcome.faults == ()
    (row,) = figures(hub, "upload_rate_daily", "jiangsu", DAY).rows(named=True)
    assert (row["received"], row["expected"]) == (0, 1440)


def test_a_night_is_whole_before_the_next_day_is_computed(
    hub: Hub, landing: Landing, instance: dg.DagsterInstance
) -> None:
    """Days computed in order, as a backfill does, have whole nights: the morning comes from the lake's readings."""
    landing.device("jiangsu", "D1", DAY - timedelta(days=1))
    landing.readings("jiangsu", DAY, "D1", range(22 * 60, 24 * 60), noise=40.0)
    landing.readings("jiangsu", DAY + timedelta(days=1), "D1", range(8 * 60), noise=70.0)
    (outcome,) = materialise(instance, [JIANGSU], hub)
    assert outcome.faults == ()
    (row,) = figures(hub, "dust_daily", "jiangsu", DAY).rows(named=True)
    assert row["noise_night_hours"] == 8
    assert row["noise_night"] == pytest.approx(10 * math.log10((2 * 1e4 + 6 * 1e7) / 8))
    nights = figures(hub, "exceedance", "jiangsu", DAY).filter(averaging="night")
    assert nights["value"].to_list() == [pytest.approx(row["noise_night"])]
