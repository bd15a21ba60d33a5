"""The report as a tagged PDF (PDF/UA-1) and as a picture of its first page, both by typst from one template.

The view goes in as JSON text and the template places it as text, so nothing an upload brought is read as markup.
"""

import json
from functools import cache
from pathlib import Path
from typing import Any

import typst

from reports.fonts import FOLDER
from reports.html import chart_svg
from reports.model import DustReportView
from reports.plain import plain
from reports.words import words

TEMPLATES = Path(__file__).parent / "templates"
PICTURE_PPI = 144


def render_pdf(view: DustReportView) -> bytes:
    """The whole report in Chinese on A4 landscape."""
    return _compile(view, card=False, format="pdf", pdf_standards=["ua-1"])


def render_png(view: DustReportView) -> bytes:
    """The first page with the head of the ranking, as a picture for a message or a closing note."""
    return _compile(view, card=True, format="png", ppi=PICTURE_PPI)


def _compile(view: DustReportView, card: bool, **options: Any) -> bytes:
    data = {"view": plain(view), "words": _words(view), "cards": _cards(view), "charts": _charts(view), "card": card}
    made: bytes | list[bytes] = typst.compile(
        str(TEMPLATES / "report.typ"),
        root=str(TEMPLATES),
        font_paths=_fonts(),
        sys_inputs={"data": json.dumps(data, ensure_ascii=False)},
        **options,
    )
    return made[0] if isinstance(made, list) else made


@cache
def _fonts() -> typst.Fonts:
    """The report's typefaces, opened once a process."""
    return typst.Fonts(include_system_fonts=False, font_paths=[str(FOLDER)])


def _words(view: DustReportView) -> dict[str, str]:
    s = view.summary
    filled = words()["note.duplicates"].filled(
        readings=f"{s.readings:,}",
        duplicates=f"{s.duplicates:,}",
        late=f"{s.late.numerator or 0:,}",
        late_rate=s.late.text,
    )
    return {key: text.zh for key, text in words().items()} | {"note.duplicates": filled.zh}


def _cards(view: DustReportView) -> list[dict[str, Any]]:
    s, w = view.summary, words()
    devices = w["card.devices.of"].filled(
        registered=s.devices_registered, unregistered=s.devices_unregistered, projects=s.projects
    )
    exceeding = w["card.exceedances.of"].filled(devices=s.exceeding_devices) if s.uncounted is None else s.uncounted
    effective = w["card.effective.of"].filled(
        numerator=s.effective.numerator or 0, denominator=s.effective.denominator or 0
    )
    cards = [
        (w["card.devices"], str(s.devices_reporting), devices, False),
        *(
            (
                w["card.mean"].filled(name=m.name),
                m.mean.text,
                w["card.mean.of"].filled(valid=m.valid_devices, devices=m.devices),
                False,
            )
            for m in s.means[:2]
        ),
        (
            w["card.exceedances"],
            str(s.exceedances) if s.uncounted is None else "–",
            exceeding,
            s.exceedances > 0,
        ),
        (w["card.effective"], s.effective.text, effective, False),
        (w["card.malformed"], f"{s.malformed:,}", w["card.malformed.of"], False),
    ]
    return [{"title": title.zh, "figure": figure, "of": of.zh, "alert": alert} for title, figure, of, alert in cards]


def _charts(view: DustReportView) -> list[dict[str, str]]:
    if not view.parameters:
        return []
    w, names = words(), [line.name.zh for line in view.curve.lines]
    month = w["note.trend"].filled(
        week=view.trend.week.text,
        week_days=view.trend.week_days,
        month=view.trend.month.text,
        month_days=view.trend.month_days,
    )
    return [
        {
            "title": w["section.curve"].zh,
            "key": " · ".join(f"{stroke} {name}" for stroke, name in zip(("——", "– –", "···"), names, strict=False)),
            "svg": chart_svg("curve", view.curve, w["caption.curve"].zh.format(parameters="、".join(names))),
            "alt": w["caption.curve"].zh.format(parameters="、".join(names)),
            "note": w["note.curve"].zh,
        },
        {
            "title": w["section.trend"].zh,
            "key": "PM10",
            "svg": chart_svg("trend", view.trend, w["caption.trend"].zh),
            "alt": w["caption.trend"].zh,
            "note": month.zh,
        },
    ]
