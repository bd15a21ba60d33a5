"""What holds of every kind: its record is well described, and its mappings do what an independent reference does."""

import json
import random
import re
from datetime import UTC, datetime
from typing import Any

import fastavro
import orjson
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from pipelines.catalog import Field, RawKind
from pipelines.codec import decode, encode
from pipelines.contract import CanonicalKind
from pipelines.mapping.compile import ENVELOPE
from pipelines.normalise import Normalised, normalise
from pipelines.wire import WriterId, WriterSchema
from tests.contract import CATALOG
from tests.pipelines.invented import RECEIVED, batch_of
from tests.pipelines.plausible import Plausible, citizen, damages, with_person
from tests.pipelines.slow import Reference, Refused
from tests.pipelines.slow_screening import FOUND, screened

CANONICAL = [pytest.param(kind, id=kind.name) for kind in CATALOG.canonical.values()]
EVERY = [*CATALOG.canonical.values(), *CATALOG.hub.values()]
# Feeds with a decoder of their own are no JSON: tests of the decoder generate their uploads.
RAW = [pytest.param(*feed, id="-".join(feed)) for feed, raw in CATALOG.raw.items() if raw.mapping.decoder is None]
AT = datetime.fromtimestamp(RECEIVED / 1000, UTC)
# Where the demand for a field stands: a text with its annex and row, a standard, implementers' code, or the hub itself.
SOURCE = re.compile(r"(G|S|J|J129|X) [\da-z]|GB/T \d|real-name platform|practice|J practice|hub")
UPLOADS = 12


def fields_of(kind: CanonicalKind) -> list[tuple[str, Field]]:
    """Every field with its path, those of arrays' records included."""
    return [
        (path, found)
        for field in kind.fields
        for path, found in [(field.name, field), *((f"{field.name}.{item.name}", item) for item in field.items)]
    ]


def test_there_is_one_record_for_every_kind_of_the_texts() -> None:
    """41 kinds and the hub's own three, each of its own Avro name."""
    assert (len(CATALOG.canonical), len(CATALOG.hub)) == (41, 3)
    assert len({kind.schema["name"] for kind in EVERY}) == 44


@pytest.mark.parametrize("kind", CANONICAL)
def test_a_canonical_record_is_described(kind: CanonicalKind) -> None:
    """In both languages, with the texts that ask for it; each field with unit, symbols and where its demand stands."""
    assert_described(kind)
    assert set(ENVELOPE) <= set(kind.by_name)


@pytest.mark.parametrize("name", ["device-state", "exceedance", "interface-check"])
def test_the_hubs_own_records_are_described(name: str) -> None:
    """So are the three kinds of what the hub finds; they are of no upload, and each says which release found it."""
    kind = CATALOG.hub[name]
    assert_described(kind)
    assert {"event_id", "province", "observed_at", "code_version"} <= set(kind.by_name)
    assert not {"source_offset", "mapping", "quality"} & set(kind.by_name)


def assert_described(kind: CanonicalKind) -> None:
    """What every record of the contract says of itself and of its fields."""
    for key in ("doc", "doc_zh", "zh", "sources"):
        assert kind.schema[key], key
    fastavro.parse_schema(json.loads(json.dumps(kind.schema)))
    for path, field in fields_of(kind):
        assert SOURCE.match(field.source), (path, field.source)
        assert field.unit is None or f"; {field.unit}" in field.doc, path
        assert ("Never null." in field.doc) == field.never_null, path
        assert not (field.symbols and field.free_text), path


def test_a_name_means_one_thing() -> None:
    """The same name has the same type and unit in every kind."""
    shapes: dict[str, set[Any]] = {}
    for kind in EVERY:
        for _, field in fields_of(kind):
            shapes.setdefault(field.name, set()).add((field.type if field.type != "records" else kind.name, field.unit))
    several = {name for name, found in shapes.items() if len(found) > 1}
    # `items` are those of a sheet or of a score; a limit and a value stand beside their unit where it is not fixed.
    assert several <= {"items"}, several


