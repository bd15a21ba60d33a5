"""What the benchmark's contestants are told to do is what the hub does, without Kafka."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from benchmarks.job import KIND, PROVINCES, job
from benchmarks.peers.job import Job
from benchmarks.workload import CHECKED, Upload, newer_schema, newer_subject, uploads
from pipelines.catalog import Catalog
from pipelines.codec import decode
from pipelines.names import canonical_topic, quarantine_topic, subject_of
from pipelines.wire import RawBatch, WriterId, WriterSchema
from streams.outputs import Headers, Target, outputs
from tests.contract import CATALOG

READINGS = 600
Outgone = tuple[bytes | None, bytes | None, Headers]  # key, value, headers
UNKNOWN = 2_000_000_001


@pytest.fixture(scope="module")
def catalog() -> Catalog:
    """The project's own."""
    return CATALOG


@pytest.fixture(scope="module")
def schemas(catalog: Catalog) -> dict[str, Mapping[str, Any]]:
    """Subject → schema, the raw ones' newer versions included."""
    found: dict[str, Mapping[str, Any]] = {raw.subject: raw.schema for raw in catalog.raw.values()}
    found |= {newer_subject(raw.subject): newer_schema(raw) for raw in catalog.raw.values()}
    return found | {subject_of(canonical_topic(name)): kind.schema for name, kind in catalog.canonical.items()}


@pytest.mark.parametrize("province", PROVINCES)
def test_the_reference_gives_the_hubs_records(
    catalog: Catalog, schemas: dict[str, Mapping[str, Any]], province: str
) -> None:
    """Framed and bare, old and new schema, keyless, damaged: canonical values and reasons are equal."""
    ids = {subject: number for number, subject in enumerate(schemas)}
    writers = {
        number: WriterSchema(schemas[subject], frozenset({subject.removesuffix(":newer")}))
        for subject, number in ids.items()
    }
    topic = catalog.raw[province, KIND].topic
    # Every second upload may be damaged, so that each reason occurs.
    sent = list(uploads(replace(CHECKED, damaged=0.5), province, READINGS, catalog, ids))
    hub = _hub(catalog, topic, province, sent, writers, ids)
    content = job(catalog, ids, prefix="")
    reference = Job(content, lambda number: (found.schema, found.subjects) if (found := writers.get(number)) else None)
    kind = catalog.canonical[KIND]
    reasons = set()
    for offset, (upload, (key, value, headers)) in enumerate(zip(sent, hub, strict=True)):
        ours = reference(topic, 1, offset, upload.timestamp, upload.key, upload.value, upload.headers)
        assert ours.key == key, (offset, upload)
        if ours.topic == canonical_topic(KIND):
            assert ours.value is not None
            assert value is not None
            assert decode([ours.value], kind).rows() == decode([value], kind).rows(), (offset, upload)
        else:
            said = dict(reversed(headers))
            assert ours.value == value
            assert set(ours.headers) <= set(headers), (offset, upload)
            reasons.add(said["sitehub.reason"].decode())
    assert reasons == {
        *("unframed", "unknown_schema", "wrong_subject", "undecodable", "missing_field", "bad_number", "bad_time"),
        *("future_time", "empty", "oversized"),
    }


def _hub(
    catalog: Catalog,
    topic: str,
    province: str,
    sent: list[Upload],
    writers: Mapping[int, WriterSchema],
    ids: dict[str, int],
) -> list[Outgone]:
    """The hub's record of each upload, in their order."""
    topics = {canonical_topic(KIND): 1, quarantine_topic(province): 1}
    batch = RawBatch(
        topic=topic,
        partitions=[1] * len(sent),
        offsets=range(len(sent)),
        timestamps=[upload.timestamp for upload in sent],
        keys=[upload.key for upload in sent],
        values=[upload.value for upload in sent],
        headers=[upload.headers for upload in sent],
    )
    known: dict[WriterId, WriterSchema | None] = {UNKNOWN: None, **dict(writers.items())}
    made = outputs(batch, catalog, known, Target(ids, topics))
    kind = catalog.canonical[KIND]
    canonical = made[canonical_topic(KIND), 0]
    rejected = made[quarantine_topic(province), 0]
    places = decode([value or b"" for value in canonical.values], kind)["source_offset"].to_list()
    places += [int(dict(reversed(headers))["sitehub.source.offset"]) for headers in rejected.headers]
    return [record for _, record in sorted(zip(places, [*canonical, *rejected], strict=True), key=lambda pair: pair[0])]
