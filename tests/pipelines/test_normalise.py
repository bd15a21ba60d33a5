"""The normaliser: every refusal by its reason, the envelope, and what a quarantined upload carries."""

import uuid
from collections.abc import Mapping
from typing import Any

import orjson
import pytest

from pipelines.catalog import Catalog
from pipelines.faults import REASONS
from pipelines.normalise import REJECTED, Normalised, normalise
from pipelines.quarantine import quarantine_headers
from pipelines.wire import SCHEMA_HEADER, VALUE_LIMIT, RawBatch, WriterId, WriterSchema
from tests.pipelines.invented import (
    RAW_SCHEMA,
    RECEIVED,
    SUBJECT,
    TOPIC,
    WRITER,
    WRITER_ID,
    avro_body,
    batch_of,
    framed,
    invented_catalog,
    upload,
)

GUID = uuid.UUID("0f0e0d0c-0b0a-4908-8706-050403020100")
WRITERS: Mapping[WriterId, WriterSchema | None] = {
    WRITER_ID: WRITER,
    GUID: WRITER,
    8: None,
    9: WriterSchema(RAW_SCHEMA, frozenset({"raw.yunnan.device-value"})),
    10: WriterSchema(
        {"type": "record", "name": "R", "fields": [{"name": "code", "type": "a.B"}]}, frozenset({SUBJECT})
    ),
}


@pytest.fixture(scope="module")
def catalog(tmp_path_factory: pytest.TempPathFactory) -> Catalog:
    """The invented province's catalog."""
    return invented_catalog(tmp_path_factory.mktemp("invented") / "catalog")


def json_of(**changes: Any) -> bytes:
    """A sound upload as JSON, with changes; a key set to ... is left out."""
    spelled = {"PM2.5" if key == "PM2_5" else key: value for key, value in upload(**changes).items()}
    return orjson.dumps({key: value for key, value in spelled.items() if value is not ...})


def refusal(catalog: Catalog, value: bytes | None) -> tuple[str, str | None]:
    """Reason and field of one refused value."""
    normalised = normalise(batch_of(value), catalog, WRITERS)
    assert normalised.accepted.height == 0
    return normalised.rejected.select("reason", "field").row(0)


REFUSED: list[tuple[bytes | None, str, str | None]] = [
    (None, "empty", None),
    (b"", "empty", None),
    (b"{" + b" " * VALUE_LIMIT, "oversized", None),
    (b"<xml/>", "unframed", None),
    (framed(upload(), 8), "unknown_schema", None),
    (framed(upload(), 9), "wrong_subject", None),
    (framed(upload(), 10), "undecodable", None),
    (framed(upload())[:-1], "undecodable", None),
    (framed(upload()) + b"\0", "undecodable", None),
    (b'{"code": "A", ', "undecodable", None),
    (b'{"code": "\xff"}', "undecodable", None),
    (b'{"a":' + b"[" * 5000, "undecodable", None),
    (b'{"code": "\\ud800", "at": 1}', "undecodable", None),
    (json_of(pm10="80"), "bad_number", "pm10"),
    (json_of(pm10=True), "bad_number", "pm10"),
    (json_of(count=1.5), "bad_number", "sample_count"),
    (json_of(count=1 << 31), "bad_number", "sample_count"),
    (json_of(at="1770000000000"), "bad_number", "observed_at"),
    (json_of(code=12), "undecodable", "device_code"),
    (json_of(code={"a": 1}), "undecodable", "device_code"),
    (json_of(code=...), "missing_field", "device_code"),
    (json_of(at=None), "missing_field", "observed_at"),
    (json_of(code=""), "missing_field", "device_code"),
    (framed(upload(pm10=float("nan"))), "bad_number", "pm10"),
    (framed(upload(at=RECEIVED + 11 * 60_000)), "future_time", "observed_at"),
    (framed(upload(at=177_000_000_000_000)), "bad_time", "observed_at"),
]


@pytest.mark.parametrize(("value", "reason", "field"), REFUSED)
def test_refusals(catalog: Catalog, value: bytes | None, reason: str, field: str | None) -> None:
    """Each way in which an upload can be wrong has its reason, and the canonical field where there is one."""
    assert refusal(catalog, value) == (reason, field)


def test_a_batch_of_everything(catalog: Catalog) -> None:
    """Sound and refused uploads of all framings keep their order and positions, and each comes out once."""
    sound = [framed(upload(code="A")), json_of(code="B"), framed(upload(code="C"))]
    values = [sound[0], *(value for value, _, _ in REFUSED), sound[1], sound[2]]
    normalised = normalise(batch_of(*values), catalog, WRITERS)
    assert normalised.accepted["device_code"].to_list() == ["A", "B", "C"]
    assert normalised.accepted["source_offset"].to_list() == [100, 127, 128]
    assert normalised.rejected["row"].to_list() == list(range(1, 27))
    assert normalised.rejected["source_offset"].to_list() == list(range(101, 127))
    assert normalised.rejected["reason"].to_list() == [reason for _, reason, _ in REFUSED]
    assert set(normalised.rejected["reason"]) <= set(REASONS)
    assert normalised.rejected.schema == REJECTED
    assert normalised.accepted.schema == normalised.kind.polars_schema