def test_what_names_a_person_is_marked() -> None:
    """Pseudonyms, plates and certificate numbers are marked personal, so that no mapping can let them through."""
    for kind in CATALOG.canonical.values():
        for path, field in fields_of(kind):
            name = path.rpartition(".")[2]
            if re.search(r"(^|_)person_ids?$", name):
                assert field.personal == "pseudonym", (kind.name, path)
            if name in ("plate", "certificate_no"):
                assert field.personal == "masked", (kind.name, path)
            assert not re.search(r"phone|id_card|bank|account$|^face", name), (kind.name, path)


def test_codes_are_resolvable() -> None:
    """Every code table that a mapping names is there and used rightly: all compile, vendors included."""
    for (province, name), raw in CATALOG.raw.items():
        for vendor in (None, *raw.mapping.vendors):
            assert CATALOG.compiled(province, name, vendor).fields


def read(raw: RawKind, uploads: list[dict[str, Any]]) -> Normalised:
    """What the hub makes of JSON uploads."""
    return normalise(batch_of(*map(orjson.dumps, uploads), topic=raw.topic), CATALOG, {})


def in_avros_names(fields: tuple[Field, ...], upload: dict[str, Any]) -> dict[str, Any]:
    """An upload by the raw schema's names, with its defaults and types."""
    named = {}
    for field in fields:
        value = upload.get(field.json, field.default)
        if field.type == "records" and value is not None:
            value = [in_avros_names(field.items, item) for item in value]
        named[field.name] = float(value) if field.type == "double" and value is not None else value
    return named


def told(reference: Reference, upload: dict[str, Any], offset: int) -> tuple[dict[str, Any], str | None] | Refused:
    """What the reference makes of an upload: mapped fields and notes, or the fault."""
    received = datetime.fromtimestamp((RECEIVED + offset) / 1000, UTC)
    try:
        made, notes = reference.record(in_avros_names(reference.raw.fields, upload), received)
    except Refused as fault:
        return fault
    return made, ";".join(notes) or None


def assert_equal(normalised: Normalised, reference: Reference, uploads: list[dict[str, Any]]) -> None:
    """Every upload has the reference's outcome, and every accepted one survives its encoding."""
    accepted = {row["source_offset"] - 100: row for row in normalised.accepted.to_dicts()}
    refused = {row["row"]: (row["reason"], row["field"]) for row in normalised.rejected.to_dicts()}
    for number, upload in enumerate(uploads):
        expected = told(reference, upload, number)
        if isinstance(expected, Refused):
            assert refused.get(number) == (expected.reason, expected.field), (upload, accepted.get(number))
            continue
        assert number in accepted, (upload, refused.get(number))
        made, notes = expected
        row = accepted[number]
        assert same(row, made), (upload, [(name, row[name]) for name in made if not alike(row[name], made[name])])
        said = [note for note in (row["quality_notes"] or "").split(";") if note]
        mapped = [note for note in said if note.partition("=")[2] not in FOUND]
        assert ";".join(mapped) == (notes or ""), upload
        flag, found = screened(reference.kind.name, row, mapped)
        assert sorted(set(said) - set(mapped)) == sorted(found), upload
        assert row["quality"] == flag, upload
        never = [field.name for field in reference.kind.fields if field.never_null and row[field.name] is None]
        assert not never, upload
    values = encode(normalised.accepted, reference.kind, 7)
    assert decode(values, reference.kind).equals(normalised.accepted)


def same(row: dict[str, Any], made: dict[str, Any]) -> bool:
    """Values are equal, numbers to the last places of a double."""
    return all(alike(row[name], value) for name, value in made.items())


def alike(found: Any, expected: Any) -> bool:
    """One value, arrays and records item by item."""
    if isinstance(expected, list) and isinstance(found, list):
        return len(found) == len(expected) and all(map(alike, found, expected))
    if isinstance(expected, dict):
        return found.keys() == expected.keys() and same(found, expected)
    if isinstance(expected, float) and found is not None:
        return bool(found == pytest.approx(expected, rel=1e-12, abs=1e-12))
    return bool(found == expected)


