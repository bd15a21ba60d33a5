"""A canonical topic with what a reader must cope with: an amendment that stands too early, a transaction given up."""

import time
from dataclasses import dataclass
from pathlib import Path

from confluent_kafka import Producer

from infra.registration import register_schemas
from infra.topics import TopicSpec, create_topics
from streams.outputs import Target, outputs
from tests.conftest import Stack
from tests.pipelines.invented import WRITER, WRITER_ID, batch_of, framed, invented_catalog, upload

PREFIX = "examples."
TOPIC = f"{PREFIX}canonical.dust-reading"


@dataclass(frozen=True)
class Log:
    """Where the topic is, in the variables that the examples read."""

    environment: dict[str, str]


def write_log(stack: Stack, folder: Path) -> Log:
    """Two devices; of YN-1's observation two uploads, of which the later received stands first in the topic."""
    catalog = invented_catalog(folder / "contract")
    ids = register_schemas(stack.registry_url, catalog)
    topics = {TOPIC: 2, f"{PREFIX}quarantine.yunnan": 2}
    create_topics(stack.bootstrap_servers, [TopicSpec(name, count, {}) for name, count in topics.items()])
    target = Target(ids, topics, PREFIX)
    batch = batch_of(
        *(framed(upload(code=code, pm10=pm10)) for code, pm10 in (("YN-1", 80.0), ("YN-1", 81.5), ("YN-2", 70.0)))
    )
    made = outputs(batch, catalog, {WRITER_ID: WRITER}, target)
    given_up = outputs(batch_of(framed(upload(code="YN-3"))), catalog, {WRITER_ID: WRITER}, target)
    producer = Producer(
        {"bootstrap.servers": stack.bootstrap_servers, "transactional.id": f"examples-{time.time_ns()}", "linger.ms": 0}
    )
    producer.init_transactions(30)
    for found, keep in ((made, True), (given_up, False)):
        producer.begin_transaction()
        for (topic, number), records in found.items():
            for key, value, _ in reversed([*records]):
                producer.produce(topic, value, key, number)
        producer.flush(30)
        if keep:
            producer.commit_transaction(30)
        else:
            producer.abort_transaction(30)
    return Log({"SITEHUB_BOOTSTRAP_SERVERS": stack.bootstrap_servers, "SITEHUB_REGISTRY_URL": stack.registry_url})
