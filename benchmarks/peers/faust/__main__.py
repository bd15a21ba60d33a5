"""Stock Faust: `async for event in stream.events()`, `await topic.send(...)`; on uvloop, which it calls faster."""

import os
import sys
from pathlib import Path
from typing import Any

os.environ.setdefault("FAUST_LOOP", "uvloop")

import faust

from benchmarks.peers.job import read_job


def build(file: Path) -> faust.App:
    """The app of a job."""
    job = read_job(file)
    app = faust.App(
        job.run["group"],
        broker=f"kafka://{job.run['brokers']}",
        datadir=job.run["state"],
        store="memory://",
        web_enabled=False,
        topic_disable_leader=True,
        topic_allow_declare=False,
        consumer_auto_offset_reset="earliest",
        producer_compression_type=job.run["compression"],
        producer_max_request_size=4 << 20,
    )
    raw = app.topic(*job.topics, key_serializer="raw", value_serializer="raw")
    names = [job.canonical, *job.quarantines.values()]
    topics = {name: app.topic(name, key_serializer="raw", value_serializer="raw") for name in names}

    @app.agent(raw)
    async def normalise(stream: Any) -> None:
        async for event in stream.events():
            message = event.message
            output = job(
                message.topic,
                message.partition,
                message.offset,
                int(message.timestamp * 1000 + 0.5),
                message.key,
                message.value,
                [*message.headers.items()] if isinstance(message.headers, dict) else message.headers,
            )
            await topics[output.topic].send(key=output.key, value=output.value, headers=dict(output.headers))

    return app


def main(file: Path) -> None:
    """Run until SIGTERM."""
    worker = faust.Worker(build(file), loglevel="WARNING", quiet=True)
    worker.spinner = None
    worker.execute_from_commandline()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
