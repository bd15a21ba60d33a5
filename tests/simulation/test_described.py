"""The kinds of simulation/kinds/: said by their mapping read backwards, they arrive as they happened."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import date
from functools import cache
from typing import Any

import orjson
import pytest
from stdnum.cn import ric

from pipelines.catalog import Field
from pipelines.mapping.grammar import Rule
from pipelines.normalise import Normalised, normalise
from pipelines.quarantine import quarantine_headers
from pipelines.wire import RawBatch
from simulation.described import described, happened, speakers
from simulation.dialects import DIALECTS
from simulation.inverse import Inverse
from simulation.occurrences import Occurrence, recipe_of, recipes, sites_of
from simulation.people import crew
from simulation.spec import Spec, world
from simulation.spoil import changes, spoilt
from tests.contract import CATALOG
from tests.invented_people import PERSONAL_WORD, PERSONAL_WORDS
from tests.pipelines.slow import PERSONAL

SPEC = Spec(last_day=date(2026, 3, 2), days=2, devices=8)
FEEDS = [pytest.param(*feed, id="-".join(feed)) for feed in described(SPEC, CATALOG)]
SITES = sites_of(SPEC)
PEOPLE = [person for project in SITES.iter_rows(named=True) for person in crew(project)]


@cache
def uploads(province: str, kind: str) -> list[tuple[Inverse, Occurrence, dict[str, Any]]]:
    """Each occurrence of a feed with its dialect and its raw record."""
    inverses = speakers(province, kind, CATALOG)
    sent = []
    for each in happened(kind, SITES.filter(province=province), inverses, SPEC):
        inverse = inverses[each.vendor]
        record = inverse.record(each.values) | {name: each.person[what] for name, what in inverse.people.items()}
        sent.append((inverse, each, record if each.damage is None else spoilt(record, changes(inverse)[each.damage])))
    return sent


def judged(province: str, kind: str, sent: Sequence[tuple[Occurrence, dict[str, Any]]]) -> tuple[RawBatch, Normalised]:
    """What the hub makes of raw records, as JSON on the topic that all vendors share."""
    stamps = [round(each.timestamp.timestamp() * 1000) for each, _ in sent]
    values = [orjson.dumps({name: said for name, said in record.items() if said is not None}) for _, record in sent]
    count = len(values)
    topic = CATALOG.raw[province, kind].topic
    batch = RawBatch(topic, [0] * count, range(count), stamps, [None] * count, values, [[] for _ in values])
    return batch, normalise(batch, CATALOG, {})


def held(value: Any, rule: Rule, field: Field) -> Any:
    """A value as the canonical record must hold it."""
    if value is None:
        return rule.absent
    if rule.each:
        inner = {each.name: each for each in field.items}
        return [{name: held(item.get(name), rule.fields[name], inner[name]) for name in rule.fields} for item in value]
    if isinstance(value, list):
        return [held(each, rule, field) for each in value]
    if rule.pseudonym:
        return CATALOG.person_key.pseudonym(value)
    if rule.mask:
        head, tail = rule.mask
        return f"{value[:head]}***{value[-tail:]}"
    return PERSONAL.sub("***", value) if field.free_text else value


def same(found: Any, told: Any) -> bool:
    """Equal, numbers but for the rounding of a unit; where a list is not said to be empty it is not said."""
    if isinstance(told, list):
        return (found or []) == [] if not told else len(found) == len(told) and all(map(same, found, told))
    if isinstance(told, dict):
        return all(same(found[name], value) for name, value in told.items())
    if isinstance(told, float | int) and not isinstance(told, bool):
        return bool(found == pytest.approx(told, rel=1e-5, abs=1e-6))
    return bool(found == told)


@pytest.mark.parametrize(("province", "kind"), FEEDS)
def test_what_happened_arrives(province: str, kind: str) -> None:
    """Every value that the province can say, in every field, people and plates hidden."""
    sent = [(inverse, each, record) for inverse, each, record in uploads(province, kind) if each.damage is None]
    _, verdict = judged(province, kind, [(each, record) for _, each, record in sent])
    assert verdict.rejected.is_empty(), verdict.rejected.row(0, named=True)
    fields = CATALOG.canonical[kind].by_name
    for (inverse, each, record), row in zip(sent, verdict.accepted.iter_rows(named=True), strict=True):
        told = {
            name: held(each.values.get(name), rule, fields[name])
            for name, rule in inverse.rules.items()
            if not rule.citizen
        }
        assert {name: value for name, value in told.items() if not same(row[name], value)} == {}, (record, row)


@pytest.mark.parametrize(("province", "kind"), FEEDS)
def test_nobody_is_told(province: str, kind: str) -> None:
    """What people are in raw uploads stands in no canonical value and in no header of what was rejected."""
    sent = [(each, record) for _, each, record in uploads(province, kind)]
    batch, verdict = judged(province, kind, sent)
    assert verdict.rejected.height == sum(each.damage is not None for each, _ in sent) > 0
    for told in (verdict.accepted.to_dicts(), quarantine_headers(batch, verdict)):
        assert not PERSONAL_WORD.search(str(told))


def test_people_are_told_in_raw_uploads() -> None:
    """So that there is something that must not get through: numbers, telephones, accounts, plates and names."""
    sent = str([record for feed in described(SPEC, CATALOG) for _, _, record in uploads(*feed)])
    assert all(re.search(form, sent) for form in PERSONAL_WORDS.values())


def test_every_province_uploads_every_kind_it_has() -> None:
    """By a dialect written by hand or by a recipe; frames of HJ 212 beside."""
    assert {*DIALECTS, *described(SPEC, CATALOG)} == {feed for feed in CATALOG.raw if feed[1] != "hj212"}


def test_the_demo_shows_at_least_eight_kinds_of_each_province() -> None:
    """Some of those that there are, beside projects and dust; the machines that they name are registered."""
    demo = world()["demo"]
    assert "device" in demo
    assert set(demo) < set(recipes())
    for province in SPEC.provinces:
        kinds = {kind for feed, kind in (*DIALECTS, *described(replace(SPEC, kinds=demo), CATALOG)) if feed == province}
        assert {"project", "device", "dust-reading"} < kinds
        assert len(kinds) >= 8


@pytest.mark.parametrize("kind", recipes())
def test_a_recipe_speaks_the_contracts_words(kind: str) -> None:
    """Every field is one of the canonical record, every choice one of its symbols."""
    fields = CATALOG.canonical[kind].by_name
    for province in SPEC.provinces:
        recipe = recipe_of(kind, province)
        for told in (recipe["fields"], *(moment.get("fields", {}) for moment in recipe["moments"])):
            check(told, fields)


def check(told: Mapping[str, Any], fields: Mapping[str, Field]) -> None:
    """Names and symbols of recipes, those of items included."""
    assert set(told) <= set(fields)
    for name, recipe in told.items():
        if isinstance(recipe, dict) and "items" in recipe:
            check(recipe["items"], {field.name: field for field in fields[name].items})
        elif fields[name].symbols:
            assert set(options(recipe)) <= set(fields[name].symbols), name


def options(recipe: Any) -> Iterator[str]:
    """What a recipe may draw; texts with words are left out."""
    match recipe:
        case str():
            yield from [] if "{" in recipe else [recipe]
        case {"choice": choice} | {"some": choice} | {"first": choice}:
            yield from choice
        case {"of": cases}:
            for case in cases.values():
                yield from options(case)


def test_people_are_nobody() -> None:
    """Numbers of the right form, each person's own, in a region that has never been."""
    regions = CATALOG.codes["adcodes"].values
    for person in PEOPLE:
        assert person["citizen"][-1] == str(ric.calc_check_digit(person["citizen"]))
        assert person["citizen"][:6] not in regions
        assert person["citizen"][6:12] == "190001"
        for what, form in PERSONAL_WORDS.items():
            assert re.fullmatch(form, person[what]), person[what]
    for what in ("citizen", "person", "phone", "account"):
        assert len({person[what] for person in PEOPLE}) == len(PEOPLE)
