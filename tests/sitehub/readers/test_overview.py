"""docs/catalogue.md: as it is made, and nothing missing of what the provinces' texts ask for."""

import re
from pathlib import Path

import pytest

from sitehub.readers.overview import overview
from tests.conftest import PROJECT_ROOT
from tests.contract import CATALOG

MISSION = PROJECT_ROOT.parent / "shared" / "mission"
PROVINCES = {"G": "guizhou", "S": "sichuan", "J": "jiangsu", "X": "shanxi"}
# Jiangsu asks for the control stations' hours; they come by a feed of their own.
ELSEWHERE = {("station-reading", "jiangsu"): ("station-reading", "national")}
# What the hub itself finds is no province's upload.
OF_THE_HUB = "hub"
NO_BASIS = "–"


def demands(mission: Path) -> set[tuple[str, str]]:
    """(kind, province) of every mark in the catalogue, as the first table of the requirements corrects it."""
    rows = re.findall(r"^\| (\d+) \| (\w+) \|[^|]*\| ([^|]*) \|", (mission / "catalogue.md").read_text("utf-8"), re.M)
    marks = {
        int(number): {letter for letter in PROVINCES if re.search(rf"\b{letter}\b", marked)}
        for number, _, marked in rows
        if marked != OF_THE_HUB
    }
    table = (mission / "requirements.md").read_text("utf-8").split("### 1.1")[1].split("### 1.2")[0]
    for named, *cells in re.findall(r"^\| (\d[^|]*)" + r"\| ([^|]*) " * len(PROVINCES) + r"\|", table, re.M):
        for number in (int(found) for found in re.findall(r"\d+", named)):
            if number in marks and any(cells):
                marks[number] = {
                    letter for letter, cell in zip(PROVINCES, cells, strict=True) if cell.strip("* ") != NO_BASIS
                }
    kinds = {int(number): kind.replace("_", "-") for number, kind, _ in rows}
    return {(kinds[number], PROVINCES[letter]) for number, letters in marks.items() for letter in letters}


def test_the_page_is_the_catalog() -> None:
    """A mapping that is added, or better known, is on the page."""
    page = (PROJECT_ROOT / "docs" / "catalogue.md").read_text("utf-8")
    assert page == overview(CATALOG), "run: sitehub catalog table > docs/catalogue.md"


@pytest.mark.skipif(not MISSION.is_dir(), reason="the provinces' demands do not lie beside this checkout")
def test_nothing_that_a_text_asks_for_is_missing() -> None:
    """Every mark of the demands has its mapping, and no mapping is without a demand."""
    wanted = {ELSEWHERE.get(mark, mark) for mark in demands(MISSION)}
    made = {(raw.mapping.kind, raw.province) for raw in CATALOG.raw.values()}
    assert len(wanted) > 80
    assert made == wanted
