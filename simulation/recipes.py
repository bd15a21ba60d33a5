"""How a field's value is drawn 取值: the recipes of simulation/kinds/*.yaml (docs/simulation.md lists them)."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from string import Formatter
from typing import Any

import numpy as np

from pipelines.mapping.grammar import Rule
from simulation.inverse import Inverse
from simulation.spec import LOCAL

Recipe = Any  # a text with {words}, a number, a boolean, a list of recipes, or a mapping with one of the keys below


@dataclass(frozen=True)
class Scene:
    """Where something happens: dice, words for {…} in texts, the moment (UTC), and what has been drawn of it so far."""

    rng: np.random.Generator
    words: Mapping[str, Any]
    at: datetime
    drawn: dict[str, Any] = field(default_factory=dict)


def draw(recipes: Mapping[str, Recipe], rules: Mapping[str, Rule], scene: Scene, inverse: Inverse) -> dict[str, Any]:
    """Values of the fields that the province's mapping has; null where it cannot say what was drawn."""
    for name, recipe in recipes.items():
        rule = rules.get(name)
        if rule is not None:
            sayable = inverse.sayable(rule)
            value = rule.const if rule.const is not None else _value(recipe, rule, scene, inverse, sayable)
            scene.drawn[name] = inverse.rounded(rule, value) if isinstance(value, datetime) else value
    return scene.drawn


def _value(recipe: Recipe, rule: Rule, scene: Scene, inverse: Inverse, sayable: frozenset[Any] | None) -> Any:
    if isinstance(recipe, list):
        return [_value(each, rule, scene, inverse, sayable) for each in recipe]
    if not isinstance(recipe, dict):
        value = _worded(recipe, scene.words) if isinstance(recipe, str) else recipe
        return value if sayable is None or value in sayable else None
    if scene.rng.random() >= recipe.get("share", 1):
        return None
    match recipe:
        case {"first": options}:
            return next((option for option in options if sayable is None or option in sayable), None)
        case {"choice": options}:
            return _choice(options, scene.rng, sayable)
        case {"some": options, "chance": chance}:
            one = _choice(options, scene.rng, sayable)
            return [one] if one is not None and scene.rng.random() < chance else []
        case {"by": name, "of": cases}:
            inner = cases.get(scene.drawn[name] if name in scene.drawn else scene.words.get(name))
            return None if inner is None else _value(inner, rule, scene, inverse, sayable)
        case {"items": fields, "count": [low, high]}:
            count = range(1, 1 + int(scene.rng.integers(low, high + 1)))
            inside = [Scene(scene.rng, {**scene.words, "item": number}, scene.at) for number in count]
            return [draw(fields, rule.fields, each, inverse) for each in inside]
    return _within(recipe, rule.name, scene)


def _within(recipe: Recipe, name: str, scene: Scene) -> float | datetime:
    """A number or a time between two bounds."""
    match recipe:
        case {"between": [low, high]}:
            digits: int = recipe.get("digits", 1)
            return round(float(scene.rng.uniform(low, high)), digits)
        case {"whole": [low, high]}:
            return int(scene.rng.integers(low, high + 1))
        case {"days": [low, high]}:
            midnight = scene.at.astimezone(LOCAL).replace(hour=0, minute=0, second=0, microsecond=0)
            return midnight + timedelta(days=int(scene.rng.integers(low, high + 1)))
        case {"minutes": [low, high]}:
            later = timedelta(minutes=int(scene.rng.integers(low, high + 1)))
            return scene.at + later
    raise ValueError(f"simulation/kinds: {name}: no recipe {recipe!r}; see docs/simulation.md")


def _choice(options: Any, rng: np.random.Generator, sayable: frozenset[Any] | None) -> Any:
    """One of the options that can be said, by weight; equal weights where they are a list."""
    weights = options if isinstance(options, dict) else dict.fromkeys(options, 1)
    left = {option: weight for option, weight in weights.items() if sayable is None or option in sayable}
    if not left:
        return None
    bounds = np.cumsum(list(left.values()))
    return list(left)[int(np.searchsorted(bounds, rng.random() * bounds[-1], side="right"))]


def _worded(text: str, words: Mapping[str, Any]) -> Any:
    """The text with its words put in; a text of one word alone is that word's value, of whatever type."""
    parts = list(Formatter().parse(text))
    if len(parts) == 1 and parts[0][0] == "" and parts[0][1] and not parts[0][2]:
        return words[parts[0][1]]
    return text.format_map(words)
