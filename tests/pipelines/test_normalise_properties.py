"""What must hold of the normaliser whatever the bytes: one in, one out; order; the same bytes in any batch."""

import gc
import random
from dataclasses import replace
from typing import Any

import orjson
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from pipelines.catalog import Catalog
from pipelines.codec import encode
from pipelines.faults import REASONS
from pipelines.identity import canonical_keys
from pipelines.normalise import Normalised, normalise
from pipelines.quarantine import quarantine_headers
from pipelines.wire import SCHEMA_HEADER, RawBatch, WriterSchema, writer_ids
from tests.contract import CATALOG
from tests.pipelines.invented import RECEIVED, WRITER, WRITER_ID, batch_of, framed, invented_catalog, upload

Sent = tuple[bytes | None, list[tuple[str, bytes]]]

numbers = st.none() | st.floats() | st.sampled_from([32767.0, -1.0, 0.0, 80.0])
uploads = st.fixed_dictionaries(
    {
        "code": st.text(max_size=6),
        "at": st.integers(RECEIVED - 50_000_000, RECEIVED + 50_000_000) | st.integers(-(1 << 63), (1 << 63) - 1),
        "PM2_5": numbers,
        "pm10": numbers,
        "count": st.none() | st.integers(-(1 << 31), (1 << 31) - 1),
    }
).map(lambda changes: upload(**changes))
json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(1 << 63), (1 << 64) - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=3), inner, max_size=2),
    max_leaves=4,
)
objects = st.dictionaries(st.sampled_from(["code", "site", "at", "PM2.5", "pm10", "count", "more"]), json_values)
values = st.one_of(
    st.none(),
    st.binary(max_size=40),
    st.binary(max_size=40).map(lambda tail: b"\0\0\0\0\7" + tail),
    st.binary(max_size=10).map(lambda tail: b"{" + tail),
    uploads.map(framed),
    objects.map(orjson.dumps),
)


header_values = st.one_of(
    st.binary(max_size=20),
    st.integers(0, (1 << 32) - 1).map(lambda writer: b"\0" + writer.to_bytes(4, "big")),
    st.just(b"\0" + WRITER_ID.to_bytes(4, "big")),
    st.uuids().map(lambda guid: b"\1" + guid.bytes),
    st.from_regex(rb"[0-9]{1,6000}", fullmatch=True),
)
header_names = st.sampled_from([SCHEMA_HEADER, "sitehub.retries", "sitehub.reason", "sitehub.received_at", "", "中"])
header_lists = st.lists(st.tuples(header_names, header_values), max_size=4)
records_with_headers = st.lists(st.tuples(values, header_lists), min_size=1, max_size=12)


@pytest.fixture(scope="module")
def catalog(tmp_path_factory: pytest.TempPathFactory) -> Catalog:
    """The invented province's catalog."""
    return invented_catalog(tmp_path_factory.mktemp("invented") / "catalog")


def outcome(batch: RawBatch, normalised: Normalised) -> dict[int, Any]:
    """By offset, what would be produced: topic side, key, value and headers, as bytes."""
    accepted = zip(
        normalised.accepted["source_offset"],
        canonical_keys(normalised.accepted, normalised.kind),
        encode(normalised.accepted, normalised.kind, 1),
        strict=True,
    )
    refused = zip(normalised.rejected["source_offset"], quarantine_headers(batch, normalised), strict=True)
    return {offset: (key, value) for offset, key, value in accepted} | dict(refused)


def check_one_in_one_out(batch: RawBatch, normalised: Normalised) -> None:
    """Every offset once, in order, refused for a known reason, with field, detail and remedy of sane lengths."""
    accepted, rejected = normalised.accepted["source_offset"], normalised.rejected["source_offset"]
    assert accepted.is_sorted()
    assert rejected.is_sorted()
    assert sorted([*accepted, *rejected]) == list(batch.offsets)
    assert set(normalised.rejected["reason"]) <= set(REASONS)
    assert normalised.rejected.select("detail", "remedy").null_count().row(0) == (0, 0)


@settings(max_examples=30)
@given(records=records_with_headers)
def test_any_bytes_come_out_once(catalog: Catalog, records: list[Sent]) -> None:
    """Any bytes under any headers give exactly one outcome a record, in the order they came."""
    batch = sent(records)
    normalised = normalise(batch, catalog, unknown(batch))
    check_one_in_one_out(batch, normalised)
    for row, headers in zip(normalised.rejected["row"], quarantine_headers(batch, normalised), strict=True):
        original = list(batch.headers[row])
        assert headers[len(headers) - len(original) :] == original
        assert dict(reversed(headers))["sitehub.source.offset"] == str(batch.offsets[row]).encode()


