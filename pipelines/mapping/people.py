"""People (人员): a citizen number becomes a pseudonym, a birth year, a home region; plates, certificates are masked."""

import hashlib
import hmac
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Final

import polars as pl

from pipelines.contract import Field
from pipelines.mapping.grammar import Rule
from pipelines.mapping.identifiers import IDENTIFIERS
from pipelines.mapping.origin import Origin
from pipelines.mapping.step import FaultCheck, Made, NoteCheck, Step, read_of, said_of
from pipelines.mapping.texts import text_fault

KEY_BYTES: Final = 32
DIGEST_HEX: Final = 32  # 128 bits: no two of a billion people meet
PSEUDONYMS: Final = ("citizen", "any")
MASK: Final = "***"
CITIZEN: Final = IDENTIFIERS["citizen"]


class PersonKeyError(ValueError):
    """The text is no person key."""


@dataclass(frozen=True)
class PersonKey:
    """The secret behind pseudonyms (化名密钥). Its id stands in front of each, so that a rotation can be seen."""

    secret: bytes = field(repr=False)

    @classmethod
    def parse(cls, text: str) -> "PersonKey":
        """Read 64 hex digits; PersonKeyError otherwise, without the text."""
        try:
            secret = bytes.fromhex(text.strip())
        except ValueError as error:
            raise PersonKeyError("a person key is 64 hex digits") from error
        if len(secret) != KEY_BYTES:
            raise PersonKeyError(f"a person key is 64 hex digits, not {2 * len(secret)}")
        return cls(secret)

    @cached_property
    def key_id(self) -> str:
        """Eight hex digits that name the key and do not tell it."""
        return hmac.digest(self.secret, b"sitehub person key", hashlib.sha256).hex()[:8]

    def pseudonym(self, said: str) -> str:
        """`<key id>-<32 hex digits>` of HMAC-SHA-256: the same for the same text, whichever upload it stands in."""
        return f"{self.key_id}-{hmac.digest(self.secret, said.encode(), hashlib.sha256).hex()[:DIGEST_HEX]}"


# Known to everybody: for checks and tests, where no pseudonym is kept. Its id tells such a pseudonym from a real one.
EXAMPLE_KEY: Final = PersonKey(b"sitehub example key, never in use")


def person_step(rule: Rule, field: Field, said: Origin, key: PersonKey) -> Step:
    """The step of a field that would tell who a person is: a pseudonym, a part of the citizen number, a mask."""
    if rule.pseudonym:
        return pseudonym_step(rule, field, said, key)
    return citizen_step(rule, field, said) if rule.citizen else mask_step(rule, field, said)


def pseudonym_step(rule: Rule, field: Field, said: Origin, key: PersonKey) -> Step:
    """The step of a pseudonym. `citizen`: of a citizen number, a wrong one refused or noted; `any`: of any text."""
    upper = said_of(field.name).cast(pl.String).str.to_uppercase()
    value = _mapped(read_of(field.name), key.pseudonym)
    if rule.pseudonym == "any":
        return Step(field.name, said.said, Made(upper, value))
    wrong = read_of(field.name).is_not_null() & ~CITIZEN.valid(read_of(field.name)).fill_null(False)
    if rule.invalid == "note":
        return Step(field.name, said.said, Made(upper, value), notes=(NoteCheck("invalid_identifier", wrong),))
    length = read_of(field.name).str.len_chars().cast(pl.String)
    detail = pl.concat_str(said.name, pl.lit(" is text of "), length, pl.lit(f" characters, expected {CITIZEN.title}"))
    remedy = f"Send {said.names} as {CITIZEN.title}, without blanks, its check character right."
    return Step(field.name, said.said, Made(upper, value), (FaultCheck("bad_identifier", wrong, detail, remedy),))


def pseudonyms(texts: pl.Expr, key: PersonKey) -> pl.Expr:
    """Pseudonyms of a list of texts."""

    def each(lists: pl.Series) -> pl.Series:
        return pl.Series([None if row is None else [key.pseudonym(text.upper()) for text in row] for row in lists])

    return texts.map_batches(each, return_dtype=pl.List(pl.String()), is_elementwise=True)


def _mapped(texts: pl.Expr, function: Callable[[str], str]) -> pl.Expr:
    """The function of each distinct text, once a batch."""

    def each(column: pl.Series) -> pl.Series:
        known = {text: function(text) for text in column.unique().drop_nulls()}
        return pl.Series([None if text is None else known[text] for text in column], dtype=pl.String)

    return texts.map_batches(each, return_dtype=pl.String(), is_elementwise=True)


# What a citizen number tells (GB 11643-1999): name in the mapping → how it is read, and the type of its field.
CITIZEN_PARTS: Final[Mapping[str, tuple[Callable[[pl.Expr], pl.Expr], str]]] = {
    "birth_year": (lambda number: number.str.slice(6, 4).cast(pl.Int32, strict=False), "int"),
    "home": (lambda number: number.str.slice(0, 6), "string"),
    "sex": (
        lambda number: (
            pl.when(number.str.slice(16, 1).is_in(list("13579"))).then(pl.lit("male")).otherwise(pl.lit("female"))
        ),
        "string",
    ),
}


def citizen_step(rule: Rule, field: Field, said: Origin) -> Step:
    """What a citizen number tells of a person; null for a wrong number, which its own field refuses or notes."""
    upper = said_of(field.name).cast(pl.String).str.to_uppercase()
    number = read_of(field.name)
    part, _ = CITIZEN_PARTS[rule.citizen or ""]
    value = pl.when(CITIZEN.valid(number).fill_null(False)).then(part(number))
    return Step(field.name, said.said, Made(upper, value))


def mask_step(rule: Rule, field: Field, said: Origin) -> Step:
    """A text of which only the first and last characters stay; nothing of one that would be told almost whole."""
    head, tail = rule.mask
    text = read_of(field.name)
    kept = pl.concat_str(text.str.head(head), pl.lit(MASK), text.str.tail(tail))
    value = pl.when(text.str.len_chars() >= 2 * (head + tail)).then(kept).when(text.is_not_null()).then(pl.lit(MASK))
    return Step(field.name, said.said, Made(said_of(field.name).cast(pl.String), value), (text_fault(field, said),))
