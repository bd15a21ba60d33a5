"""The normaliser of one province as a Faust app (标准化进程)."""

from __future__ import annotations

import asyncio
import gc
import os
import signal
from collections.abc import Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import gettempdir
from typing import Any, Final

import faust
import structlog
from aiokafka import TopicPartition
from confluent_kafka import KafkaException

from pipelines.catalog import Catalog
from pipelines.names import RawTopic, canonical_topic, parse_raw_topic, quarantine_topic, subject_of
from pipelines.wire import RawBatch, WriterId, WriterSchema, writer_ids
from streams.chunks import ChunkScheduler, ChunkSchema
from streams.crash import crash
from streams.fetching import PatientTransport, fetch_patiently
from streams.lanes import Lanes
from streams.metrics import expect_uploads, processing
from streams.outputs import Outputs, Target, outputs_of_each, places_of
from streams.record_batches import deliver_whole_batches
from streams.together import Together
from streams.topics import missing, raw_topics, topic_partitions
from streams.writers import Registry, Writers

log = structlog.get_logger(__name__)

# A killed worker's partitions are given away after the session time-out; the rest keeps Faust's queues short.
FAUST_SETTINGS: Final[dict[str, Any]] = {
    "store": "memory://",
    # Faust makes a folder for tables, which there are none of: not in whatever folder the worker was started in.
    "datadir": str(Path(gettempdir()) / "sitehub-faust"),
    "web_enabled": False,
    "topic_disable_leader": True,
    "topic_allow_declare": False,
    "ConsumerScheduler": ChunkScheduler,
    "consumer_auto_offset_reset": "earliest",
    "broker_max_poll_records": 5000,
    "broker_session_timeout": 6.0,
    "broker_heartbeat_interval": 2.0,
    # A broker that has just come up may not tell of all topics; whoever is left out is assigned at the next look.
    "consumer_metadata_max_age_ms": 10_000,
    "stream_buffer_maxsize": 64,
    "stream_wait_empty": False,
}
MAKE_SURE_S: Final = 1.0
COLLECT_AFTER: Final = (50_000, 20, 1000)


class NotProvisionedError(Exception):
    """Topics or schemas that the normaliser writes to do not exist; the text says which, and the remedy."""


@dataclass
class Restart:
    """Set when the worker stops only to start again with other topics."""

    wanted: bool = field(default=False)


class Normaliser:
    """What one worker does to a batch: ask the registry, normalise, address the outputs."""

    def __init__(self, catalog: Catalog, target: Target, registry_url: str) -> None:
        self.catalog = catalog
        self.target = target
        self._registry_url = registry_url
        self._writers: Writers | None = None
        self._together = Together(self._outputs)

    async def room(self) -> None:
        """Wait until what lanes have taken already is nearly made outputs of."""
        await self._together.room()

    async def __call__(self, batch: RawBatch) -> Outputs:
        """Outputs of uploads of one partition."""
        if self._writers is None:  # made inside the running loop
            self._writers = Writers(Registry(self._registry_url))
        found = await self._writers.look_up(writer_ids(batch), parse_raw_topic(batch.topic).subject)
        return await self._together(batch, found)

    def _outputs(self, batch: RawBatch, writers: Mapping[WriterId, WriterSchema | None]) -> dict[int, Outputs]:
        with processing("normalise", batch.topic):
            return outputs_of_each(batch, self.catalog, writers, self.target)

    def reach(self, partition: TopicPartition) -> list[TopicPartition]:
        """All partitions where outputs of a raw partition can be."""
        return [
            TopicPartition(*place)
            for place in places_of(partition.topic, partition.partition, self.catalog, self.target)
        ]


async def find_target(catalog: Catalog, kinds: Sequence[str], partitions: dict[str, int], registry_url: str) -> Target:
    """Schema ids of the canonical kinds and partition counts; waits for the registry. NotProvisionedError if absent."""
    ids = {}
    async with aclosing(Registry(registry_url)) as registry:
        for kind in kinds:
            subject = subject_of(canonical_topic(kind))
            found = await registry.schema_id(subject, catalog.canonical[kind].schema)
            if found is None:
                remedy = "Run `sitehub schemas register`"
                raise NotProvisionedError(f"the registry does not hold the catalog's schema of {subject}. {remedy}")
            ids[subject] = found
    return Target(ids, partitions)


