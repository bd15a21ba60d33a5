"""The report's own typefaces (Noto Sans and Serif SC, OFL), so that a page reads the same everywhere."""

import base64
from functools import cache, lru_cache
from io import BytesIO
from pathlib import Path

import pylopdf_fonts_zh_cn
from fontTools.subset import Options, Subsetter
from fontTools.ttLib import TTFont

FOLDER = Path(pylopdf_fonts_zh_cn.__file__).parent
SANS, SERIF = FOLDER / "NotoSansSC-Regular.otf", FOLDER / "NotoSerifSC-Regular.otf"

UNUSED = ["BASE", "DSIG", "GDEF", "GPOS", "GSUB", "VORG", "vhea", "vmtx"]
"""tables for vertical text and for joining letters, which no report has"""


@lru_cache(maxsize=16)  # headings are the same in every report of a run
def subset_data_uri(font: Path, text: str) -> str:
    """A WOFF2 of the glyphs that `text` uses, as a data URI; the same text gives the same bytes."""
    face = TTFont(font, lazy=True, recalcTimestamp=False)
    subsetter = Subsetter(Options(layout_features=[], hinting=False, notdef_outline=True, drop_tables=UNUSED))
    subsetter.populate(text=text)
    subsetter.subset(face)
    face.flavor = "woff2"
    out = BytesIO()
    face.save(out)
    return "data:font/woff2;base64," + base64.b64encode(out.getvalue()).decode("ascii")


def missing_glyphs(font: Path, text: str) -> set[str]:
    """Printable characters of `text` that the font cannot draw."""
    return {char for char in text if char.isprintable() and ord(char) not in _drawable(font)}


@cache
def _drawable(font: Path) -> frozenset[int]:
    return frozenset(TTFont(font, lazy=True).getBestCmap())
