"""The front page of the Data Docs while runs of a backfill work at the same time."""

import re
from multiprocessing import get_context
from multiprocessing.synchronize import Barrier
from pathlib import Path

from quality.docs_site import page_path, publish

RUNS = 3
SITES = 60


def test_the_front_page_lists_what_runs_publish_at_the_same_time(tmp_path: Path) -> None:
    """The last word on the front page is that of a run that has seen every partition."""
    spawning = get_context("spawn")
    together = spawning.Barrier(RUNS)
    runs = [spawning.Process(target=publish_everywhere, args=(tmp_path, run, together)) for run in range(RUNS)]
    for run in runs:
        run.start()
    for run in runs:
        run.join()
    assert [run.exitcode for run in runs] == [0] * RUNS
    fronts = [(tmp_path / str(site) / "index.html").read_text("utf-8") for site in range(SITES)]
    assert [len(re.findall("href=", front)) for front in fronts] == [RUNS] * SITES
    assert not list(tmp_path.rglob("*.part"))


def publish_everywhere(root: Path, run: int, together: Barrier) -> None:
    """What one process does: the first page of its province on each site, at the same instant as the others."""
    for site in (root / str(number) for number in range(SITES)):
        together.wait(30)
        publish(site, page_path(site, "2026-03-03", f"province-{run}", "dust_hourly"), "<html></html>")
