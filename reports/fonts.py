"""The report's own typefaces (Noto Sans and Serif SC, OFL), so that a page reads the same everywhere."""

import base64
from functools import lru_cache
from io import BytesIO
from pathlib import Path

import pylopdf_fonts_zh_cn
from fontTools.subset import Options, Subsetter
from fontTools.ttLib import TTFont

FOLDER = Path(pylopdf_fonts_zh_cn.__file__).parent
SANS, SERIF = FOLDER / "NotoSansSC-Regular.otf", FOLDER / "NotoSerifSC-Regular.otf"

UNUSED = ["BASE", "DSIG", "GDEF", "GPOS", "GSUB", "VORG", "vhea", "vmtx"]
"""tables for vertical text and for joining letters, which no report has"""


@lru_cache(maxsize=16)  # the labels are the same in every report, a province's names in most of its days
def subset_data_uri(font: Path, letters: frozenset[str]) -> str:
    """A WOFF2 of the glyphs of `letters`, as a data URI; the same letters give the same bytes."""
    face = TTFont(font, lazy=True, recalcTimestamp=False, recalcBBoxes=False)
    for table in UNUSED:
        del face[table]
    options = Options(
        layout_features=[], hinting=False, desubroutinize=True, notdef_outline=True
    )  # without subroutines the file is smaller once compressed, and made in less time
    subsetter = Subsetter(options)
    subsetter.populate(text="".join(sorted(letters)))
    subsetter.subset(face)
    face.flavor = "woff2"
    out = BytesIO()
    face.save(out)
    return "data:font/woff2;base64," + base64.b64encode(out.getvalue()).decode("ascii")
