"""The job as Bytewax's documentation has it: a Kafka source, a map, a Kafka sink, with recovery."""

import sys
from pathlib import Path

import bytewax.operators as op
from bytewax.connectors.kafka import KafkaSink, KafkaSinkMessage, KafkaSource, KafkaSourceMessage
from bytewax.dataflow import Dataflow
from bytewax.recovery import RecoveryConfig, init_db_dir
from bytewax.run import cli_main

from benchmarks.peers.job import read_job

LARGEST = 4 << 20


def flow(file: Path) -> Dataflow:
    """The dataflow of a job."""
    job = read_job(file)
    brokers = [job.run["brokers"]]
    produced = {
        "compression.type": job.run["compression"],
        "partitioner": "murmur2_random",
        "message.max.bytes": str(LARGEST),
    }

    def normalise(message: KafkaSourceMessage) -> KafkaSinkMessage:
        at = (message.topic, message.partition, message.offset, message.timestamp[1])
        output = job(*at, message.key, message.value, message.headers)
        return KafkaSinkMessage(key=output.key, value=output.value, headers=output.headers, topic=output.topic)

    dataflow = Dataflow("normalise")
    uploads = op.input("uploads", dataflow, KafkaSource(brokers, job.topics))
    op.output("outputs", op.map("normalise", uploads, normalise), KafkaSink(brokers, topic=None, add_config=produced))
    return dataflow


def main(file: Path) -> None:
    """Run until it is ended."""
    state = Path(read_job(file).run["state"])
    state.mkdir(parents=True, exist_ok=True)
    init_db_dir(state, 1)
    cli_main(flow(file), recovery_config=RecoveryConfig(state))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
