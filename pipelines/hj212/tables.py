"""The standard's tables of commands and factors as objects, read from the files beside."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import yaml

_HERE = Path(__file__).parent


@dataclass(frozen=True)
class Command:
    """What a packet of one CN is. kind: reading, state, notice, heartbeat, answer, setting or control.

    period: what a reading stands for, else None; since: the edition that brought it, where it is not 2017 or earlier.
    """

    kind: str
    zh: str
    en: str
    period: str | None = None
    since: int | None = None


@dataclass(frozen=True)
class Factor:
    """A measured thing: its unit as the standard has it, and its code of 2005 where it had one."""

    zh: str
    unit: str
    code_2005: str | None = None


@cache
def commands() -> Mapping[str, Command]:
    """The commands by CN."""
    return {code: Command(**entry) for code, entry in _read("commands").items()}


@cache
def factors() -> Mapping[str, Factor]:
    """The factors by their code of 2017."""
    return {code: Factor(**entry) for code, entry in _read("factors").items()}


@cache
def codes_of_2005() -> Mapping[str, str]:
    """Code of 2005 → code of 2017."""
    return {factor.code_2005: code for code, factor in factors().items() if factor.code_2005}


def _read(name: str) -> dict[str, dict[str, Any]]:
    content = yaml.load((_HERE / f"{name}.yaml").read_text("utf-8"), yaml.CSafeLoader)
    return content[name]  # type: ignore[no-any-return] # files of the project
