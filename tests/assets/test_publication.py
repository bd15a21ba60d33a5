"""When what the hub finds is to be published; that it then is, on a real Kafka: tests/infra/test_up.py."""

import subprocess
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import dagster as dg
import pytest

from assets import publication
from assets.publication import AGAIN_AFTER, due, findings_changed, publishing
from tests.assets.world import DAY

Answer = Callable[[int, str, str], None]


@pytest.fixture
def answer(monkeypatch: pytest.MonkeyPatch) -> Answer:
    """Sets what `sitehub publish` answers: exit code, standard output, standard error."""

    def set_to(code: int, out: str, err: str) -> None:
        def run(command: Any, **_: Any) -> subprocess.CompletedProcess[str]:
            return subprocess.CompletedProcess(command, code, out, err)

        monkeypatch.setattr(subprocess, "run", run)

    return set_to


def computed(instance: dg.DagsterInstance) -> None:
    """A partition of exceedances is computed now."""
    instance.report_runless_asset_event(dg.AssetMaterialization("exceedance", partition=f"{DAY}|jiangsu"))


def run(instance: dg.DagsterInstance) -> dg.ExecuteInProcessResult:
    """A run of the job, as the sensor asks for it."""
    defs = dg.Definitions(assets=[publication.published_findings], jobs=[publishing])
    return defs.resolve_job_def("publishing").execute_in_process(instance=instance, raise_on_error=False)


def test_what_was_found_is_published_once(answer: Answer) -> None:
    """Due when a day was computed after the last run began, and asked for; not before, and not twice."""
    answer(0, '{"topic": "hub.exceedance", "written": 2}', "")
    with dg.DagsterInstance.ephemeral() as instance:
        assert not due(instance, datetime.now(UTC))
        assert isinstance(findings_changed(dg.build_sensor_context(instance)), dg.SkipReason)
        for _ in range(2):
            computed(instance)
            asked = findings_changed(dg.build_sensor_context(instance))
            assert isinstance(asked, dg.RunRequest)
            assert asked.run_key is None, "a key would be asked for only once"
            assert run(instance).success
            assert not due(instance, datetime.now(UTC))
        event = instance.get_latest_materialization_event(dg.AssetKey("published_findings"))
    assert event is not None
    assert event.asset_materialization is not None
    assert event.asset_materialization.metadata["written"].value == 2


def test_a_failure_is_told_and_tried_again_later(answer: Answer) -> None:
    """With the command's own sentence; new figures do not hasten it."""
    answer(3, "", "a line before\nKafka does not answer.\n")
    with dg.DagsterInstance.ephemeral() as instance:
        computed(instance)
        failed = run(instance)
        computed(instance)
        (event,) = [event for event in failed.all_events if event.is_step_failure]
        assert event.step_failure_data.user_failure_data is not None
        assert event.step_failure_data.user_failure_data.description == "Kafka does not answer."
        assert not due(instance, datetime.now(UTC))
        assert due(instance, datetime.now(UTC) + AGAIN_AFTER + timedelta(seconds=1))


def test_a_run_under_way_is_not_doubled() -> None:
    """Nothing is due while a run goes on."""
    with dg.DagsterInstance.ephemeral() as instance:
        computed(instance)
        job = dg.Definitions(assets=[publication.published_findings], jobs=[publishing]).resolve_job_def("publishing")
        instance.create_run_for_job(job, status=dg.DagsterRunStatus.STARTED)
        assert not due(instance, datetime.now(UTC) + timedelta(days=1))