@pytest.mark.parametrize(("province", "kind"), RAW)
@settings(max_examples=2, phases=[Phase.generate], derandomize=True, database=None)  # nothing to shrink: one seed
@given(seed=st.integers(0, 1 << 32))
def test_sound_uploads_equal_the_reference(province: str, kind: str, seed: int) -> None:
    """Generated from schema and mapping: all accepted, every canonical value that of the slow reference."""
    raw = CATALOG.raw[province, kind]
    plausible, rng = Plausible(CATALOG, raw, AT), random.Random(seed)
    uploads = [plausible.upload(rng) for _ in range(UPLOADS)]
    normalised = read(raw, uploads)
    assert normalised.rejected.is_empty(), normalised.rejected.to_dicts()[0]
    assert_equal(normalised, Reference(CATALOG, raw), uploads)


@pytest.mark.parametrize(("province", "kind"), RAW)
def test_every_rule_refuses_what_it_must(province: str, kind: str) -> None:
    """A sound upload broken in one place is refused for the reason that the reference gives, whatever the rest says."""
    raw = CATALOG.raw[province, kind]
    rng = random.Random(f"{province}/{kind}")
    plausible, reference = Plausible(CATALOG, raw, AT), Reference(CATALOG, raw)
    broken = damages(plausible)
    uploads = [change(plausible.upload(rng)) for _, _, change in broken]
    normalised = read(raw, uploads)
    assert_equal(normalised, reference, uploads)
    refused = {row["row"]: row for row in normalised.rejected.to_dicts()}
    for number, (reason, field, _) in enumerate(broken):
        assert number in refused, (reason, field, uploads[number])
        told = refused[number]
        # A raw field may feed several rules: the first of them in field order says so.
        rule, first = (raw.mapping.rules[name.partition(".")[0]] for name in (field, told["field"]))
        assert set(rule.raw_fields) & set(first.raw_fields), (told, uploads[number])
        assert reason == told["reason"] or field != told["field"], told
    assert {reason for reason, _, _ in broken} >= {"missing_field"}


@pytest.mark.parametrize(("province", "kind"), RAW)
def test_no_number_of_a_person_comes_out(province: str, kind: str) -> None:
    """Citizen number, mobile number and plate wherever a person may stand: in no canonical value, in no message."""
    raw = CATALOG.raw[province, kind]
    rng = random.Random(f"{kind}/{province}")
    plausible = Plausible(CATALOG, raw, AT)
    numbers = [citizen(rng), "13912345678", "贵AF7788"]
    uploads = [
        with_person(plausible, plausible.upload(rng), f"{before}{number}")
        for number in numbers
        for before in ("", "找")
    ]
    normalised = read(raw, uploads)
    assert normalised.accepted.height + normalised.rejected.height == len(uploads)
    out = b"".join(encode(normalised.accepted, CATALOG.canonical[kind], 1)).decode("utf-8", "replace")
    out += str(normalised.rejected.to_dicts())
    for number in numbers:
        assert number not in out
        assert number.lower() not in out


@pytest.mark.parametrize(("province", "kind"), RAW)
def test_what_is_no_upload_is_refused(province: str, kind: str) -> None:
    """The reasons before the mapping: bytes, schema, size."""
    raw = CATALOG.raw[province, kind]
    writers: dict[WriterId, WriterSchema | None] = {
        1: None,
        2: WriterSchema(raw.schema, frozenset({"raw.other-value"})),
        3: WriterSchema(raw.schema, frozenset({raw.subject})),
    }
    framed = [b"\0" + number.to_bytes(4, "big") + b"\xff" for number in (1, 2, 3)]
    batch = batch_of(None, b"hello", b"{broken", *framed, b"{" + b" " * (1 << 20), topic=raw.topic)
    reasons = normalise(batch, CATALOG, writers).rejected["reason"].to_list()
    assert reasons == [
        "empty",
        "unframed",
        "undecodable",
        "unknown_schema",
        "wrong_subject",
        "undecodable",
        "oversized",
    ]
