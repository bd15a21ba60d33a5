"""`python -m benchmarks.lake`: measures a province-day and writes results/lake.json and lake.md beside it."""

import json
import shutil
import sys
import tempfile
from datetime import date, timedelta
from pathlib import Path
from typing import Any

from cyclopts import App

from benchmarks.circumstances import circumstances
from benchmarks.lake import stages
from benchmarks.lake.measure import Measured, in_child
from benchmarks.lake.results import as_markdown

RESULTS = Path(__file__).parents[1] / "results"
LIBRARIES = ("polars", "deltalake", "dagster", "great-expectations", "XlsxWriter", "typst")
DAY = date(2026, 3, 10)
MONTH = 30
SMALL_BATCH = 20_000  # the landing's own SITEHUB_LANDING_ROWS
app = App(help=__doc__)


@app.default
def measure(*, devices: int = 15_000, folder: Path | None = None, keep: bool = False, rounds: int = 3) -> None:
    """Measure everything; about 6 minutes and 8 GB of disk at full size.

    Args:
        devices: minute devices of the province.
        folder: where the lakes are made, on the disk that is to be measured; a temporary one when left out.
        keep: leave the lakes there.
        rounds: how often the way from lake to report is measured.
    """
    root = folder or Path(tempfile.mkdtemp(prefix="sitehub-lake-"))
    try:
        found = _stages(root, devices, rounds)
    finally:
        if not keep:
            shutil.rmtree(root, ignore_errors=True)
    said = {**circumstances(LIBRARIES), "devices": devices, **found}
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / "lake.json").write_text(json.dumps(said, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    (RESULTS / "lake.md").write_text(as_markdown(said), encoding="utf-8")


def _stages(root: Path, devices: int, rounds: int) -> dict[str, Any]:
    """Every stage in turn, each in a process of its own."""
    day, small, month = root / "day", root / "small", root / "month"
    return {
        "landed_by_hours": _told("a day in hourly batches", in_child(stages.land_day, day, devices, DAY)),
        "lake_to_report": [_told("from lake to report", in_child(stages.compute, day, DAY)) for _ in range(rounds)],
        "compacted_day": _told("the day compacted", in_child(stages.compact, day)),
        "lake_to_report_compacted": [
            _told("from compacted lake to report", in_child(stages.compute, day, DAY)) for _ in range(rounds)
        ],
        "landed_small": _told(
            "an hour in small batches", in_child(stages.land_small, small, devices, DAY, SMALL_BATCH)
        ),
        "compacted_small": _told("the hour compacted", in_child(stages.compact, small)),
        "month": _month(month, devices // MONTH),
    }


def _month(folder: Path, devices: int) -> dict[str, Any]:
    """A month with as many readings as the day, so that what is calculated from the day can be checked."""
    first = DAY - timedelta(days=MONTH)
    landed = _told("a month landed", in_child(stages.land_days, folder, devices, first, MONTH))
    compacted = _told("the month compacted", in_child(stages.compact, folder))
    computed = _told("the month computed", in_child(stages.compute, folder, first, MONTH))
    return {"devices": devices, "days": MONTH, "landed": landed, "compacted": compacted, "computed": computed}


def _told(title: str, measured: Measured) -> dict[str, Any]:
    """The figures, told as they come."""
    row = measured.as_row()
    print(f"{title}: {json.dumps(row)}", file=sys.stderr, flush=True)
    return row


if __name__ == "__main__":
    app()