def test_envelope(catalog: Catalog) -> None:
    """An accepted row says where it came from, by which schema and mapping, when, and how good it is."""
    row = normalise(batch_of(framed(upload())), catalog, WRITERS).accepted.row(0, named=True)
    expected = {
        "event_id": f"yunnan:dust-reading:YN-1:{RECEIVED - 60_000}:minute",
        "province": "yunnan",
        "adcode": None,
        "vendor": None,
        "quality": 1,
        "quality_notes": None,
        "source_topic": TOPIC,
        "source_partition": 3,
        "source_offset": 100,
        "schema_id": WRITER_ID,
        "pm2_5": 35.0,
    }
    assert {name: row[name] for name in expected} == expected
    assert int(row["received_at"].timestamp() * 1000) == RECEIVED
    assert row["mapping"] == catalog.compiled("yunnan", "dust-reading").name


def test_what_is_never_null(catalog: Catalog) -> None:
    """Fields that the schema calls never null are filled in every accepted row."""
    accepted = normalise(batch_of(json_of(), framed(upload())), catalog, WRITERS).accepted
    for field in catalog.canonical["dust-reading"].fields:
        assert not field.never_null or accepted[field.name].null_count() == 0, field.name


def test_vendor_topic_has_its_own_units(catalog: Catalog) -> None:
    """On a vendor's topic the vendor is known, and its unit is read; the subject is the shared one."""
    batch = batch_of(framed(upload(PM2_5=0.035)), topic=f"{TOPIC}.acme")
    row = normalise(batch, catalog, WRITERS).accepted.row(0, named=True)
    assert (row["vendor"], row["pm2_5"]) == ("acme", 35.0)


def test_guid_in_the_header(catalog: Catalog) -> None:
    """A value framed by a GUID in a header is read; it has no schema id to tell."""
    batch = batch_of(avro_body(upload()), headers=[(SCHEMA_HEADER, b"\1" + GUID.bytes)])
    row = normalise(batch, catalog, WRITERS).accepted.row(0, named=True)
    assert (row["device_code"], row["schema_id"]) == ("YN-1", None)


def test_json_equals_avro(catalog: Catalog) -> None:
    """One upload gives the same record as JSON and as Avro, but for the framing; unknown keys are noted."""
    values = (framed(upload()), json_of(), json_of(extra=[1]))
    rows = normalise(batch_of(*values), catalog, WRITERS).accepted
    differing = {"received_at", "source_offset", "schema_id", "quality_notes"}
    alike = rows.drop(*differing)
    assert alike[0].equals(alike[1])
    assert alike[1].equals(alike[2])
    assert rows["quality_notes"].to_list() == [None, None, "json=unknown_keys"]


def test_a_schema_not_looked_up_is_loud(catalog: Catalog) -> None:
    """An id that the caller did not look up is its fault, not the upload's."""
    with pytest.raises(KeyError):
        normalise(batch_of(framed(upload())), catalog, {})


def test_personal_data_stays_out_of_messages(catalog: Catalog) -> None:
    """No refusal repeats what the upload says in its texts."""
    secret = "张三 110101199003070011"
    values = [
        json_of(code=secret, pm10="x"),
        json_of(code=[secret]),
        json_of(code=secret, at=None),
        b"{" + secret.encode(),
    ]
    rejected = normalise(batch_of(*values), catalog, WRITERS).rejected
    assert rejected.height == len(values)
    texts = "".join(str(row) for row in rejected.select("field", "detail", "remedy").rows())
    assert "张三" not in texts
    assert "1101" not in texts


def headers_of(batch: RawBatch, normalised: Normalised) -> dict[str, bytes]:
    """Headers of the first refused row, the first of each name."""
    return dict(reversed(quarantine_headers(batch, normalised)[0]))


def test_quarantine_headers(catalog: Catalog) -> None:
    """A quarantined upload says why, where from and what to do; its own headers stand behind, unchanged."""
    own = [("trace", b"\x00\xff"), ("sitehub.retries", b"2"), ("sitehub.reason", b"earlier")]
    batch = batch_of(framed(upload()), framed(upload(at=1)), topic=f"{TOPIC}.acme", headers=own)
    normalised = normalise(batch, catalog, WRITERS)
    found = headers_of(batch, normalised)
    name = catalog.compiled("yunnan", "dust-reading", "acme").name
    assert quarantine_headers(batch, normalised)[0][-3:] == own
    expected = {
        "sitehub.reason": "bad_time",
        "sitehub.field": "observed_at",
        "sitehub.province": "yunnan",
        "sitehub.kind": "dust-reading",
        "sitehub.vendor": "acme",
        "sitehub.source.topic": f"{TOPIC}.acme",
        "sitehub.source.partition": "3",
        "sitehub.source.offset": "101",
        "sitehub.received_at": str(RECEIVED + 1),
        "sitehub.schema_id": str(WRITER_ID),
        "sitehub.mapping": name,
        "sitehub.retries": "2",
        "__connect.errors.topic": f"{TOPIC}.acme",
        "__connect.errors.partition": "3",
        "__connect.errors.offset": "101",
        "__connect.errors.exception.class.name": "sitehub.bad_time",
    }
    assert {key: found[key].decode() for key in expected} == expected
    assert found["sitehub.detail"] == found["__connect.errors.exception.message"]
    assert found["sitehub.remedy"]


def test_what_is_unknown_is_left_out(catalog: Catalog) -> None:
    """A refusal without field, vendor and schema has no such headers."""
    batch = batch_of(b"")
    found = headers_of(batch, normalise(batch, catalog, WRITERS))
    assert not {"sitehub.field", "sitehub.vendor", "sitehub.schema_id"} & set(found)
    assert found["sitehub.retries"] == b"0"
