"""The section on a province-day: what was measured, and the year that follows from it."""

from typing import Any

from benchmarks.lake.results import as_markdown

LANDED: dict[str, Any] = {
    "readings": 20_000_000, "batches": 24, "write_s": 100.048, "files": 24, "bytes": 600_000_000,
    "readings_per_s": 200_000, "seconds": 160.0, "cpu_s": 90.0, "peak_mib": 2_000,
}  # fmt: skip
JOINED: dict[str, Any] = {
    "files_before": 24, "files_after": 4, "bytes_before": 600_000_000, "bytes_after": 400_000_000,
    "seconds": 60.0, "cpu_s": 100.0, "peak_mib": 1_000,
}  # fmt: skip


def way(seconds: float, peak: int) -> dict[str, Any]:
    """One round from lake to report."""
    return {"lake_to_report_s": seconds, "steps_s": {"dust_hourly": seconds / 2}, "peak_mib": peak}


PROVINCE_DAY: dict[str, Any] = {
    "commit": "abc", "machine": {"cores": 2}, "versions": {"polars": "2.1.0"}, "devices": 15_000,
    "landed_by_hours": LANDED,
    "landed_small": LANDED | {"readings": 1_000_000, "batches": 50, "write_s": 5.1, "files": 900},
    "month": {
        "devices": 500, "days": 30, "landed": LANDED | {"batches": 720, "write_s": 131.0},
        "ordered": JOINED | {"bytes_after": 480_000_000}, "computed": way(90.0, 900),
    },
    "ordered_day": JOINED, "ordered_small": JOINED,
    "lake_to_report": [way(30.0, 1_400), way(20.0, 1_500)],
    "lake_to_report_ordered": [way(18.0, 1_300), way(16.0, 1_200), way(20.0, 1_250)],
}  # fmt: skip


def test_a_year_is_calculated_from_the_day_and_checked_on_a_month() -> None:
    """365 of the day's readings, joined bytes, writing, joining and computing; the month's own figures stand beside."""
    text = as_markdown(PROVINCE_DAY)
    assert "| from lake to report | 25.0 s (20.0 to 30.0, 2 rounds) | peak 1,500 MiB |" in text
    assert "| from the joined files to report | 18.0 s (16.0 to 20.0, 3 rounds) | peak 1,300 MiB |" in text
    assert "from files as landed 20 s not reached, 1,536 MiB reached; from joined files 20 s reached" in text
    assert "24 to 4 files, 572.2 MiB to 381.5 MiB, peak 1,000 MiB" in text
    assert "7,300 million readings, 135.97 GiB in joined files" in text
    assert "10.1 h of writing, 6.1 h of joining and 1.8 h of computing" in text
    assert "24.0 bytes a reading in joined files, the day 20.0;" in text
    # A batch 2 ms, a reading 5 µs: 720 batches of 20 million readings.
    assert "a batch costs 2.0 ms and a reading 5.00 µs, make it 101.4 s" in text
    assert "90.0 s for 30 reports, 3.0 s each, the day 18.0 s for 30 times the readings, peak 900 MiB." in text
    assert "seconds a step (last round): dust_hourly: 10.0." in text
