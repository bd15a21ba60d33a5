"""Who is compared (参测名单), and how many readings a round each of them takes."""

from collections.abc import Sequence
from typing import Final

from benchmarks.contestant import Command, Contestant, Run, hub, python
from benchmarks.environments import java_program, python_of

HEAP: Final = "-Xmx1g"


def hub_contestant() -> Contestant:
    """The hub."""
    return Contestant("sitehub", "exactly_once", "the hub: a normaliser for each of the four provinces", hub())


def kafka_streams(guarantee: str) -> Contestant:
    """Kafka Streams in Java."""
    java, class_path = java_program()

    def commands(run: Run) -> Sequence[Command]:
        quiet = "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn"
        return [Command((str(java), HEAP, quiet, "-cp", class_path, "peer.Main", str(run.job)))]

    if guarantee == "exactly_once":
        return Contestant("kafka-streams", "exactly_once", "Kafka Streams (Java), exactly_once_v2", commands)
    return Contestant("kafka-streams", "at_least_once", "Kafka Streams (Java), at_least_once", commands)


def all_contestants() -> list[Contestant]:
    """Every contestant in the order of a round. Environments and jars are made ready here."""
    quix, bytewax = python_of("quix"), python_of("bytewax")
    return [
        hub_contestant(),
        kafka_streams("exactly_once"),
        kafka_streams("at_least_once"),
        Contestant(
            "confluent-kafka",
            "exactly_once",
            "confluent-kafka loop + fastavro, transactions of 5,000",
            python("confluent"),
            most=400_000,
        ),
        Contestant(
            "confluent-kafka", "at_least_once", "confluent-kafka loop + fastavro", python("confluent"), most=400_000
        ),
        Contestant("quix", "exactly_once", "Quix Streams, exactly-once", python("quix", quix), most=200_000),
        Contestant("quix", "at_least_once", "Quix Streams, at-least-once", python("quix", quix), most=200_000),
        Contestant("bytewax", "at_least_once", "Bytewax with recovery", python("bytewax", bytewax), most=200_000),
        Contestant("faust", "at_least_once", "stock Faust, event by event", python("faust"), most=60_000),
    ]
