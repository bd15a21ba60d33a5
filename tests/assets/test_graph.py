"""The asset graph as a whole: its shape, its documentation, its schedules."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import cast

import dagster as dg
import pytest
from syrupy.assertion import SnapshotAssertion

from assets import definitions
from assets.definitions import defs
from assets.jobs import nightly, order_nightly, schedules, yesterday_is_computed
from assets.partitions import FEED_DAYS, feeds

SPECS = sorted(defs.resolve_all_asset_specs(), key=lambda spec: spec.key.to_user_string())


def test_the_graph_is_the_one_agreed_on(snapshot: SnapshotAssertion) -> None:
    """Assets, what they depend on, their groups, kinds, pools and checks: a change here is seen in review."""
    checks = sorted((key.asset_key.to_user_string(), key.name) for key in defs.resolve_asset_graph().asset_check_keys)
    graph = {
        spec.key.to_user_string(): {
            "deps": sorted(
                f"{dep.asset_key.to_user_string()}{' (with national)' if dep.partition_mapping else ''}"
                for dep in spec.deps
            ),
            "group": spec.group_name,
            "kinds": sorted(spec.kinds),
            "partitioned": spec.partitions_def is not None,
            "layer": spec.tags["layer"],
            "checks": [name for asset, name in checks if asset == spec.key.to_user_string()],
        }
        for spec in SPECS
    }
    assert graph == snapshot


def test_definitions_load() -> None:
    """Dagster finds no fault in the definitions."""
    dg.Definitions.validate_loadable(defs)


@pytest.mark.parametrize("spec", SPECS, ids=lambda spec: spec.key.to_user_string())
def test_every_asset_is_documented(spec: dg.AssetSpec) -> None:
    """Each asset says in English and Chinese what it is, who owns it and of what kind it is."""
    assert any("\u4e00" <= letter <= "\u9fff" for letter in spec.description or "")
    assert spec.owners
    assert spec.kinds


def test_every_computed_asset_names_its_code() -> None:
    """Computed assets carry a code version and a reference to their source."""
    computed = [spec for spec in SPECS if spec.partitions_def is not None]
    assert computed
    for spec in computed:
        assert spec.code_version
        assert "dagster/code_references" in spec.metadata


def test_expectations_block() -> None:
    """Whatever is judged by expectations blocks what comes after it."""
    graph = defs.resolve_asset_graph()
    keys = [key for key in graph.asset_check_keys if key.name == "expectations"]
    assert len(keys) == 8
    assert all(graph.get(key).blocking for key in keys)


def test_the_overview_fits_on_a_screen() -> None:
    """definitions.py is an overview."""
    assert len(Path(definitions.__file__).read_text(encoding="utf-8").splitlines()) < 60


def test_the_night_computes_yesterday_of_every_feed() -> None:
    """At 02:30 in Shanghai the local day before is asked for, the control stations first."""
    assert (nightly.cron_schedule, nightly.execution_timezone) == ("30 2 * * *", "Asia/Shanghai")
    night = datetime(2026, 3, 3, 18, 30, tzinfo=UTC)
    asked = cast("Iterator[dg.RunRequest]", nightly(dg.build_schedule_context(scheduled_execution_time=night)))
    keys = [str(request.partition_key) for request in asked]
    assert keys == [f"2026-03-03|{feed}" for feed in ("national", "guizhou", "jiangsu", "shanxi", "sichuan")]
    assert all(FEED_DAYS.has_partition_key(key) for key in keys)


def test_the_night_joins_yesterdays_files_before_it_computes() -> None:
    """At 01:30 the local day before is put in order, in a lake that may have nothing of it."""
    assert (order_nightly.cron_schedule, order_nightly.execution_timezone) == ("30 1 * * *", "Asia/Shanghai")
    night = datetime(2026, 3, 3, 17, 30, tzinfo=UTC)
    asked = order_nightly(dg.build_schedule_context(scheduled_execution_time=night))
    assert isinstance(asked, dg.RunRequest)
    assert asked.run_config["ops"]["order_by_device"]["config"] == {"day": "2026-03-03"}


def test_schedules_run_by_themselves() -> None:
    """Nobody has to switch the schedules on."""
    for schedule in schedules:
        assert schedule.default_status == dg.DefaultScheduleStatus.RUNNING


def test_a_day_that_was_not_computed_is_reported() -> None:
    """The freshness check warns while yesterday is missing for a feed."""
    with dg.DagsterInstance.ephemeral() as instance:
        result = yesterday_is_computed(dg.build_asset_check_context(instance=instance))
    assert isinstance(result, dg.AssetCheckResult)
    assert not result.passed
    assert "not computed for guizhou, jiangsu" in (result.description or "")


def test_a_province_is_a_folder(tmp_path: Path) -> None:
    """A feed is a folder with raw schemas; an empty one is none."""
    for name in ("hubei", "empty"):
        (tmp_path / "raw" / name).mkdir(parents=True)
    (tmp_path / "raw" / "hubei" / "dust-reading.avsc").write_text("{}")
    assert feeds(tmp_path) == ("hubei",)
