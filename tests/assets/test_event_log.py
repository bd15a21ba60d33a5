"""Dagster's event log kept open: fewer databases opened, the same log."""

from pathlib import Path
from typing import Any

import dagster as dg
import pytest
import sqlalchemy as sa

from assets import event_log
from assets.runs import instance_at


@dg.asset
def small() -> int:
    """An asset that takes no time."""
    return 1


def test_each_run_opens_its_log_once_and_dagster_reads_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The index and each run are opened once; afterwards nothing is kept, and Dagster's own way reads all events."""
    opened: list[sa.Engine] = []

    def counted(*arguments: Any, **options: Any) -> sa.Engine:
        opened.append(sa.create_engine(*arguments, **options))
        return opened[-1]

    monkeypatch.setattr(event_log, "create_engine", counted)
    with instance_at(tmp_path) as instance:
        runs = [dg.materialize([small], instance=instance).run_id for _ in range(3)]
    assert sorted(Path(str(engine.url.database)).stem for engine in opened) == sorted(["index", *runs])
    with dg.DagsterInstance.from_config(str(tmp_path)) as stock:
        assert [len(stock.all_logs(run, of_type=dg.DagsterEventType.STEP_SUCCESS)) for run in runs] == [1, 1, 1]
        assert len(stock.fetch_materializations(dg.AssetKey("small"), limit=9).records) == 3
    assert not list(tmp_path.rglob("*.db-wal"))
