"""Coverage-guided fuzzing (覆盖引导) of everything between the bytes of an upload and its values, judged by fastavro.

atheris is no dependency of the project: `make guided` installs the one of requirements.lock beside this, then runs

    python -m benchmarks.fuzz.guided -max_total_time=1200 -rss_limit_mb=9000 CORPUS

with the options of libFuzzer. A finding ends it with the input in a file `crash-…`. atheris itself grows by some 8 KiB
an input, so that an hour is three runs on one corpus; what is tested does not grow.
"""

import sys
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["pipelines.wire", "pipelines.codec", "pipelines.json_upload"]):
    from benchmarks.fuzz.feeds import Feeds, feeds
    from benchmarks.fuzz.judge import MistreatedError, is_json_object, is_right
    from pipelines.catalog import RawKind
    from pipelines.codec.resolve import resolution
    from pipelines.json_upload import json_fields, read_json
    from pipelines.names import parse_raw_topic
    from pipelines.wire import RawBatch, unframe

SOWN = 3
HEAD = 1  # the first byte of an input chooses the feed


def look_at(data: bytes, known: Feeds) -> None:
    """Read one input as an upload; MistreatedError where it is accepted or refused wrongly."""
    topics = sorted(known.sound)
    topic = topics[data[0] % len(topics)] if data else topics[0]
    parsed = parse_raw_topic(topic)
    raw = known.catalog.raw[parsed.province, parsed.kind]
    # Twice: two records in one block must be read as one alone is.
    unframed = unframe(RawBatch(topic, [0, 0], range(2), range(2), [None] * 2, [data[HEAD:]] * 2, [[]] * 2))
    rows = [row for rows in unframed.avro.values() for row in rows]
    if len(rows) + len(unframed.json) + len(unframed.other) + len(unframed.faults) != 2:
        raise MistreatedError("not each upload in one place")
    if rows:
        _look_at_avro(unframed.bodies[0], raw)
    if unframed.json:
        frame, _, faults = read_json([unframed.bodies[0]] * 2, json_fields(raw, raw.mapping.for_vendor(parsed.vendor)))
        if frame.height + len(faults) != 2 or (not faults and not is_json_object(unframed.bodies[0])):
            raise MistreatedError("accepted, but it is no JSON object")


def _look_at_avro(body: bytes, raw: RawKind) -> None:
    frame, damaged = resolution(raw.schema, raw.schema).read([body] * 2)
    if frame.height + len(damaged) != 2 or not is_right(body, raw.schema, refused=bool(damaged)):
        raise MistreatedError(f"{len(damaged)} of 2 refused, but fastavro sees it otherwise")


def _sow(corpus: Path, known: Feeds) -> None:
    """Some sound uploads of each feed to begin with."""
    corpus.mkdir(parents=True, exist_ok=True)
    for number, topic in enumerate(sorted(known.sound)):
        for at, upload in enumerate(known.sound[topic][:SOWN]):
            (corpus / f"{topic}-{at}").write_bytes(bytes([number]) + (upload.value or b""))


def main() -> None:
    """Run libFuzzer."""
    known = feeds()
    for folder in (argument for argument in sys.argv[1:] if not argument.startswith("-")):
        _sow(Path(folder), known)
    atheris.Setup(sys.argv, lambda data: look_at(data, known))
    atheris.Fuzz()


if __name__ == "__main__":
    main()
