"""The pages of fields: complete, well-formed, closed in themselves, in both languages."""

import base64
import re
from functools import cache
from html.parser import HTMLParser
from io import BytesIO
from pathlib import Path

import pytest
from fontTools.ttLib import TTFont

from pipelines.catalog import Catalog, Field
from sitehub.commands.catalog import app
from sitehub.readers.pages import INDEX, pages
from tests.contract import CATALOG
from tests.pipelines.invented import invented_catalog

VOID = {"meta", "input", "br"}


class Page(HTMLParser):
    """What stands on a page: its rows' ids, its links, its text; AssertionError where a tag is closed out of turn."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: set[str] = set()
        self.ids: list[str] = []
        self.links: list[str] = []
        self.addresses: list[str] = []
        self.texts: list[str] = []
        self.feed(text)
        self.close()
        assert not self.open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Open it, and note what matters."""
        said = dict(attrs)
        self.tags.add(tag)
        self.ids += [value for name, value in attrs if name == "id" and value]
        self.links += [value for name, value in attrs if tag == "a" and name == "href" and value]
        self.addresses += [value for name, value in attrs if name in ("src", "href") and tag != "a" and value]
        assert "style" not in said
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        """Close the innermost."""
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        """Keep what is shown."""
        if self.open and self.open[-1] != "style":
            self.texts.append(data.strip())


@pytest.fixture(scope="module")
def texts() -> dict[str, str]:
    """Every page of the project's catalog."""
    return pages(CATALOG)


@pytest.fixture(scope="module")
def drawn(texts: dict[str, str]) -> dict[str, Page]:
    """What stands on each."""
    return {name: Page(text) for name, text in texts.items()}


def paths(fields: tuple[Field, ...], within: str = "") -> list[str]:
    """Every field with its place, those of arrays' records included."""
    return [path for field in fields for path in (within + field.name, *paths(field.items, f"{within}{field.name}."))]


def test_every_kind_and_field_is_on_its_page(drawn: dict[str, Page]) -> None:
    """In the schema's order, each with its Chinese name, its text, its unit, its source and its symbols."""
    topics = {name: f"canonical.{name}" for name in CATALOG.made} | {name: f"hub.{name}" for name in CATALOG.published}
    assert drawn.keys() == {INDEX, *(f"{name}.html" for name in topics)}
    for name, kind in (*CATALOG.made.items(), *CATALOG.published.items()):
        page = drawn[f"{name}.html"]
        assert [id_ for id_ in page.ids if id_ not in {"zh", "en", "feeds", "fields"}] == paths(kind.fields)
        shown = set(page.texts)
        for field in (*kind.fields, *(item for outer in kind.fields for item in outer.items)):
            assert {field.zh, field.doc, field.source, *field.symbols, *field.symbols.values()} <= shown, field.name
            assert field.unit is None or field.unit in shown
        assert page.texts.count("●") == sum(
            field.never_null for outer in kind.fields for field in (outer, *outer.items)
        )
        assert {topics[name], kind.schema["doc"], kind.schema["doc_zh"], *kind.schema["sources"]} <= shown


def test_a_page_tells_whose_uploads_become_its_fields(drawn: dict[str, Page]) -> None:
    """Every feed with its provenance and where it is known from, and the names that each province gives a field."""
    for raw in CATALOG.raw.values():
        shown = drawn[f"{raw.mapping.kind}.html"].texts
        assert {raw.topic, raw.mapping.source, raw.mapping.provenance, *raw.mapping.vendors} <= {
            part for text in shown for part in (text, *text.split(", "))
        }
    dust = drawn["dust-reading.html"].texts
    assert dust[dust.index("jiangsu:") + 1] == "recordNumber, belongedTo"
    assert {"pm2dot5", "jiangsu hj212:", "PM2.5 (Avro: PM2_5)", "always minute"} <= {*dust} | {
        text for text in dust if text.startswith("always")
    }
    assert "data.watchPointValue" in drawn["pit-reading.html"].texts
    assert "sitehub publish" in drawn["exceedance.html"].texts


def test_links_lead_to_pages_and_nothing_comes_from_elsewhere(drawn: dict[str, Page]) -> None:
    """The index leads to every page and every page back; no address, no script."""
    assert sorted(drawn[INDEX].links) == sorted(drawn.keys() - {INDEX})
    for name, page in drawn.items():
        assert name == INDEX or page.links == [INDEX]
        assert page.addresses == []
        assert len(page.ids) == len(set(page.ids))
        assert "script" not in page.tags


def test_the_pages_can_be_read_where_no_chinese_typeface_is_installed(
    texts: dict[str, str], drawn: dict[str, Page]
) -> None:
    """They carry one that has every letter shown."""
    for name, text in texts.items():
        (carried,) = re.findall(r"base64,([A-Za-z0-9+/=]+)", text)
        glyphs = glyphs_of(carried)
        shown = "".join(drawn[name].texts)
        assert {letter for letter in shown if letter.isprintable() and ord(letter) not in glyphs} == set()


@cache
def glyphs_of(typeface: str) -> frozenset[int]:
    """Code points of a WOFF2 in Base64."""
    return frozenset(TTFont(BytesIO(base64.b64decode(typeface))).getBestCmap())


def test_the_command_writes_the_pages(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """Into the folder that is named."""
    catalog = invented_catalog(tmp_path / "contract")
    monkeypatch.setattr(Catalog, "read", lambda *_: catalog)
    app(["html", "--output", str(tmp_path / "pages")], result_action="return_value")
    assert {file.name for file in (tmp_path / "pages").iterdir()} == {INDEX, "dust-reading.html"}
    assert "2 pages" in capsys.readouterr().out
    page = (tmp_path / "pages" / "dust-reading.html").read_text("utf-8")
    assert "@media print" in page
    assert 'name="viewport"' in page
