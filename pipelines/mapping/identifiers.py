"""Identifiers (标识码) with a fixed shape or check digit. Their values never stand in a message."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import polars as pl

from pipelines.contract import Field
from pipelines.mapping.grammar import Rule
from pipelines.mapping.origin import Origin
from pipelines.mapping.step import FaultCheck, Made, NoteCheck, Step, read_of, said_of
from pipelines.mapping.texts import text_fault

# GB 32100-2015: no I, O, S, V, Z. The weights are the powers of 3 modulo 31.
_USCC_ALPHABET = "0123456789ABCDEFGHJKLMNPQRTUWXY"
_USCC_WEIGHTS = tuple(pow(3, place, 31) for place in range(17))
# GB 11643-1999 (ISO 7064 MOD 11-2): the weights are the powers of 2 modulo 11.
_CITIZEN_WEIGHTS = tuple(pow(2, 17 - place, 11) for place in range(17))
_CITIZEN_CHECK = "10X98765432"


@dataclass(frozen=True)
class Identifier:
    """What an identifier is called, and an expression that is true where a text is one."""

    title: str
    valid: Callable[[pl.Expr], pl.Expr]


def _weighted(text: pl.Expr, alphabet: str, weights: Sequence[int]) -> pl.Expr:
    values = {character: value for value, character in enumerate(alphabet)}
    places = (
        text.str.slice(place, 1).replace_strict(values, default=None, return_dtype=pl.Int64) * weight
        for place, weight in enumerate(weights)
    )
    return pl.sum_horizontal(places)


def _check_of(text: pl.Expr, remainder: pl.Expr, checks: Sequence[str]) -> pl.Expr:
    return text.str.slice(17, 1) == remainder.replace_strict(
        list(range(len(checks))), list(checks), default=None, return_dtype=pl.String
    )


def _uscc(text: pl.Expr) -> pl.Expr:
    checks = [_USCC_ALPHABET[-remainder % 31] for remainder in range(31)]
    right = _check_of(text, _weighted(text, _USCC_ALPHABET, _USCC_WEIGHTS) % 31, checks)
    return text.str.contains(rf"^[{_USCC_ALPHABET}]{{2}}[0-9]{{6}}[{_USCC_ALPHABET}]{{10}}$") & right


def _citizen(text: pl.Expr) -> pl.Expr:
    right = _check_of(text, _weighted(text, "0123456789", _CITIZEN_WEIGHTS) % 11, _CITIZEN_CHECK)
    born = text.str.slice(6, 8).str.to_date("%Y%m%d", strict=False).is_not_null()
    return text.str.contains(r"^[1-9][0-9]{5}(18|19|20)[0-9]{2}[01][0-9][0-3][0-9]{4}[0-9X]$") & right & born


IDENTIFIERS: dict[str, Identifier] = {
    "uscc": Identifier("a unified social credit code of 18 characters (GB 32100-2015)", _uscc),
    "citizen": Identifier("a citizen identity number of 18 characters (GB 11643-1999)", _citizen),
    # The date inside is not judged: codes in use break the rule for it.
    "project_code16": Identifier(
        "a project code of 16 digits (area 6, date YYMMDD, class 2, serial 2)",
        lambda text: text.str.contains(r"^[1-8][0-9]{15}$"),
    ),
    "adcode": Identifier(
        "an administrative code of 6 digits (GB/T 2260)", lambda text: text.str.contains(r"^[1-8][0-9]{5}$")
    ),
}


def identifier_step(rule: Rule, field: Field, said: Origin, identifier: Identifier) -> Step:
    """The step of an identifier, letters in upper case; a wrong one is refused, or kept and noted."""
    value = read_of(field.name)
    wrong = value.is_not_null() & ~identifier.valid(value).fill_null(False)
    upper = said_of(field.name).cast(pl.String).str.to_uppercase()
    if rule.invalid == "note":
        noted = (NoteCheck("invalid_identifier", wrong),)
        return Step(field.name, said.said, Made(upper, value), faults=(text_fault(field, said),), notes=noted)
    length = value.str.len_chars().cast(pl.String)
    detail = pl.concat_str(
        said.name, pl.lit(" is text of "), length, pl.lit(f" characters, expected {identifier.title}")
    )
    remedy = f"Send {said.names} as {identifier.title}, without blanks, its check character right."
    fault = FaultCheck("bad_identifier", wrong, detail, remedy)
    return Step(field.name, said.said, Made(upper, value), faults=(fault,))
