"""The job as Quix Streams' documentation has it: a dataframe a topic, `apply`, `set_headers`, `to_topic`."""

import sys
from pathlib import Path
from typing import Any

from quixstreams import Application, message_context
from quixstreams.models import BytesSerializer

from benchmarks.peers.job import Output, read_job

LARGEST = 4 << 20


class ValueOf(BytesSerializer):  # type: ignore[misc] # untyped where Quix is not installed
    """An output's value."""

    def __call__(self, value: Output, ctx: Any) -> bytes | None:  # noqa: ARG002 (Quix's signature)
        """As it is."""
        return value.value


def main(file: Path) -> None:
    """Run until SIGTERM."""
    job = read_job(file)
    app = Application(
        broker_address=job.run["brokers"],
        consumer_group=job.run["group"],
        auto_offset_reset="earliest",
        processing_guarantee=job.run["guarantee"].replace("_", "-"),
        producer_extra_config={"compression.type": job.run["compression"], "message.max.bytes": LARGEST},
        state_dir=job.run["state"],
        auto_create_topics=False,
        loglevel="WARNING",
    )
    names = [job.canonical, *job.quarantines.values()]
    topics = {name: app.topic(name, key_serializer="bytes", value_serializer=ValueOf()) for name in names}

    def normalise(value: bytes | None, key: bytes | None, timestamp: int, headers: Any) -> Output:
        at = message_context()
        return job(at.topic, at.partition, at.offset, timestamp, key, value, headers)

    for name in job.topics:
        raw = app.topic(name, key_deserializer="bytes", value_deserializer="bytes")
        outputs = app.dataframe(raw).apply(normalise, metadata=True)
        outputs = outputs.set_headers(lambda output, *_: output.headers)
        outputs.to_topic(lambda output, *_: topics[output.topic], key=lambda output: output.key)
    app.run()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