def build(
    province: str,
    catalog: Catalog,
    bootstrap_servers: str,
    registry_url: str,
    allowed_latency: float,
    watch_s: float,
) -> tuple[faust.App, Restart]:
    """The app of a province over all its raw topics, and whether it asks to be started again.

    `allowed_latency`: how long a partition's records may wait to fill a transaction, s.
    Every `watch_s` it looks for new raw topics (a vendor's own) and, where there are any, stops in order to restart.
    NotProvisionedError when canonical or quarantine topics or schemas are missing.
    """
    deliver_whole_batches()
    fetch_patiently()
    partitions = topic_partitions(bootstrap_servers)
    topics = raw_topics(partitions, province, catalog)
    kinds = sorted({catalog.made_of(topic).name for topic in topics})
    if absent := missing([*map(canonical_topic, kinds), quarantine_topic(province)], partitions) or not topics:
        wanted = ", ".join(absent) if isinstance(absent, list) else f"raw.{province}.<kind>"
        raise NotProvisionedError(f"there is no topic {wanted}. Run `sitehub topics create`")
    target = asyncio.run(find_target(catalog, kinds, partitions, registry_url))
    brokers = ";".join(f"kafka://{server.strip()}" for server in bootstrap_servers.split(","))
    app = faust.App(f"sitehub-{province}", broker=brokers, **FAUST_SETTINGS)
    app.transport = PatientTransport(app.conf.broker_consumer, app)
    normaliser = Normaliser(catalog, target, registry_url)
    lanes = Lanes(app, bootstrap_servers, normaliser, normaliser.reach, allowed_latency)
    # acks=False: Faust must never commit, it would write an older offset over a transaction's.
    source = app.topic(*(topic.topic for topic in topics), schema=ChunkSchema(), acks=False)

    @app.agent(source, concurrency=1)
    async def normalise(stream: Any) -> None:
        await lanes.run(stream)

    app.timer(interval=MAKE_SURE_S)(lanes.make_sure)

    restart = Restart()

    @app.task
    async def watch() -> None:
        await _watch(province, catalog, bootstrap_servers, topics, watch_s, restart)

    expect_uploads(topics, catalog)
    log.info("normalising", province=province, topics=[topic.topic for topic in topics])
    return app, restart


async def _watch(
    province: str,
    catalog: Catalog,
    bootstrap_servers: str,
    topics: tuple[RawTopic, ...],
    every_s: float,
    restart: Restart,
) -> None:
    while not restart.wanted:
        await asyncio.sleep(every_s)
        try:
            now = raw_topics(await asyncio.to_thread(topic_partitions, bootstrap_servers), province, catalog)
        except KafkaException as error:
            log.warning("no answer about new topics; asking again", error=str(error))
            continue
        if now != topics:
            names = sorted({topic.topic for topic in now} ^ {topic.topic for topic in topics})
            log.info("topics have come or gone: starting again with them", province=province, topics=names)
            restart.wanted = True
            os.kill(os.getpid(), signal.SIGTERM)


def run(
    province: str,
    catalog: Catalog,
    bootstrap_servers: str,
    registry_url: str,
    allowed_latency: float,
    watch_s: float = 30.0,
) -> bool:
    """Run the normaliser until SIGTERM or SIGINT; True when it stopped in order to be started again."""
    app, restart = build(province, catalog, bootstrap_servers, registry_url, allowed_latency, watch_s)
    # What is loaded now stays: the collector need not walk over it again, nor look after every 700 new objects.
    gc.collect()
    gc.freeze()
    gc.set_threshold(*COLLECT_AFTER)
    # Its lines go where those of the whole process go: Faust must not set up a log of its own.
    worker = faust.Worker(app, override_logging=False, redirect_stdouts=False, quiet=True)
    worker.spinner = None  # it draws on standard output, terminal or not
    try:
        worker.execute_from_commandline()
    except SystemExit as end:
        if end.code:  # what Faust met before it was running, as a broker that has just gone
            crash(end.__context__ or end)
    return restart.wanted
