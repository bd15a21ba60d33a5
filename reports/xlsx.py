"""The report as a workbook: the rows that a person looks at, numbers as numbers, and the same bytes on every run.

Text that an upload brought is written as text, never as a formula or a link.
"""

from collections.abc import Iterable, Sequence
from datetime import date, datetime
from pathlib import Path

import xlsxwriter

from reports.model import DustReportView, Limit, Mean, Number, Rate, RateRow
from reports.words import Text, words

Cell = str | float | int | bool | Rate | None
LISTED = 1_000
"""rows of a listing: the worst come first; a large province's are all in the tables beside the workbook"""
FONT = "Microsoft YaHei"
SAFE = {"strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False, "in_memory": True}


class Workbook:
    """A workbook in the report's style; one method a sheet."""

    def __init__(self, path: Path, day: date) -> None:
        self.book = xlsxwriter.Workbook(str(path), SAFE)
        self.book.set_properties({"created": datetime(day.year, day.month, day.day)})  # noqa: DTZ001 (the file format has no zone)
        plain = {"font_name": FONT, "font_size": 10, "valign": "top"}
        self.text = self.book.add_format(plain)
        self.head = self.book.add_format(
            plain | {"bold": True, "text_wrap": True, "bottom": 1, "bg_color": "#EEF2F6", "valign": "bottom"}
        )
        shapes = ("0.0%", "0%", '">99.9%"', '"<0.1%"')
        self.rates = {shape: self.book.add_format(plain | {"num_format": shape}) for shape in shapes}
        self.over = self.book.add_format({"bold": True, "font_color": "#A3211B"})
        self.book.formats[0].set_font_name(FONT)

    def sheet(
        self, key: str, columns: Sequence[Text], rows: Iterable[Sequence[Cell]], widths: Sequence[int]
    ) -> xlsxwriter.worksheet.Worksheet:
        """One table from A1: a head in both languages that stays in view and on every printed page."""
        sheet = self.book.add_worksheet(words()[f"sheet.{key}"].zh)
        count = 0
        for place, title in enumerate(columns):
            sheet.write_string(0, place, title.zh if title.zh == title.en else f"{title.zh}\n{title.en}", self.head)
        for count, row in enumerate(rows, start=1):
            for place, cell in enumerate(row):
                self._write(sheet, count, place, cell)
        for place, width in enumerate(widths):
            sheet.set_column(place, place, width)
        sheet.set_row(0, 32)
        sheet.freeze_panes(1, 2)
        sheet.autofilter(0, 0, max(count, 1), len(columns) - 1)
        sheet.repeat_rows(0)
        sheet.set_landscape()
        sheet.set_paper(9)
        sheet.fit_to_pages(1, 0)
        return sheet

    def _write(self, sheet: xlsxwriter.worksheet.Worksheet, row: int, place: int, cell: Cell) -> None:
        """One cell; a rate is its unrounded number, shown as the report prints it (never 100% unless complete)."""
        if not isinstance(cell, Rate):
            sheet.write(row, place, cell, self.text)
        elif cell.percent is None:
            sheet.write_blank(row, place, None, self.text)
        else:
            shape = "0%" if cell.text == "100%" else f'"{cell.text}"' if cell.text[0] in "<>" else "0.0%"
            sheet.write_number(row, place, cell.percent / 100, self.rates[shape])


def render_xlsx(view: DustReportView, path: Path) -> None:
    """Write the whole view to `path`."""
    book = Workbook(path, date.fromisoformat(view.day))
    _summary(book, view)
    _sites(book, view)
    _hours(book, view)
    _exceedances(book, view)
    _reference(book, view)
    _rates(book, view)
    _rejected(book, view)
    _definitions(book, view)
    book.book.close()


def _named(*keys: str) -> list[Text]:
    return [words()[f"col.{key}"] for key in keys]


def _summary(book: Workbook, view: DustReportView) -> None:
    s, w = view.summary, words()
    counts = [
        ("card.devices", s.devices_reporting, None, s.devices_registered),
        ("card.exceedances", s.exceedances if s.uncounted is None else s.uncounted.zh, None, None),
        ("card.malformed", s.malformed, None, None),
        ("col.readings", s.readings, None, None),
        ("col.duplicates", s.duplicates, None, None),
    ]
    rates = [
        (f"rate.{name}", getattr(s, name))
        for name in ("transmission", "validity", "effective", "hours", "online", "late")
    ]
    rows: list[Sequence[Cell]] = [
        (view.province_name.zh, view.day, None, None),
        (w["zone"].zh, s.headline.zh, None, None),
        *((_line(w[key]), value, part, whole) for key, value, part, whole in counts),
        *((_line(w["card.mean"].filled(name=m.name)), m.mean.value, m.valid_devices, m.devices) for m in s.means),
        *((_line(w[key]), rate, rate.numerator, rate.denominator) for key, rate in rates),
        *((w[f"sheet.{key}"].zh, w["more"].filled(shown=LISTED, total=count).zh) for key, count in _cut(view)),
    ]
    book.sheet("summary", _named("item", "figure", "numerator", "denominator"), rows, (44, 22, 14, 14))


def _cut(view: DustReportView) -> list[tuple[str, int]]:
    """Sheets whose listing is longer than they show, with its length."""
    counts = [
        ("sites", len(view.sites.rows)),
        ("exceedances", len(view.exceedances.rows)),
        ("reference", len(view.references.rows)),
        ("rates", max(len(listing.rows) for listing in (view.by_vendor, view.by_city, view.by_project, view.silent))),
    ]
    return [(key, count) for key, count in counts if count > LISTED]


def _sites(book: Workbook, view: DustReportView) -> None:
    means = [(p, words()[f"parameter.{p}"]) for p in view.parameters]
    of_mean = [
        text
        for _, name in means
        for text in (_with(name, "µg/m³"), _join(name, "hours"), _join(name, "valid"), _join(name, "reported"))
    ]
    columns = [
        *_named("rank", "name", "device", "project", "city", "vendor", "registered", "exceedance_hours"),
        *of_mean,
        *_named(
            "noise_day",
            "hours",
            "noise_night",
            "hours",
            "aqi",
            "primary",
            "readings",
            "duplicates",
            "effective",
            "numerator",
            "denominator",
        ),
    ]
    rows = [
        (
            site.rank,
            site.name,
            site.device_code,
            site.project_code,
            _line(site.city),
            site.vendor,
            site.registered,
            site.exceedance_hours,
            *(cell for p, _ in means for cell in (*_mean(site.means[p]), site.reported[p].value)),
            site.noise_day.value,
            site.noise_day.count,
            site.noise_night.value,
            site.noise_night.count,
            site.aqi.value,
            site.primary.zh,
            site.readings,
            site.duplicates,
            site.effective,
            *_parts(site.effective),
        )
        for site in view.sites.rows.head(LISTED)
    ]
    sheet = book.sheet("sites", columns, rows, (6, 42, 16, 20, 18, 14, 8, 10, *([9] * (len(columns) - 8))))
    if rows:
        sheet.conditional_format(1, 7, len(rows), 7, {"type": "cell", "criteria": ">", "value": 0, "format": book.over})


def _hours(book: Workbook, view: DustReportView) -> None:
    columns = [
        *_named("name", "device", "city", "parameter"),
        *(Text(f"{h:02d}", f"{h:02d}") for h in range(24)),
        words()["col.hours"],
    ]
    rows = [
        (
            row.name,
            row.device_code,
            _line(row.city),
            map_.parameter,
            *(c.value if c.state == "valid" else c.text for c in row.cells),
            sum(c.state == "valid" for c in row.cells),
        )
        for map_ in view.heat_maps
        for row in map_.rows.rows.head(LISTED)
    ]
    sheet = book.sheet("hours", columns, rows, (42, 16, 18, 10, *([6] * 24), 8))
    at = 1
    for map_ in view.heat_maps:  # one scale a parameter: 200 µg/m³ of TSP and of PM2.5 are not the same shade
        last = at + min(LISTED, len(map_.rows.rows)) - 1
        if last >= at:
            sheet.conditional_format(
                at,
                4,
                last,
                27,
                {"type": "3_color_scale", "min_color": "#FFF6C9", "mid_color": "#A59C74", "max_color": "#3B496C"},
            )
        at = last + 1


def _exceedances(book: Workbook, view: DustReportView) -> None:
    columns = _named(
        "level",
        "name",
        "device",
        "city",
        "parameter",
        "averaging",
        "judgement",
        "began",
        "ended",
        "value",
        "reference",
        "limit",
        "unit",
        "standard",
        "effective_from",
    )
    rows: list[Sequence[Cell]] = [
        (
            _line(e.level),
            e.name,
            e.device_code,
            _line(e.city),
            _line(e.parameter),
            _line(e.averaging),
            _line(e.judgement),
            e.began,
            e.ended,
            e.value.value,
            e.reference.value,
            e.limit.value,
            e.unit,
            e.standard,
            e.effective_from,
        )
        for e in view.exceedances.rows.head(LISTED)
    ]
    if not view.summary.limited:
        rows.append((words()["card.unlimited"].zh, words()["note.no_limit"].zh))
    elif view.summary.unjudged:
        rows.append((words()["card.unjudged"].zh, words()["note.unjudged"].zh))
        rows += [
            (None, words()[f"col.{reason}"].zh, count, _line(left.city))
            for left in view.summary.unjudged
            for reason, count in (("unlimited", left.unlimited), ("without_mean", left.without_mean))
            if count
        ]
    book.sheet("exceedances", columns, rows, (12, 42, 16, 18, 10, 22, 22, 10, 10, 10, 10, 10, 8, 20, 12))


def _reference(book: Workbook, view: DustReportView) -> None:
    columns = _named(
        "name",
        "device",
        "city",
        "station",
        "source",
        "distance",
        "parameter",
        "hours",
        "site_mean",
        "station_mean",
        "deviation",
        "deviation_percent",
    )
    columns[4] = Text("国控点编号", "Station code")
    rows = [
        (
            r.name,
            r.device_code,
            _line(r.city),
            r.station,
            r.station_code,
            r.distance.value,
            _line(r.parameter),
            r.hours,
            *_values(r.site_mean, r.station_mean, r.deviation, r.deviation_percent),
        )
        for r in view.references.rows.head(LISTED)
    ]
    book.sheet("reference", columns, rows, (42, 16, 18, 16, 12, 10, 10, 8, 10, 10, 10, 10))


def _rates(book: Workbook, view: DustReportView) -> None:
    columns = _named(
        "group",
        "name",
        "devices",
        "unregistered",
        "expected",
        "received",
        "valid_slots",
        "transmission",
        "validity",
        "effective",
        "hours_returned",
        "hours_expected",
        "hours_rate",
        "online",
        "on_time",
        "late",
    )
    groups = (("by_vendor", view.by_vendor), ("by_city", view.by_city), ("by_project", view.by_project))
    rows: list[Sequence[Cell]] = [
        _rate_row(words()[f"caption.{name}"].zh, row) for name, listing in groups for row in listing.rows.head(LISTED)
    ]
    rows += [
        (words()["section.silent"].zh, f"{d.name}（{d.device_code}）", 1, 0, d.expected, 0, 0)
        for d in view.silent.rows.head(LISTED)
    ]
    book.sheet("rates", columns, rows, (26, 46, 8, 8, *([11] * 12)))


def _rate_row(group: str, row: RateRow) -> Sequence[Cell]:
    return (
        group,
        _line(row.label),
        row.devices,
        row.unregistered,
        row.expected,
        row.received,
        row.valid,
        row.transmission,
        row.validity,
        row.effective,
        *_parts(row.hours),
        row.hours,
        row.online,
        row.on_time,
        row.late,
    )


def _rejected(book: Workbook, view: DustReportView) -> None:
    rows = [
        (_line(r.vendor), _line(r.kind), _line(r.reason), r.field, r.count, r.share)
        for r in view.rejected.rows.head(LISTED)
    ]
    book.sheet(
        "rejected", _named("vendor", "kind", "reason", "field", "count", "share"), rows, (24, 28, 44, 22, 10, 10)
    )


def _definitions(book: Workbook, view: DustReportView) -> None:
    rows: list[Sequence[Cell]] = [(_line(d.text), _line(d.source)) for d in view.definitions]
    rows += [(_limit(limit), _limit_source(limit)) for limit in view.limits]
    rows += [(f"{words()['col.mapping'].zh} {m.name}", f"{m.provenance.zh}；{m.source}") for m in view.mappings]
    rows.append((words()["col.code_version"].zh, view.code_version))
    book.sheet("definitions", _named("definition", "source"), rows, (110, 60))


def _limit(limit: Limit) -> str:
    condition = f"{limit.exceeded.zh} {limit.value.text} {limit.unit}"
    scope = f"{limit.scope.zh}；{words()['col.judged'].zh} {limit.judged}"
    return f"{_line(limit.parameter)} {_line(limit.averaging)} {condition}（{scope}）"


def _limit_source(limit: Limit) -> str:
    return f"{limit.standard}，{limit.effective_from} 起，{limit.provenance.zh}；{limit.source}"


def _line(text: Text) -> str:
    return text.zh if text.zh == text.en else f"{text.zh} {text.en}"


def _with(name: Text, suffix: str) -> Text:
    return Text(f"{name.zh} {suffix}", f"{name.en} {suffix}")


def _join(name: Text, column: str) -> Text:
    title = words()[f"col.{column}"]
    return Text(f"{name.zh} {title.zh}", f"{name.en} {title.en}")


def _mean(mean: Mean) -> tuple[Cell, ...]:
    return (mean.value, mean.count, mean.valid)


def _values(*numbers: Number) -> tuple[Cell, ...]:
    return tuple(number.value for number in numbers)


def _parts(rate: Rate) -> tuple[Cell, Cell]:
    return (rate.numerator, rate.denominator)
