"""`sitehub materialise`: computes the figures and reports of days and provinces in this process (计算)."""

import json
import sys
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import date, timedelta
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from sitehub.refusal import need_feed, refuse
from sitehub.settings import settings

if TYPE_CHECKING:
    from assets.partitions import FeedDay
    from assets.runs import Outcome

console = Console(stderr=True, highlight=False)


def materialise(
    *,
    province: str | None = None,
    day: date | None = None,
    first: Annotated[date | None, Parameter("--from")] = None,
    last: Annotated[date | None, Parameter("--to")] = None,
    changed: bool = False,
    as_json: Annotated[bool, Parameter("--json", negative=())] = False,
) -> None:
    """Compute the figures and reports of days and provinces. Exit 1 when a run or a blocking check failed.

    Args:
        province: one feed (also `national`); all of them when left out.
        day: one local day, YYYY-MM-DD.
        first: first day of a range; goes with --to.
        last: last day of the range.
        changed: instead of days, what changed in the lake since the command was last run so.
        as_json: print one JSON list of the outcomes.
    """
    days = _days(day, first, last, changed)
    from assets.hub import Hub  # Dagster takes seconds to import: only after the arguments are known to be right
    from assets.partitions import FEEDS
    from assets.runs import changed as look_for_changes
    from assets.runs import instance_at, materialise, remember

    need_feed(province, FEEDS)
    chosen = _chosen(days, province)
    hub = Hub.at(settings())
    with instance_at(settings().home / "dagster") as instance:
        if not changed:
            outcomes = _shown(materialise(instance, chosen, hub), len(chosen))
        else:
            partitions, cursor, lost = look_for_changes(instance, hub)
            if lost:
                console.print(
                    f"Not computed, outside the partitions: {', '.join(at.key for at in lost)}", style="yellow"
                )
            later = {at for at in partitions if province not in (None, at.province)}
            now = [at for at in partitions if at not in later]
            outcomes = _shown(materialise(instance, now, hub), len(now))
            failed = {outcome.partition for outcome in outcomes if not outcome.succeeded}
            remember(instance, replace(cursor, waiting=cursor.waiting | later | failed))
    _report(outcomes, as_json)
    sys.exit(0 if all(outcome.succeeded for outcome in outcomes) else 1)


def _days(day: date | None, first: date | None, last: date | None, changed: bool) -> list[date]:
    """The days asked for; none with --changed. Ends the command with 2 when the options do not fit together."""
    if (day is not None) + (first is not None or last is not None) + changed != 1:
        refuse("give exactly one of --day, --from with --to, or --changed")
    if changed:
        return []
    began, ended = (day, day) if day else (first, last)
    if began is None or ended is None or ended < began:
        refuse("--from and --to go together, and --to is not before --from")
    return [began + timedelta(days=number) for number in range((ended - began).days + 1)]


def _chosen(days: Sequence[date], province: str | None) -> list["FeedDay"]:
    from assets.partitions import FEEDS, FeedDay, in_order

    chosen = in_order(FeedDay(day, feed) for day in days for feed in ([province] if province else FEEDS))
    if unknown := [at for at in chosen if not at.exists]:
        refuse(f"{unknown[0].iso} is no partition: days run from {settings().first_day} (SITEHUB_FIRST_DAY) to today")
    return chosen


def _shown(outcomes: Iterator["Outcome"], total: int) -> list["Outcome"]:
    """All outcomes, with a progress bar while they come."""
    done = []
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True) as progress:
        task = progress.add_task("materialise", total=total)
        for outcome in outcomes:
            done.append(outcome)
            progress.update(task, advance=1, description=outcome.partition.key)
    return done


def _report(outcomes: Sequence["Outcome"], as_json: bool) -> None:
    if as_json:
        rows = [
            {
                "day": outcome.partition.iso,
                "province": outcome.partition.province,
                "run_id": outcome.run_id,
                "succeeded": outcome.succeeded,
                "faults": outcome.faults,
            }
            for outcome in outcomes
        ]
        print(json.dumps(rows, ensure_ascii=False, indent=2))
        return
    for outcome in outcomes:
        for fault in outcome.faults:
            console.print(f"{outcome.partition.key}: {fault}", style="red", markup=False)
    succeeded = sum(outcome.succeeded for outcome in outcomes)
    console.print(f"{succeeded} of {len(outcomes)} partitions computed" if outcomes else "Nothing has changed.")
