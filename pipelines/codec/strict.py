"""Whether bytes are a record of any schema (逐项核对), walked value by value: what is not flat goes this way.

As strict as exact.py, where fastavro alone would take overlong numbers and branches counted from the end. Only arrays
and maps have several encodings: Avro lets a writer cut them into blocks, with their size in bytes or without.
"""

from collections.abc import Mapping
from typing import Any, Final

from pipelines.codec.varints import LONGEST, read_number

WIDTHS: Final = {"null": 0, "boolean": 1, "float": 4, "double": 8}
BITS: Final = {"int": 31, "long": 63}


class InexactError(ValueError):
    """The bytes are no exact encoding; the text names the field and says how, without any value."""


def require_exact(content: bytes, schema: Any, named: Mapping[str, Any]) -> None:
    """InexactError where the bytes are not one value of the parsed schema. `named`: its named types by full name."""
    end = _behind(schema, content, 0, named)
    if end != len(content):
        raise InexactError(f"the record ends at byte {end} of {len(content)}")


def _behind(schema: Any, content: bytes, at: int, named: Mapping[str, Any]) -> int:
    """The place behind the value that begins at a place."""
    part = named.get(schema, schema) if isinstance(schema, str) else schema
    if isinstance(part, list):
        branch, at = _place(content, at, len(part), "branch")
        return _behind(part[branch], content, at, named)
    match part if isinstance(part, str) else part["type"]:
        case "record" | "error":
            for field in part["fields"]:
                try:
                    at = _behind(field["type"], content, at, named)
                except InexactError as error:
                    raise InexactError(f"{field['name']}: {error}") from None
            return at
        case "array":
            return _behind_blocks((part["items"],), content, at, named)
        case "map":
            return _behind_blocks(("string", part["values"]), content, at, named)
        case "enum":
            return _place(content, at, len(part["symbols"]), "symbol")[1]
        case "fixed":
            return _within(content, at + int(part["size"]))
        case kind:
            return _behind_primitive(kind, content, at)


def _behind_primitive(kind: str, content: bytes, at: int) -> int:
    if kind in BITS:
        return _number(content, at, BITS[kind])[1]
    if kind in WIDTHS:
        if kind == "boolean" and content[at : at + 1] > b"\1":
            raise InexactError("a boolean is neither 0 nor 1")
        return _within(content, at + WIDTHS[kind])
    length, at = _number(content, at, BITS["long"])
    if length < 0:
        raise InexactError("a length below 0")
    end = _within(content, at + length)
    if kind == "string":
        try:
            content[at:end].decode()
        except UnicodeDecodeError:
            raise InexactError("a text that is no UTF-8") from None
    return end


def _behind_blocks(items: tuple[Any, ...], content: bytes, at: int, named: Mapping[str, Any]) -> int:
    while True:
        count, at = _number(content, at, BITS["long"])
        if count == 0:
            return at
        size = None
        if count < 0:
            size, at = _number(content, at, BITS["long"])
        begin = at
        for _ in range(abs(count)):
            for item in items:
                at = _behind(item, content, at, named)
        if size not in (None, at - begin):
            raise InexactError(f"a block of {at - begin} bytes is said to have {size}")


def _place(content: bytes, at: int, count: int, what: str) -> tuple[int, int]:
    number, at = _number(content, at, BITS["int"])
    if not 0 <= number < count:
        raise InexactError(f"there is no {what} {number} of {count}")
    return number, at


def _number(content: bytes, at: int, bits: int) -> tuple[int, int]:
    """A number in as few bytes as it can have, and the place behind it."""
    try:
        number, size = read_number(content[at : at + LONGEST], 0)
    except IndexError:
        raise InexactError("the bytes end in a number, or it has too many") from None
    if size > 1 and content[at + size - 1] == 0:
        raise InexactError("a number has more bytes than it needs")
    if not -(1 << bits) <= number < 1 << bits:
        raise InexactError("a number overflows its type")
    return number, at + size


def _within(content: bytes, end: int) -> int:
    if end > len(content):
        raise InexactError("the bytes end in it")
    return end
