"""Texts (文本) as they are taken: codes that name things must be short and visible, and no text may hold a NUL."""

from collections.abc import Sequence
from typing import Final

import polars as pl

from pipelines.contract import Field
from pipelines.mapping.origin import Origin
from pipelines.mapping.stacking import stacked, unstacked
from pipelines.mapping.step import FaultCheck, Made, NoteCheck, Step, read_of, said_of

# Canonical codes and numbers of things; they stand in keys, event ids and indexes.
CODES: Final = ("_code", "_no")
# Four times the longest code known (a device number of 32 signs); longer ones are a text in the wrong field.
CODE_LENGTH: Final = 128
NOTHING: Final = pl.Series("said", [None], dtype=pl.String)
CONTROL: Final = r"\p{Cc}"
# A citizen number, a mobile number or a number plate within a text. ASCII word borders: 汉字 may stand right beside.
PERSONAL: Final = (
    r"(?-u:\b)(?:[1-9][0-9]{5}(?:18|19|20)[0-9]{2}[01][0-9][0-3][0-9]{4}[0-9Xx]|1[3-9][0-9]{9})(?-u:\b)"
    r"|[京津冀晋蒙辽吉黑沪苏浙皖闽赣鲁豫鄂湘粤桂琼渝川贵云藏陕甘青宁新][A-Z][A-Z0-9]{5,6}(?-u:\b)"
)
HIDDEN: Final = "***"


def text_step(field: Field, said: Origin) -> Step:
    """The step of a text that is taken as it is; in what people write freely, numbers that name a person are hidden."""
    value, faults = read_of(field.name), (text_fault(field, said),)
    if not field.free_text:
        return Step(field.name, said.said, Made(said_of(field.name), value), faults=faults)
    personal = value.str.contains(PERSONAL).fill_null(False)
    hidden = pl.when(personal).then(value.str.replace_all(PERSONAL, HIDDEN)).otherwise(value)
    notes = (NoteCheck("personal_data", personal),)
    return Step(field.name, said.said, Made(said_of(field.name), hidden), faults, notes)


def text_fault(field: Field, said: Origin) -> FaultCheck:
    """What no text may be: a code that is too long or has control characters, another text with a NUL.

    PostgreSQL takes no NUL in a text, and nobody could search for a code that cannot be seen.
    """
    text = said_of(field.name).cast(pl.String)
    if not field.name.endswith(CODES):
        nul = text.str.contains("\0", literal=True).fill_null(False)
        detail = pl.concat_str(said.name, pl.lit(" holds the character U+0000"))
        return FaultCheck("undecodable", nul, detail, f"Send {said.names} without the character U+0000.")
    length = text.str.len_chars()
    wrong = (text.str.contains(CONTROL) | (length > CODE_LENGTH)).fill_null(False)
    detail = pl.concat_str(
        said.name,
        pl.lit(" is text of "),
        length.cast(pl.String),
        pl.lit(f" characters, expected a code of at most {CODE_LENGTH} without control characters"),
    )
    remedy = f"Send {said.names} as a code of at most {CODE_LENGTH} visible characters."
    return FaultCheck("bad_identifier", wrong, detail, remedy)


def cleaned(frame: pl.DataFrame, texts: Sequence[str], absent: Sequence[str]) -> list[pl.Series]:
    """The columns text_of(name): without blanks around them, and null where they mean that nothing is said."""
    if not texts:
        return []
    stripped = pl.col("said").str.strip_chars()
    whole = stacked([frame[name] for name in texts]).select_seq(stripped, is_absent=stripped.is_in(list(absent)))
    said, is_absent = whole.get_columns()
    if is_absent.any():
        said = NOTHING.new_from_index(0, len(said)).zip_with(is_absent, said)
    return unstacked(said, [f"{name}~text" for name in texts])
