"""Before anything is timed (先验后测): every contestant's records are those of the hub, value by value."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any, Final

from benchmarks.contestant import Contestant, Run, at_work, require_alive, tail
from benchmarks.job import KIND
from pipelines.codec import decode
from pipelines.names import canonical_topic
from streams.reading import read, spans
from streams.records import Record

Upload = tuple[str, int, int]
COMPARED: Final = ("sitehub.reason", "sitehub.field")
SOURCE: Final = ("sitehub.source.topic", "sitehub.source.partition", "sitehub.source.offset")
SILENCE_S: Final = 240  # a worker imports for seconds of CPU, and four of them share a core


def results(contestant: Contestant, run: Run, readings: int) -> dict[Upload, tuple[Any, ...]]:
    """What the contestant makes of all uploads, by the upload's place. RuntimeError on a double or where it stalls.

    Canonical: partition, key and all fields. Quarantined: key, value, the sender's own headers, reason and field.
    """
    counts = dict.fromkeys(run.outputs, run.stack.partitions)
    found: dict[Upload, tuple[Any, ...]] = {}
    began = {place: begin for place, (begin, _) in spans(run.stack.bootstrap_servers, counts).items()}
    heard = time.monotonic()
    with at_work(contestant, run) as processes:
        while len(found) < readings:
            require_alive(contestant, run, processes)
            ends = {place: end for place, (_, end) in spans(run.stack.bootstrap_servers, counts).items()}
            before = len(found)
            for records in read(run.stack.bootstrap_servers, {p: (began[p], end) for p, end in ends.items()}):
                for upload, result in _results(run, records):
                    if upload in found:
                        raise RuntimeError(f"{contestant.name} gave {upload} twice")
                    found[upload] = result
            began = ends
            if len(found) > before:
                heard = time.monotonic()
            elif time.monotonic() - heard > SILENCE_S:
                raise RuntimeError(f"{contestant.name} gave {before} of {readings} records and no more: {tail(run)}")
            time.sleep(0.3)
    return found


def difference(ours: Mapping[Upload, tuple[Any, ...]], theirs: Mapping[Upload, tuple[Any, ...]]) -> str | None:
    """The first upload of which the records differ, both written out; None where all are equal."""
    for upload in sorted(ours.keys() | theirs.keys()):
        if ours.get(upload) != theirs.get(upload):
            return f"{upload}: {ours.get(upload)} became {theirs.get(upload)}"
    return None


def _results(run: Run, records: list[Record]) -> list[tuple[Upload, tuple[Any, ...]]]:
    kind = run.stack.catalog.canonical[KIND]
    topic = run.prefix + canonical_topic(KIND)
    canonical = [record for record in records if record.topic == topic]
    frame = decode([record.value or b"" for record in canonical], kind)
    sources = frame.select("source_topic", "source_partition", "source_offset").rows()
    accepted = [(record.partition, record.key, row) for record, row in zip(canonical, frame.rows(), strict=True)]
    rejected = [_quarantined(record, run.prefix) for record in records if record.topic != topic]
    return [*zip(sources, accepted, strict=True), *rejected]


def _quarantined(record: Record, prefix: str) -> tuple[Upload, tuple[Any, ...]]:
    said = dict(reversed([(name, value or b"") for name, value in record.headers]))
    topic, partition, offset = (said[name].decode() for name in SOURCE)
    original = [header for header in record.headers if not header[0].startswith(("sitehub.", "__connect."))]
    reason = [said.get(name) for name in COMPARED]
    place = record.topic.removeprefix(prefix)
    return (topic, int(partition), int(offset)), (place, record.key, record.value, original, *reason)
