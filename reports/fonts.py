"""The report's own typefaces (Noto Sans and Serif SC, OFL), so that a page reads the same everywhere."""

import base64
from functools import lru_cache
from io import BytesIO
from pathlib import Path

import pylopdf_fonts_zh_cn
import uharfbuzz as hb
from fontTools.ttLib import TTFont

FOLDER = Path(pylopdf_fonts_zh_cn.__file__).parent
SANS, SERIF = FOLDER / "NotoSansSC-Regular.otf", FOLDER / "NotoSerifSC-Regular.otf"

UNUSED = (b"BASE", b"DSIG", b"GDEF", b"GPOS", b"GSUB", b"VORG", b"vhea", b"vmtx")
"""tables for vertical text and for joining letters, which no report has"""
OUTLINES = (
    hb.SubsetFlags.NO_HINTING
    | hb.SubsetFlags.NOTDEF_OUTLINE
    | hb.SubsetFlags.NO_BIDI_CLOSURE
    | hb.SubsetFlags.DESUBROUTINIZE  # without subroutines the file is smaller once compressed
)


@lru_cache(maxsize=16)  # the labels are the same in every report, a province's names in most of its days
def subset_data_uri(font: Path, letters: frozenset[str]) -> str:
    """A WOFF2 of the glyphs of `letters`, as a data URI; the same letters give the same bytes."""
    wanted = hb.SubsetInput()
    wanted.unicode_set.update(map(ord, letters))
    wanted.drop_table_tag_set.update(map(int.from_bytes, UNUSED))
    wanted.flags = OUTLINES
    subset = hb.subset(hb.Face(hb.Blob.from_file_path(str(font))), wanted)
    face = TTFont(BytesIO(subset.blob.data), recalcTimestamp=False, recalcBBoxes=False)
    face.flavor = "woff2"
    out = BytesIO()
    face.save(out)
    return "data:font/woff2;base64," + base64.b64encode(out.getvalue()).decode("ascii")
