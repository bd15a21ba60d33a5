"""The consume-transform-produce loop of confluent-kafka's own examples, at least once or in transactions."""

import signal
import sys
import time
from pathlib import Path
from typing import Any, Final, cast

from confluent_kafka import Consumer, Producer

from benchmarks.peers.job import read_job

AT_ONCE: Final = 1000
COMMIT_RECORDS: Final = 5000
COMMIT_S: Final = 0.1
ANY: Final = -1


def main(file: Path) -> None:
    """Run until SIGTERM."""
    job = read_job(file)
    is_exact = job.run["guarantee"] == "exactly_once"
    common = {"bootstrap.servers": job.run["brokers"]}
    consumer = Consumer(
        {
            **common,
            "group.id": job.run["group"],
            "auto.offset.reset": "earliest",
            "enable.auto.commit": False,
            "isolation.level": "read_committed",
        }
    )
    producer = Producer(
        {
            **common,
            "compression.type": job.run["compression"],
            "partitioner": "murmur2_random",
            "message.max.bytes": 4 << 20,
            "queue.buffering.max.messages": 200_000,
            **({"transactional.id": job.run["group"]} if is_exact else {"linger.ms": 5}),
        }
    )
    if is_exact:
        producer.init_transactions()
        producer.begin_transaction()
    consumer.subscribe(job.topics)
    stopping = False

    def stop(*_: object) -> None:
        nonlocal stopping
        stopping = True

    signal.signal(signal.SIGTERM, stop)
    waiting, began = 0, time.monotonic()
    while not stopping:
        for message in consumer.consume(AT_ONCE, timeout=0.05):
            if message.error():
                raise RuntimeError(str(message.error()))
            at: tuple[Any, Any, Any, int] = (
                message.topic(),
                message.partition(),
                message.offset(),
                message.timestamp()[1],
            )
            output = job(*at, message.key(), message.value(), cast("Any", message.headers()))
            producer.produce(output.topic, output.value, output.key, ANY, headers=[*output.headers])
            waiting += 1
        producer.poll(0)
        if waiting >= COMMIT_RECORDS or (waiting and time.monotonic() - began > COMMIT_S):
            if is_exact:
                positions = consumer.position(consumer.assignment())
                producer.send_offsets_to_transaction(positions, consumer.consumer_group_metadata())
                producer.commit_transaction()
                producer.begin_transaction()
            else:
                producer.flush()
                consumer.commit(asynchronous=False)
            waiting, began = 0, time.monotonic()
    consumer.close()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
