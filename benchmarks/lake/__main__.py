"""`python -m benchmarks.lake`: measures a province-day into results/lake.json, a section of the report."""

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

RESULTS = Path(__file__).parents[1] / "results"
LIBRARIES = ("polars", "deltalake", "dagster", "great-expectations", "XlsxWriter", "typst")
DAY = date(2026, 3, 10)
MONTH = 30
SMALL_BATCH = 20_000  # the landing's own SITEHUB_LANDING_ROWS
app = App(help=__doc__)


@app.default
def measure(*, devices: int = 15_000, folder: Path | None = None, keep: bool = False, rounds: int = 2) -> None:
    """Measure everything; about 8 minutes and 8 GB of disk at full size.

    Args:
        devices: minute devices of the province.
        folder: where the lakes are made, on the disk that is to be measured; a temporary one when left out.
        keep: leave the lakes there.
        rounds: how often the way from lake to report is measured.
    """
    about = circumstances(LIBRARIES)  # of the code that is measured, whatever is committed meanwhile
    root = folder or Path(tempfile.mkdtemp(prefix="sitehub-lake-"))
    try:
        found = _stages(root, devices, rounds)
    finally:
        if not keep:
            shutil.rmtree(root, ignore_errors=True)
    said = {**about, "devices": devices, **found}
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / "lake.json").write_text(json.dumps(said, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def _stages(root: Path, devices: int, rounds: int) -> dict[str, Any]:
    """Every stage in turn, each in a process of its own."""
    day, small, month = root / "day", root / "small", root / "month"
    return {
        "landed_by_hours": _told("a day in hourly batches", in_child(stages.land_day, day, devices, DAY)),
        "lake_to_report": [_told("from lake to report", in_child(stages.compute, day, DAY)) for _ in range(rounds)],
        "ordered_day": _told("the day in the order of devices", in_child(stages.order, day, DAY)),
        "lake_to_report_ordered": [
            _told("from ordered lake to report", in_child(stages.compute, day, DAY)) for _ in range(rounds)
        ],
        "landed_small": _told(
            "an hour in small batches", in_child(stages.land_small, small, devices, DAY, SMALL_BATCH)
        ),
        "ordered_small": _told("the hour in the order of devices", in_child(stages.order, small, DAY)),
        "month": _month(month, max(1, devices // (4 * MONTH))),
    }


def _month(folder: Path, devices: int) -> dict[str, Any]:
    """A month with a quarter of the day's readings, so that what is calculated from the day can be checked."""
    first = DAY - timedelta(days=MONTH)
    landed = _told("a month landed", in_child(stages.land_days, folder, devices, first, MONTH))
    ordered = _told("the month in the order of devices", in_child(stages.order, folder, first, MONTH))
    computed = _told("the month computed", in_child(stages.compute, folder, first, MONTH))
    return {"devices": devices, "days": MONTH, "landed": landed, "ordered": ordered, "computed": computed}


def _told(title: str, measured: Measured) -> dict[str, Any]:
    """The figures, told as they come."""
    row = measured.as_row()
    print(f"{title}: {json.dumps(row)}", file=sys.stderr, flush=True)
    return row


if __name__ == "__main__":
    app()
