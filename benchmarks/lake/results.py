"""The figures as a section of Markdown."""

import json
from collections.abc import Mapping, Sequence
from statistics import median
from typing import Any

DAYS_OF_A_YEAR = 365
GOAL_S = 20
GOAL_MIB = 1536


def as_markdown(found: Mapping[str, Any]) -> str:
    """What was measured, and the year that follows from it."""
    day, small = found["landed_by_hours"], found["landed_small"]
    rows = [
        ("landing, hourly batches", f"{day['readings']:,} readings in {day['write_s']} s", _landed(day)),
        ("landing, batches of 20,000", f"{small['readings']:,} readings in {small['write_s']} s", _landed(small)),
        ("files of the small batches joined by device", *_ordered(found["ordered_small"])),
        ("from lake to report", *_way(found["lake_to_report"])),
        ("files of the day joined by device", *_ordered(found["ordered_day"])),
        ("from the joined files to report", *_way(found["lake_to_report_ordered"])),
    ]
    return "\n\n".join(
        [
            "## A province-day",
            f"{found['devices']:,} devices, a reading a minute each. Command: `python -m benchmarks.lake --devices "
            f"{found['devices']}`, commit {found['commit']}. Machine: {_listed(found['machine'])}. "
            f"Versions: {_listed(found['versions'])}.",
            _table(("stage", "time", "beside"), rows),
            f"Goals, from lake to report: {_goals('from files as landed', found['lake_to_report'])}; "
            f"{_goals('from joined files', found['lake_to_report_ordered'])}.",
            "Of the way from the joined files to report, seconds a step (last round): "
            + _listed(found["lake_to_report_ordered"][-1]["steps_s"]) + ".",
            _year(found),
        ]
    ) + "\n"  # fmt: skip


def _landed(stage: dict[str, Any]) -> str:
    return f"{stage['readings_per_s']:,} readings/s, {stage['files']} files, {_size(stage['bytes'])}, {_peak([stage])}"


def _ordered(stage: dict[str, Any]) -> tuple[str, str]:
    files = f"{stage['files_before']} to {stage['files_after']} files"
    sizes = f"{_size(stage['bytes_before'])} to {_size(stage['bytes_after'])}"
    return f"{stage['seconds']} s", f"{files}, {sizes}, {_peak([stage])}"


def _way(rounds: list[dict[str, Any]]) -> tuple[str, str]:
    times = sorted(each["lake_to_report_s"] for each in rounds)
    return f"{median(times):.1f} s ({times[0]} to {times[-1]}, {len(times)} rounds)", _peak(rounds)


def _goals(which: str, rounds: list[dict[str, Any]]) -> str:
    took, peak = median(each["lake_to_report_s"] for each in rounds), max(each["peak_mib"] for each in rounds)
    quick, small = ("reached" if is_so else "not reached" for is_so in (took <= GOAL_S, peak <= GOAL_MIB))
    return f"{which} {GOAL_S} s {quick}, {GOAL_MIB:,} MiB {small}"


def _year(found: Mapping[str, Any]) -> str:
    """The year calculated from the day; what it rests on checked on a month of fewer devices."""
    day, joined, month = found["landed_by_hours"], found["ordered_day"], found["month"]
    landed, month_joined, of_month = month["landed"], month["ordered"], month["computed"]["lake_to_report_s"]
    computed = median(each["lake_to_report_s"] for each in found["lake_to_report_ordered"])
    a_batch, a_reading = _price(day, found["landed_small"])
    predicted = landed["batches"] * a_batch + landed["readings"] * a_reading
    sentences = [
        f"A year of {found['devices']:,} devices, calculated from this day: "
        f"{day['readings'] * DAYS_OF_A_YEAR / 1e6:,.0f} million readings,",
        f"{_size(joined['bytes_after'] * DAYS_OF_A_YEAR)} in joined files (beside them landed ones,",
        f"{_size(day['bytes'])} a day, until the weekly vacuum finds them a week old),",
        f"{_hours(day['write_s'])} of writing, {_hours(joined['seconds'])} of joining and",
        f"{_hours(computed)} of computing.\n\nChecked on a month of {month['devices']:,} devices, measured",
        f"({landed['readings']:,} readings in {landed['batches']:,} batches):",
        f"{month_joined['bytes_after'] / landed['readings']:.1f} bytes a reading in joined files, the day",
        f"{joined['bytes_after'] / day['readings']:.1f};",
        f"landed in {landed['write_s']} s, where the two landings above, by which a batch costs",
        f"{a_batch * 1e3:.1f} ms and a reading {a_reading * 1e6:.2f} µs, make it {predicted:.1f} s",
        "(a commit costs more as the table's log grows:",
        "[decision 0043](../docs/decisions/0043-a-table-held-for-weeks.md));",
        f"{of_month} s for {month['days']} reports, {of_month / month['days']:.1f} s each, the day",
        f"{computed:.1f} s for {day['readings'] * month['days'] / landed['readings']:.0f} times the readings,",
        f"{_peak([month['computed']])}.",
    ]
    return " ".join(sentences)


def _price(large: Mapping[str, Any], small: Mapping[str, Any]) -> tuple[float, float]:
    """What a batch and what a reading of it cost to write, s, by two landings of which one has smaller batches."""
    determinant = large["batches"] * small["readings"] - small["batches"] * large["readings"]
    a_batch = (large["write_s"] * small["readings"] - small["write_s"] * large["readings"]) / determinant
    return a_batch, (large["write_s"] - a_batch * large["batches"]) / large["readings"]


def _hours(seconds_a_day: float) -> str:
    return f"{seconds_a_day * DAYS_OF_A_YEAR / 3600:.1f} h"


def _peak(stages: list[dict[str, Any]]) -> str:
    return f"peak {max(stage['peak_mib'] for stage in stages):,} MiB"


def _size(count: float) -> str:
    return f"{count / 2**30:.2f} GiB" if count >= 2**30 else f"{count / 2**20:.1f} MiB"


def _listed(named: dict[str, Any]) -> str:
    return json.dumps(named, ensure_ascii=False).strip("{}").replace('"', "")


def _table(head: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> str:
    lines = [head, ("---",) * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
