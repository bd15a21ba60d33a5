"""The faults (故障): each a function that strikes, holds on, and undoes what can be undone.

A fault that is given a thing to play with has it for itself meanwhile; several faults strike different things at once.
Times are chosen against the product's own: the group's session of 6 s, a transaction's 15 s, a request's 10 s.
"""

import random
import signal
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import stamina
from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient, AlterConfigOpType, ConfigEntry, ConfigResource, ResourceType

from infra.stack.broker import broker_answers
from pipelines.names import quarantine_topic
from streams.topics import admin
from tests.faults.kept import Kept
from tests.faults.load import Load
from tests.faults.quorum import leader
from tests.faults.stage import PROVINCE, Normaliser, Stage
from tests.system.processes import wait_until

PAST_ALL_TIMEOUTS_S: Final = 17.0
ANSWERS_WITHIN_S: Final = 180.0
OUTPUTS: Final = ("canonical.dust-reading", "canonical.device", "canonical.project", quarantine_topic(PROVINCE))


@dataclass
class Play:
    """What a fault may use."""

    stage: Stage
    load: Load
    contracts: Iterator[Path]  # the folders of the contract that are rolled out one after another
    registry_away_s: float = 60.0


Strike = Callable[[Play, random.Random], None]


def _free(things: Sequence[Kept], rng: random.Random) -> Kept:
    """Take one that no other fault plays with; the caller gives it back."""
    while True:
        for thing in rng.sample(things, len(things)):
            if thing.held.acquire(blocking=False):
                return thing
        time.sleep(0.1)


class _Victim:
    """A normaliser at work, for the length of a block."""

    def __init__(self, play: Play, rng: random.Random) -> None:
        self._at_work = play.stage.normalisers[:-1]
        self._rng = rng

    def __enter__(self) -> Normaliser:
        program = _free([each.program for each in self._at_work], self._rng)
        self._taken = next(each for each in self._at_work if each.program is program)
        return self._taken

    def __exit__(self, *_: object) -> None:
        self._taken.program.held.release()


def normaliser_killed(play: Play, rng: random.Random) -> None:
    """kill -9."""
    with _Victim(play, rng) as victim:
        victim.program.strike(signal.SIGKILL)


def normaliser_stopped(play: Play, rng: random.Random) -> None:
    """SIGTERM, then started again."""
    with _Victim(play, rng) as victim:
        victim.program.rest()
        victim.program.up()


def normaliser_frozen(play: Play, rng: random.Random) -> None:
    """SIGSTOP beyond the session and the transaction time-out: a zombie that wakes up."""
    with _Victim(play, rng) as victim:
        victim.program.freeze()
        time.sleep(PAST_ALL_TIMEOUTS_S)
        victim.program.thaw()


def normaliser_cut_off(play: Play, rng: random.Random) -> None:
    """All its connections are reset and new ones refused, at times for longer than its session lasts (6 s)."""
    with _Victim(play, rng) as victim:
        for relay in victim.way:
            relay.fall_silent()
        time.sleep(rng.uniform(0.2, 12.0))
        for relay in victim.way:
            relay.speak()


def normaliser_unheard(play: Play, rng: random.Random) -> None:
    """Its network swallows everything for longer than a transaction may last; then all of it arrives."""
    with _Victim(play, rng) as victim:
        for relay in victim.way:
            relay.hold_back()
        time.sleep(PAST_ALL_TIMEOUTS_S)
        for relay in victim.way:
            relay.let_through()


def guest_comes_and_goes(play: Play, rng: random.Random) -> None:
    """A further normaliser joins and leaves."""
    guest = play.stage.normalisers[-1].program
    with guest.held:
        guest.up()
        time.sleep(rng.uniform(6.0, 12.0))
        guest.rest(rng.choice([signal.SIGTERM, signal.SIGKILL]))


def broker_restarted(play: Play, rng: random.Random) -> None:
    """A broker is told to stop, and started again."""
    with play.stage.brokers_held:
        _away(play, _any_broker(play, rng), signal.SIGTERM, 0.5)


def broker_killed(play: Play, rng: random.Random) -> None:
    """kill -9 of a broker; back after some seconds."""
    with play.stage.brokers_held:
        _away(play, _any_broker(play, rng), signal.SIGKILL, rng.uniform(0.5, 5.0))


def controller_killed(play: Play, rng: random.Random) -> None:
    """kill -9 of the broker that leads the controllers; back when another has been elected."""
    with play.stage.brokers_held:
        asked = play.stage.settings.bootstrap_servers.split(",")[_any_broker(play, rng)]
        _away(play, leader(asked) - 1, signal.SIGKILL, rng.uniform(5.0, 15.0))


def too_few_copies(play: Play, rng: random.Random) -> None:
    """Outputs ask for three copies while one of three brokers is away: NOT_ENOUGH_REPLICAS."""
    with play.stage.brokers_held, _configured(play, "min.insync.replicas", "3"):
        _away(play, _any_broker(play, rng), signal.SIGKILL, rng.uniform(10.0, 20.0))


def outputs_refused(play: Play, rng: random.Random) -> None:
    """The broker refuses every output for some seconds: MESSAGE_TOO_LARGE.

    Marks of transactions (78 bytes) must pass: Kafka 4.3.1 takes their refusal for fatal, and the transaction then
    stands open until the broker starts anew.
    """
    with play.stage.brokers_held, _configured(play, "max.message.bytes", "100"):
        time.sleep(rng.uniform(2.0, 6.0))


