"""Every word of a report in Chinese and English, read from the data files beside this module."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

import yaml


@dataclass(frozen=True)
class Text:
    """One text in both languages of a report."""

    zh: str
    en: str

    def filled(self, **values: object) -> "Text":
        """The text with its `{places}` filled in; a value that is itself a Text gives each language its own."""
        return Text(self.zh.format_map(_in(values, "zh")), self.en.format_map(_in(values, "en")))


@dataclass(frozen=True)
class Definition:
    """One footnote (指标口径): what a figure means, and whose reading it is."""

    id: str
    text: Text
    source: Text


@dataclass(frozen=True)
class Scale:
    """Classes of one parameter in the heat map: inclusive upper ends, µg/m3; the last class is open."""

    parameter: str
    bounds: tuple[float, ...]
    palette: tuple[str, ...]


def plain_text(value: str) -> Text:
    """A text that is the same in both languages: a name, a code, a number."""
    return Text(value, value)


@cache
def words() -> Mapping[str, Text]:
    """All labels by key; a missing key is a KeyError, so a template can never print an empty label."""
    return {key: Text(entry["zh"], entry["en"]) for key, entry in _load("words").items()}


@cache
def definitions() -> tuple[Definition, ...]:
    """The footnotes in the order in which a report prints them."""
    return tuple(
        Definition(id_, Text(entry["zh"], entry["en"]), Text(entry["source"]["zh"], entry["source"]["en"]))
        for id_, entry in _load("definitions").items()
    )


def word(group: str, key: str) -> Text:
    """The label `<group>.<key>`; a key that the words do not know is printed as it is, never dropped."""
    return words().get(f"{group}.{key}", plain_text(key))


@cache
def label_letters() -> frozenset[str]:
    """Every character of the labels, footnotes and places, and what figures are written with: in any report."""
    texts = [*words().values(), *(text for note in definitions() for text in (note.text, note.source))]
    places = [entry for group in _load("places").values() for entry in group.values()]
    written = "".join([*(text.zh + text.en for text in texts), *(place["zh"] + place["en"] for place in places)])
    return frozenset(written) | {chr(code) for code in range(32, 127)} | set("※×▲●○–−·*")


@cache
def heading_letters() -> frozenset[str]:
    """Every character that a heading of a report can have."""
    headings = (text for key, text in words().items() if key == "title" or key.startswith("section."))
    return frozenset("".join(text.zh + text.en for text in headings)) | {chr(code) for code in range(32, 127)}


def province_name(province: str) -> Text:
    """Full name of a province; KeyError when the feed is no province."""
    entry = _load("places")["provinces"][province]
    return Text(entry["zh"], entry["en"])


def provinces() -> tuple[str, ...]:
    """The provinces that a report can be made of."""
    return tuple(sorted(_load("places")["provinces"]))


def city_name(adcode: str | None) -> Text:
    """Name of the prefecture that an adcode (GB/T 2260, 4 to 6 digits) lies in."""
    if not adcode:
        return words()["city.unknown"]
    entry = _load("places")["prefectures"].get(adcode[:4])
    return Text(entry["zh"], entry["en"]) if entry else plain_text(adcode)


@cache
def scale(parameter: str) -> Scale:
    """Heat map classes of a parameter."""
    data = _load("scales")
    return Scale(parameter, tuple(data["bounds"][parameter]), tuple(data["palette"]))


@cache
def _load(name: str) -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load(files("reports").joinpath("data", f"{name}.yaml").read_text("utf-8"))
    return loaded


def _in(values: Mapping[str, object], language: str) -> dict[str, object]:
    return {key: getattr(value, language) if isinstance(value, Text) else value for key, value in values.items()}
