"""Outputs of a batch: one record an upload, in the right partition, in order, with the bytes untouched."""

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.catalog import Catalog
from pipelines.codec import decode
from pipelines.murmur2 import partitions
from pipelines.quarantine import MAX_RETRIES
from pipelines.wire import RawBatch
from streams.outputs import Outputs, Target, outputs, places_of
from streams.quarantined import original_headers, rejected_frame, source_of, told
from streams.records import Record
from tests.pipelines.invented import TOPIC, WRITER, WRITER_ID, batch_of, framed, invented_catalog, upload

TARGET = Target({"canonical.dust-reading-value": 9}, {"canonical.dust-reading": 4, "quarantine.yunnan": 2})


@pytest.fixture(scope="module")
def catalog(tmp_path_factory: pytest.TempPathFactory) -> Catalog:
    """The invented province."""
    return invented_catalog(Path(tmp_path_factory.mktemp("contract")))


def made(batch: RawBatch, catalog: Catalog) -> Outputs:
    """Outputs with the one known writer schema."""
    return outputs(batch, catalog, {WRITER_ID: WRITER}, TARGET)


def as_records(found: Outputs, topic: str) -> list[Record]:
    """The records of a topic as a reader would get them."""
    return [
        Record(name, number, 0, 0, key, value, [*headers])
        for (name, number), records in found.items()
        if name == topic
        for key, value, headers in records
    ]


@given(st.lists(st.sampled_from(["sound", "damaged", "empty"]), min_size=1, max_size=40), st.integers(1, 7))
def test_one_record_an_upload_whatever_the_batches(catalog: Catalog, kinds: list[str], size: int) -> None:
    """Cut anywhere, a log gives each upload one record, and each partition the same records in the same order."""
    values = [
        {"sound": framed(upload(code=f"YN-{number % 3}", count=number)), "damaged": b"?", "empty": None}[kind]
        for number, kind in enumerate(kinds)
    ]
    whole = made(batch_of(*values), catalog)
    parts: dict[tuple[str, int], list[tuple[object, ...]]] = {}
    for start in range(0, len(values), size):
        batch = batch_of(*values[start : start + size])
        shifted = replace(
            batch,
            offsets=[offset + start for offset in batch.offsets],
            timestamps=[time + start for time in batch.timestamps],
        )
        for place, records in made(shifted, catalog).items():
            parts.setdefault(place, []).extend(records)
    assert parts == {place: [*records] for place, records in whole.items()}
    accepted = as_records(whole, "canonical.dust-reading")
    offsets = decode([record.value or b"" for record in accepted], catalog.canonical["dust-reading"])["source_offset"]
    refused = [source_of(record)[2] for record in as_records(whole, "quarantine.yunnan")]
    assert sorted([*offsets, *refused]) == [100 + number for number in range(len(values))]


def test_outputs_lie_within_reach(catalog: Catalog) -> None:
    """What a lane ends when it opens is all that `outputs` may write to."""
    batch = batch_of(*(framed(upload(code=f"YN-{number}")) for number in range(30)), b"?")
    places = {("canonical.dust-reading", number) for number in range(4)} | {("quarantine.yunnan", 3 % 2)}
    assert {*places_of(TOPIC, 3, catalog, TARGET)} == places
    assert {*made(batch, catalog)} == places


def test_a_canonical_record_lies_in_its_keys_partition(catalog: Catalog) -> None:
    """The key names province and device, and decides the partition as the Java client does."""
    found = made(batch_of(*(framed(upload(code=f"YN-{number}")) for number in range(30))), catalog)
    for (topic, number), records in found.items():
        assert topic == "canonical.dust-reading"
        assert {*partitions([key or b"" for key in records.keys], 4).tolist()} == {number}
        assert all((value or b"")[:5] == b"\x00\x00\x00\x00\x09" for value in records.values)


def test_a_rejected_upload_keeps_key_value_and_headers(catalog: Catalog) -> None:
    """Quarantine says why and where from, and behind that the original headers follow, also forged ones."""
    forged = [("sitehub.reason", b"\xff"), ("__connect.errors.exception.message", b"none"), ("trace", b"1")]
    batch = replace(batch_of(b"\x01?", headers=forged), keys=[b"k"])
    (record,) = as_records(made(batch, catalog), "quarantine.yunnan")
    assert (record.partition, record.key, record.value) == (1, b"k", b"\x01?")
    assert source_of(record) == (TOPIC, 3, 100)
    assert original_headers(record) == forged
    row = rejected_frame([record]).row(0, named=True)
    assert (row["reason"], row["source_offset"], row["value"]) == ("unframed", 100, b"\x01?")


def test_the_largest_schema_id_lands(catalog: Catalog) -> None:
    """Four bytes of 255 where a schema's id stands are an unknown schema, and a row of the lake."""
    records = as_records(
        outputs(batch_of(b"\0" + b"\xff" * 8), catalog, {(1 << 32) - 1: None}, TARGET), "quarantine.yunnan"
    )
    row = rejected_frame(records).row(0, named=True)
    assert (row["reason"], row["schema_id"]) == ("unknown_schema", (1 << 32) - 1)


@pytest.mark.parametrize(
    ("written", "believed"), [(b"2", 2), (b"9", MAX_RETRIES), (b"9" * 5000, 0), (b"", 0), (b"-1", 0)]
)
def test_a_forged_number_of_retries_stops_nobody(catalog: Catalog, written: bytes, believed: int) -> None:
    """One digit is believed, up to the most there can be; anything else counts as none."""
    batch = batch_of(b"?", headers=[("sitehub.retries", written)])
    (record,) = as_records(made(batch, catalog), "quarantine.yunnan")
    assert told(record)["retries"] == str(believed)


def test_replay_writes_under_a_prefix(catalog: Catalog) -> None:
    """The same records, only the topics' names differ."""
    prefixed = Target(
        TARGET.schema_ids, {f"again.{name}": count for name, count in TARGET.partitions.items()}, "again."
    )
    batch = batch_of(framed(upload()), b"?")
    fresh = outputs(batch, catalog, {WRITER_ID: WRITER}, prefixed)
    assert {(f"again.{topic}", number): records for (topic, number), records in made(batch, catalog).items()} == fresh