def registry_away(play: Play, rng: random.Random) -> None:  # noqa: ARG001 (a fault's signature)
    """The registry refuses connections for a minute."""
    with play.stage.registry_held:
        play.stage.registry_relay.fall_silent()
        time.sleep(play.registry_away_s)
        play.stage.registry_relay.speak()


def registry_unheard(play: Play, rng: random.Random) -> None:  # noqa: ARG001 (a fault's signature)
    """The registry takes questions and gives no answer, beyond the time that a question waits."""
    with play.stage.registry_held:
        play.stage.registry_relay.hold_back()
        time.sleep(12.0)
        play.stage.registry_relay.let_through()


def landing_killed(play: Play, rng: random.Random) -> None:  # noqa: ARG001 (a fault's signature)
    """kill -9 of the landing."""
    with play.stage.landings[0].held:
        play.stage.landings[0].strike(signal.SIGKILL)


def landing_overtaken(play: Play, rng: random.Random) -> None:
    """The landing is frozen, a second one goes on in its place, the first wakes up beside it."""
    first, second = play.stage.landings
    with first.held:
        first.freeze()
        second.up()
        time.sleep(rng.uniform(6.0, 10.0))
        first.thaw()
        time.sleep(rng.uniform(1.0, 3.0))
        second.rest()


def poison_pills(play: Play, rng: random.Random) -> None:  # noqa: ARG001 (a fault's signature)
    """Everything that chokes a reader, to every partition at once; none of it can be sent while a broker is away."""
    with play.stage.brokers_held:
        play.load.poison()


def new_schema_version(play: Play, rng: random.Random) -> None:  # noqa: ARG001 (a fault's signature)
    """A vendor registers a new version of the schema and sends in it from now on."""
    play.load.new_version()


def new_mapping(play: Play, rng: random.Random) -> None:  # noqa: ARG001 (a fault's signature)
    """The next contract is rolled out, one normaliser after another."""
    folder = next(play.contracts)
    for normaliser in play.stage.normalisers:
        normaliser.program.environment["SITEHUB_CATALOG_DIR"] = str(folder)
    for normaliser in play.stage.normalisers[:-1]:
        with normaliser.program.held:
            normaliser.program.rest()
            normaliser.program.up()


# How often each strikes among the others. What takes a minute strikes less often than what takes a second.
ON_ONE_BROKER: Final[dict[Strike, int]] = {
    normaliser_killed: 4,
    normaliser_stopped: 3,
    normaliser_frozen: 3,
    normaliser_cut_off: 3,
    normaliser_unheard: 3,
    guest_comes_and_goes: 3,
    broker_restarted: 2,
    broker_killed: 2,
    outputs_refused: 2,
    registry_away: 1,
    registry_unheard: 2,
    landing_killed: 2,
    landing_overtaken: 1,
    poison_pills: 2,
    new_schema_version: 1,
    new_mapping: 1,
}
ON_THREE_BROKERS: Final[dict[Strike, int]] = ON_ONE_BROKER | {
    broker_killed: 3,
    controller_killed: 3,
    too_few_copies: 2,
}


def drawn(brokers: int, count: int, rng: random.Random) -> list[Strike]:
    """`count` faults in random order, every kind at least once where `count` allows, in proportion to its weight."""
    weights = ON_THREE_BROKERS if brokers > 1 else ON_ONE_BROKER
    kinds = rng.sample(list(weights), min(count, len(weights)))
    further = rng.choices(list(weights), list(weights.values()), k=count - len(kinds))
    return rng.sample([*kinds, *further], count)


def _any_broker(play: Play, rng: random.Random) -> int:
    return rng.randrange(len(play.stage.brokers))


def _away(play: Play, which: int, number: signal.Signals, seconds: float) -> None:
    """Ends when the broker answers again: no two are away at once."""
    broker, address = play.stage.brokers[which], play.stage.settings.bootstrap_servers.split(",")[which]
    broker.rest(number)
    time.sleep(seconds)
    broker.up()
    wait_until(lambda: broker_answers(address), f"{broker.name} answers again", ANSWERS_WITHIN_S)


@contextmanager
def _configured(play: Play, name: str, value: str) -> Iterator[None]:
    """Another setting of all output topics inside the block."""
    client = admin(play.stage.settings.bootstrap_servers)
    before = _configuration(client, name)
    _configure(client, name, dict.fromkeys(OUTPUTS, value))
    try:
        yield
    finally:
        _configure(client, name, before)
        # A broker tells what it had until the controllers' word has reached it; the next fault would go back to that.
        while _configuration(client, name) != before:
            time.sleep(0.1)


def _configuration(client: AdminClient, name: str) -> dict[str, str]:
    """A setting of all output topics, as a broker tells it."""
    described = client.describe_configs([ConfigResource(ResourceType.TOPIC, topic) for topic in OUTPUTS])
    return {topic.name: answer.result()[name].value for topic, answer in described.items()}


def _configure(client: AdminClient, name: str, values: Mapping[str, str]) -> None:
    """Set a setting of topics; tried again while the controllers elect a leader."""
    changes = [
        ConfigResource(
            ResourceType.TOPIC,
            topic,
            incremental_configs=[ConfigEntry(name, value, incremental_operation=AlterConfigOpType.SET)],
        )
        for topic, value in values.items()
    ]
    for attempt in stamina.retry_context(on=KafkaException, attempts=None, timeout=60):
        with attempt:
            for answer in client.incremental_alter_configs(changes, request_timeout=10).values():
                answer.result()