def sent(records: list[Sent]) -> RawBatch:
    """Values with the headers of each as one batch."""
    return replace(batch_of(*(value for value, _ in records)), headers=[headers for _, headers in records])


def unknown(batch: RawBatch) -> dict[Any, WriterSchema | None]:
    """What a registry with one schema says of a batch's ids."""
    return {writer: WRITER if writer == WRITER_ID else None for writer in writer_ids(batch)}


@settings(max_examples=30)
@given(records=records_with_headers, cut=st.integers(1, 5))
def test_batch_size_changes_no_byte(catalog: Catalog, records: list[Sent], cut: int) -> None:
    """A record's key, value or headers are the same whichever batch it comes in."""
    whole = sent(records)
    expected = outcome(whole, normalise(whole, catalog, unknown(whole)))
    found: dict[int, Any] = {}
    for first in range(0, len(records), cut):
        part = RawBatch(
            topic=whole.topic,
            partitions=whole.partitions[first : first + cut],
            offsets=whole.offsets[first : first + cut],
            timestamps=whole.timestamps[first : first + cut],
            keys=whole.keys[first : first + cut],
            values=whole.values[first : first + cut],
            headers=whole.headers[first : first + cut],
        )
        found |= outcome(part, normalise(part, catalog, unknown(part)))
    assert found == expected


@settings(max_examples=30)
@given(records=records_with_headers)
@example(records=[(framed(upload())[:-1], []), (framed(upload()) + b"x", [])])
def test_nothing_waits_for_the_garbage_collector(catalog: Catalog, records: list[Sent]) -> None:
    """It comes seldom in a worker: what waits for it may be whole batches with all that was made of them."""
    batch = sent(records)
    normalise(batch, catalog, unknown(batch))  # what is made once is made
    gc.collect()
    gc.freeze()
    gc.disable()
    try:
        normalise(replace(batch), catalog, unknown(batch))
        assert gc.collect() == 0
    finally:
        gc.enable()
        gc.unfreeze()


def mutated(rng: random.Random, value: bytes) -> bytes:
    """The value with bytes flipped, cut, doubled or put in."""
    damaged = bytearray(value)
    for _ in range(rng.randint(1, 3)):
        at = rng.randrange(len(damaged) or 1)
        match rng.randrange(4):
            case 0 if damaged:
                damaged[at] ^= 1 << rng.randrange(8)
            case 1:
                del damaged[at:]
            case 2:
                damaged[at:at] = damaged[at : at + rng.randint(1, 8)]
            case _:
                damaged[at:at] = rng.choice([b"\xff", b"\0", b'"', b"9" * 30, b"NaN", b"[[", b"null", "中".encode()])
    return bytes(damaged)


def test_twenty_thousand_damaged_uploads(catalog: Catalog) -> None:
    """Seeded damage to sound uploads of both framings never crashes and never loses or doubles a record."""
    rng = random.Random(20_260_305)
    sound = [framed(upload(code=f"YN-{n}", PM2_5=n / 7)) for n in range(20)]
    sound += [orjson.dumps({"code": f"YN-{n}", "at": RECEIVED, "PM2.5": n / 7, "count": n}) for n in range(20)]
    refused = 0
    for _ in range(20):
        records = [mutated(rng, rng.choice(sound)) for _ in range(1000)]
        batch = batch_of(*records)
        normalised = normalise(batch, catalog, unknown(batch))
        check_one_in_one_out(batch, normalised)
        refused += normalised.rejected.height
    assert 10_000 < refused < 20_000


@pytest.mark.parametrize("feed", CATALOG.raw.values(), ids=lambda feed: f"{feed.province}-{feed.kind}")
def test_junk_for_every_feed(feed: Any) -> None:
    """Every feed of the project takes junk in its own schema without falling over."""
    rng = random.Random(f"{feed.province}/{feed.kind}")
    junk: dict[str, Any] = {"string": ["", "-", "9" * 40, "１２", "2026-02-30 99:00:00", "北风"], "boolean": [True]}
    number = [0, -1, 32767, 10**12, 1_770_000_000_000]
    records = [
        {
            field.json: rng.choice(junk.get(field.type, number)) if field.type != "int" else rng.randint(-5, 99999)
            for field in feed.fields
            if rng.random() < 0.9
        }
        for _ in range(200)
    ]
    batch = batch_of(*map(orjson.dumps, records), topic=feed.topic)
    normalised = normalise(batch, CATALOG, {})
    check_one_in_one_out(batch, normalised)
    assert outcome(batch, normalised).keys() == set(batch.offsets)
