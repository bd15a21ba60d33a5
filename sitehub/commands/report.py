"""`sitehub report`: the gold figures of a day, on the screen and as files (日报)."""

import json
import sys
from datetime import date
from pathlib import Path
from typing import Annotated, Literal

from cyclopts import App, Parameter
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from reports.inputs import DustReportInputs
from reports.model import DustReportView, Mean, Rate
from reports.plain import plain
from reports.render import KINDS, render_all
from reports.view import build_view
from reports.words import provinces
from sitehub.options import AsJson
from sitehub.printing import printable
from sitehub.refusal import uncomputed
from sitehub.settings import settings
from store import gold
from store.dust_inputs import dust_inputs
from store.lake import Lake

app = App(name="report", help="Print and render a report.")


@app.command
def dust(
    *,
    province: str,
    day: date,
    kind: Annotated[Literal["html", "xlsx", "pdf", "png", "zip", "text"] | None, Parameter(name="--format")] = None,
    as_json: AsJson = False,
) -> None:
    """The dust report of a province and day, from the gold tables as they are; nothing is computed again.

    Parameters
    ----------
    province
        guizhou, jiangsu, shanxi or sichuan.
    day
        Local day, YYYY-MM-DD.
    kind
        Render only this file; `text` renders none. Without it all five are rendered.
    """
    view = build_view(_inputs(province, day))
    kinds = () if kind == "text" else (kind,) if kind else KINDS
    files = render_all(view, settings().reports_dir / "dust" / province / day.isoformat(), kinds)
    if as_json:
        shown = {"province": province, "day": view.day, "summary": plain(view.summary), "sites": plain(view.sites)}
        json.dump(
            shown | {"files": {name: str(path) for name, path in files.items()}},
            sys.stdout,
            ensure_ascii=False,
            indent=2,
        )
        sys.stdout.write("\n")
        return
    _print(view, files)


def _inputs(province: str, day: date) -> DustReportInputs:
    if province not in provinces():
        raise SystemExit(f"{province!r} has no dust report; choose one of {', '.join(provinces())}")
    here = settings()
    gold.upgrade(here.gold_url)
    with gold.closing_engine(here.gold_url) as made:
        lake = Lake(here.lake_url, here.catalog_dir)
        remedy = uncomputed(province, day)
        try:
            inputs = DustReportInputs(**dust_inputs(made, lake, province, day, here.catalog_dir))
        except FileNotFoundError as error:
            raise SystemExit(f"No figures have been computed yet; {remedy}.") from error
    if inputs.rates.is_empty() and inputs.daily.is_empty():
        raise SystemExit(f"There are no figures of {province} on {day}; {remedy}.")
    return inputs


def _print(view: DustReportView, files: dict[str, Path]) -> None:
    screen, s = Console(highlight=False), view.summary
    screen.print(f"{view.province_name.zh} {view.day}", style="bold")
    screen.print(s.headline.zh)
    table = Table(
        "#",
        "site",
        "device",
        *(parameter for parameter in view.parameters),
        "over h",
        "effective",
        box=None,
        pad_edge=False,
    )
    for site in view.sites.first:
        means = [_mean(site.means[parameter]) for parameter in view.parameters]
        table.add_row(
            str(site.rank),
            _safe(site.name),
            site.device_code,
            *means,
            str(site.exceedance_hours),
            _rate(site.effective),
        )
    screen.print(table)
    if view.sites.more:
        screen.print(f"… and {view.sites.more} more in the ZIP file")
    for path in files.values():
        screen.print(str(path), soft_wrap=True)


def _mean(mean: Mean) -> str:
    return mean.text if mean.valid or mean.value is None else f"{mean.text}* ({mean.count}/{mean.needed} h)"


def _rate(rate: Rate) -> str:
    return rate.text if rate.percent is None else f"{rate.text} ({rate.numerator}/{rate.denominator})"


def _safe(name: str) -> str:
    """An uploaded name as plain text: without control characters, and not read as rich's markup."""
    return escape(printable(name))
