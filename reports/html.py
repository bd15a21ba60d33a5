"""The report as one HTML file: no script, no outside address, its own font, Chinese first with an English switch."""

import base64
import hashlib
import re
from functools import cache

from jinja2 import ChoiceLoader, Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from reports.fonts import SANS, SERIF, subset_data_uri
from reports.model import Curve, DustReportView, Trend
from reports.words import Text, heading_letters, label_letters, words

TAG = re.compile(r"<[^>]*>")


def render_html(view: DustReportView) -> str:
    """The whole page."""
    drawer = environment()
    body = drawer.get_template("dust_report.html.j2").render(view=view, w=words())
    style = drawer.get_template("report.css.j2").render(
        sans=Markup(subset_data_uri(SANS, label_letters())),
        names=Markup(subset_data_uri(SANS, letters(body) - label_letters())),
        serif=Markup(subset_data_uri(SERIF, heading_letters())),
        shades=view.heat_maps[0].shades if view.heat_maps else (),
    )
    return page(f"{view.province_name.zh}{words()['title'].zh} {view.day}", body, style)


def page(title: str, body: str, style: str) -> str:
    """A self-contained page. Its style is admitted by hash, so that no upload can bring style or script."""
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode("ascii")
    return (
        environment()
        .get_template("page.html.j2")
        .render(title=title, body=Markup(body), style=Markup(style), digest=digest)
    )


def both(text: Text) -> Markup:
    """A text in both languages, of which the page's switch shows one; the same text in both is written once."""
    if text.zh == text.en:
        return Markup("<span>{}</span>").format(text.zh)
    return Markup('<span class="zh" lang="zh-CN">{}</span><span class="en" lang="en">{}</span>').format(
        text.zh, text.en
    )


def chart_svg(macro: str, chart: Curve | Trend, title: str) -> str:
    """One of the page's pictures on its own: `curve` or `trend`."""
    drawn: str = getattr(environment().get_template("charts.svg.j2").module, macro)(chart, title)
    return drawn


@cache
def environment(*packages: str) -> Environment:
    """The templates of the reports, before them those of other packages that share their look."""
    drawer = Environment(
        loader=ChoiceLoader([PackageLoader(package) for package in (*packages, "reports")]),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    drawer.filters["both"] = both
    drawer.filters["grouped"] = lambda count: f"{count:,}"
    return drawer


def letters(markup: str) -> frozenset[str]:
    """Every character that the page shows."""
    return frozenset(Markup(TAG.sub("", markup)).unescape())
