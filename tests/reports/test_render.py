"""The files of a report: self-contained, safe against what uploads bring, and the same bytes every time."""

import base64
import hashlib
import re
from collections.abc import Set
from dataclasses import replace
from html.parser import HTMLParser
from io import BytesIO
from pathlib import Path
from zipfile import ZipFile

import openpyxl
import polars as pl
import pytest
from fontTools.pens.recordingPen import RecordingPen
from fontTools.ttLib import TTFont

from reports.fonts import SANS, SERIF, subset_data_uri
from reports.html import render_html
from reports.model import DustReportView
from reports.render import KINDS, render_all
from reports.view import SHOWN_SITES, build_view
from reports.words import heading_letters, label_letters, words
from tests.reports import sample

WOFF2 = "data:font/woff2;base64,"


@pytest.fixture(scope="module")
def view() -> DustReportView:
    """Jiangsu's sample day."""
    return build_view(sample.jiangsu())


@pytest.fixture(scope="module")
def files(view: DustReportView, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Its four files."""
    return render_all(view, tmp_path_factory.mktemp("report"))


@pytest.fixture(scope="module")
def page(files: dict[str, Path]) -> str:
    """Its page."""
    return files["html"].read_text("utf-8")


class Elements(HTMLParser):
    """Every element of a page with its attributes, and the text outside of the style sheet."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        if self.tags and self.tags[-1][0] != "style":
            self.text.append(data)

    def of(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.tags if name == tag]


def test_the_same_view_gives_the_same_bytes(view: DustReportView, files: dict[str, Path], tmp_path: Path) -> None:
    """All files of a second run equal those of the first, byte by byte."""
    again = render_all(view, tmp_path)
    assert tuple(again) == KINDS
    for kind, path in files.items():
        assert path.read_bytes() == again[kind].read_bytes(), kind


def test_the_page_asks_nobody_for_anything(page: str) -> None:
    """No address, script, frame or form; only the SVG namespace names a host, and that is no request."""
    elements = Elements(page)
    assert not {"script", "link", "img", "iframe", "form", "object", "base"} & {tag for tag, _ in elements.tags}
    assert set(re.findall(r"https?://[^\"' )<]+", page)) <= {"http://www.w3.org/2000/svg"}
    assert set(re.findall(r"url\(\"([a-z]+:[a-z]+/[a-z0-9]+)", page)) == {"data:font/woff2"}
    assert not [attributes for _, attributes in elements.tags for name in attributes if name.startswith("on")]


def test_the_policy_admits_exactly_the_style_sheet(page: str) -> None:
    """The content security policy forbids all by default; its hash is that of the one style sheet; no inline style."""
    policy = next(a["content"] or "" for a in Elements(page).of("meta") if "http-equiv" in a)
    style = re.search(r"<style>(.*?)</style>", page, re.DOTALL)
    assert style is not None
    digest = base64.b64encode(hashlib.sha256(style[1].encode()).digest()).decode()
    assert "default-src 'none'" in policy
    assert f"style-src 'sha256-{digest}'" in policy
    assert "unsafe" not in policy
    assert not [a for _, a in Elements(page).tags if "style" in a]


def test_what_an_upload_brings_is_printed_and_not_run(page: str, files: dict[str, Path]) -> None:
    """A site named like a script or a formula is shown as that text in the page and is text in the workbook."""
    assert "<script" not in page
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page
    cells = [cell for row in openpyxl.load_workbook(files["xlsx"])["监测点"].iter_rows() for cell in row]
    hostile = [cell for cell in cells if cell.value in (sample.HOSTILE_FORMULA, sample.HOSTILE_MARKUP)]
    assert len(hostile) == 2
    assert {cell.data_type for cell in hostile} == {"s"}


def test_every_character_has_a_glyph(page: str) -> None:
    """The embedded faces can draw every character of the page, of all labels and headings: none is a box."""
    assert drawn_by_none(SANS, label_letters() | set("".join(Elements(page).text))) == set()
    assert drawn_by_none(SERIF, heading_letters()) == set()
    headings = "".join(re.findall(r"<h[12][^>]*>(.*?)</h[12]>", page, re.DOTALL))
    assert set(re.sub(r"<[^>]*>", "", headings)) <= heading_letters()


def drawn_by_none(font: Path, letters: Set[str]) -> set[str]:
    """Printable characters that the font lacks."""
    drawn = TTFont(font, lazy=True).getBestCmap()
    return {letter for letter in letters if letter.isprintable() and ord(letter) not in drawn}


@pytest.mark.parametrize("font", [SANS, SERIF])
def test_a_subset_draws_its_letters_and_no_others(font: Path) -> None:
    """One bracket brings not the other; a character that the font lacks is left out; outlines are the font's own."""
    uri = subset_data_uri(font, frozenset("扬尘(µ\U0001f600"))
    whole, made = TTFont(font, lazy=True), TTFont(BytesIO(base64.b64decode(uri.removeprefix(WOFF2))))
    assert set(made.getBestCmap()) == set(map(ord, "扬尘(µ"))
    assert len(made.getGlyphOrder()) == len("扬尘(µ") + 1  # and the box that stands for what is lacking
    assert [outline(made, letter) for letter in "扬尘(µ"] == [outline(whole, letter) for letter in "扬尘(µ"]


def outline(face: TTFont, letter: str) -> list[object]:
    """How the face draws one letter: its width, lines and curves."""
    pen, glyph = RecordingPen(), face.getGlyphSet()[face.getBestCmap()[ord(letter)]]
    glyph.draw(pen)
    return [glyph.width, *pen.value]


def test_the_faces_of_the_labels_are_made_once(page: str) -> None:
    """Reports share the faces of labels and headings; another report makes only that of its names. Pages stay small."""
    face = re.compile(r"data:font/woff2;base64,[^\"]*")
    made = subset_data_uri.cache_info().misses
    other = render_html(build_view(sample.guizhou()))
    assert subset_data_uri.cache_info().misses <= made + 1
    assert [one == two for one, two in zip(face.findall(page), face.findall(other), strict=True)] == [True, False, True]
    assert len(page) < 600_000


def test_the_page_can_be_read_by_a_machine_reader(page: str) -> None:
    """Language, one first heading, captions and scopes on every table, names on pictures, labels on the switch."""
    elements = Elements(page)
    assert elements.of("html") == [{"lang": "zh-CN"}]
    assert len(elements.of("h1")) == 1
    assert len(elements.of("caption")) == len(elements.of("table")) > 8
    assert all(a.get("scope") in ("col", "row") for a in elements.of("th"))
    assert all(
        a.get("aria-hidden") == "true" or (a.get("role") == "img" and a.get("aria-label")) for a in elements.of("svg")
    )
    assert all(a.get("aria-label") for a in elements.of("input"))
    ids = [a["id"] for _, a in elements.tags if "id" in a]
    assert len(ids) == len(set(ids))
    assert {a["aria-labelledby"] for _, a in elements.tags if "aria-labelledby" in a} <= set(ids)


def test_both_languages_are_on_the_page(page: str) -> None:
    """Every Chinese label of the page stands beside its English one, for the switch that needs no script."""
    assert page.count('class="zh"') == page.count('class="en"') > 100
    assert "Monitoring points ranked" in page


def test_the_workbook_holds_numbers_as_numbers(view: DustReportView, files: dict[str, Path]) -> None:
    """Eight sheets with frozen heads; day means are numbers with their hours and validity beside them."""
    book = openpyxl.load_workbook(files["xlsx"])
    assert book.sheetnames == ["概况", "监测点", "小时值", "超标", "国控点对照", "回传率", "格式有误", "口径"]
    assert all(sheet.freeze_panes == "C2" for sheet in book)
    rows = list(book["监测点"].iter_rows(min_row=2, values_only=True))
    assert len(rows) == len(view.sites.rows)
    first = view.sites.rows[0]
    assert rows[0][8:11] == (first.means["pm10"].value, first.means["pm10"].count, True)


def test_a_large_province_is_cut_and_says_so(
    view: DustReportView, files: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The workbook shows the worst points and names the tables, which hold every row as the gold tables do."""
    monkeypatch.setattr("reports.xlsx.LISTED", 2)
    book = openpyxl.load_workbook(render_all(view, tmp_path, ["xlsx"])["xlsx"])
    listed = list(book["监测点"].iter_rows(min_row=2, values_only=True))
    assert [row[2] for row in listed] == [site.device_code for site in view.sites.rows.head(2)]
    assert book["小时值"].max_row == 1 + 2 * len(view.heat_maps)
    told = {row[0]: row[1] for row in book["概况"].iter_rows(values_only=True)}
    assert f"共 {len(view.sites.rows)} 行" in told["监测点"]
    with ZipFile(files["zip"]) as archive:
        days = pl.read_csv(archive.read("dust_daily.csv"))
        assert set(archive.namelist()) == {f"{name}.csv" for name in view.tables}
    assert days.height > len(listed)
    assert days["pm10"].equals(sample.jiangsu().daily["pm10"])


def test_the_workbook_holds_rates_as_numbers(tmp_path: Path) -> None:
    """A rate is its unrounded number with a percent format; what is not complete is never shown as 100%."""
    made = sample.jiangsu()
    almost = made.rates.head(1).with_columns(expected=pl.lit(100_000), received=pl.lit(99_996), valid=pl.lit(1))
    view = build_view(replace(made, rates=almost))
    rows = openpyxl.load_workbook(render_all(view, tmp_path, ["xlsx"])["xlsx"])["回传率"].iter_rows(min_row=2)
    first = next(rows)
    cells = {name: first[place] for name, place in (("transmission", 7), ("validity", 8), ("hours", 12))}
    assert cells["transmission"].value == pytest.approx(0.99996)
    assert cells["transmission"].number_format == '">99.9%"'
    assert (cells["validity"].value, cells["validity"].number_format) == (pytest.approx(1 / 99_996), '"<0.1%"')
    assert (cells["hours"].value, cells["hours"].number_format) == (1, "0%")


def test_pdf_and_picture_are_made(files: dict[str, Path]) -> None:
    """The PDF is tagged, says its language and embeds its fonts; the picture is a PNG of an A4 page."""
    pdf, png = files["pdf"].read_bytes(), files["png"].read_bytes()
    assert pdf.startswith(b"%PDF-1.7")
    assert b"/StructTreeRoot" in pdf
    assert b"zh-CN" in pdf
    assert png.startswith(b"\x89PNG")
    assert int.from_bytes(png[16:20]) == 1684


def test_a_large_province_stays_one_page(tmp_path: Path) -> None:
    """Of 300 points the page shows the worst 60 and says that the rest is in the workbook, which has them all."""
    view = build_view(sample.jiangsu(300))
    page = render_html(view)
    assert len(page) < 1_500_000
    assert f"前 {SHOWN_SITES} 行，共 300 行" in page
    book = openpyxl.load_workbook(render_all(view, tmp_path, ["xlsx"])["xlsx"], read_only=True)
    assert sum(1 for _ in book["监测点"].iter_rows(min_row=2)) == 300


def test_every_format_says_that_nothing_was_judged(tmp_path: Path) -> None:
    """A day without a single judged device shows no count of exceedances, and names the cities; an exceedance is
    counted wherever it is found, also without a dust limit."""
    left = build_view(sample.unjudged("shanxi"))
    files = render_all(left, tmp_path, ["html", "xlsx"])
    assert "当日没有超标记录" not in files["html"].read_text("utf-8")
    assert words()["caption.unjudged"].zh in files["html"].read_text("utf-8")
    assert exceedances_in(files["xlsx"]) == "当日未判定"
    noisy = replace(sample.guizhou(), exceedances=sample.jiangsu().exceedances.filter(parameter="noise"))
    assert exceedances_in(render_all(build_view(noisy), tmp_path / "noisy", ["xlsx"])["xlsx"]) == 1


def exceedances_in(workbook: Path) -> object:
    """The summary sheet's count of exceedances."""
    rows = openpyxl.load_workbook(workbook)["概况"].iter_rows(values_only=True)
    (count,) = (row[1] for row in rows if str(row[0]).startswith("超标次数"))
    return count


def test_a_fault_leaves_the_old_report(view: DustReportView, tmp_path: Path) -> None:
    """A file is replaced by a whole one only; nothing half-written is left."""
    old = render_all(view, tmp_path, ["zip"])["zip"].read_bytes()
    with pytest.raises(AttributeError):
        render_all(replace(view, tables={**view.tables, "wrong": None}), tmp_path, ["zip"])  # type: ignore[dict-item]
    (left,) = tmp_path.iterdir()
    assert left.read_bytes() == old


@pytest.mark.parametrize("made", [sample.guizhou, sample.silence])
def test_sparse_days_render_in_every_format(made: object, tmp_path: Path) -> None:
    """No limits, no noise, no stations, or no data at all: every file is still made."""
    assert callable(made)
    files = render_all(build_view(made()), tmp_path)
    assert all(path.stat().st_size > (500 if kind == "zip" else 5_000) for kind, path in files.items())
    assert ("未配置限值" in files["html"].read_text("utf-8")) is True
