"""Transactions that Kafka holds for completed and has ended in part only (残留事务), made for certain on a real Kafka.

A broker that is killed in the midst of a commit leaves them, at times. Here its coordinator is not told of partitions
that have records of the transaction, so it writes no marker there.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from aiokafka import TopicPartition
from aiokafka.client import ConnectionGroup
from aiokafka.protocol.produce import ProduceRequest
from aiokafka.protocol.transaction import TxnOffsetCommitRequest
from confluent_kafka.admin import AdminClient, AlterConfigOpType, ConfigEntry, ConfigResource

from streams.batching import batched
from streams.fencing import fencing_producer
from streams.outputs import NO_HEADERS, Outgoing
from streams.protocol import EndTxnRequest
from tests.conftest import Stack
from tests.system.processes import wait_until

Offsets = Mapping[TopicPartition, int]


@contextmanager
def taking_unverified(stack: Stack) -> Iterator[None]:
    """The broker takes records of a transaction without asking its coordinator, from older clients."""
    _verify(stack, "false")
    yield
    _verify(stack, "true")


def _verify(stack: Stack, value: str) -> None:
    """Set it and wait: a broker is told of a setting after it was accepted, a busy one seconds after."""
    name = "transaction.partition.verification.enable"
    entry = ConfigEntry(name, value, incremental_operation=AlterConfigOpType.SET)
    broker = ConfigResource(ConfigResource.Type.BROKER, "1", incremental_configs=[entry])
    client = AdminClient({"bootstrap.servers": stack.bootstrap_servers})

    def is_set() -> bool:
        (found,) = client.describe_configs([ConfigResource(ConfigResource.Type.BROKER, "1")]).values()
        return bool(found.result(30)[name].value == value)

    (done,) = client.incremental_alter_configs([broker]).values()
    done.result(30)
    wait_until(is_set, f"{name} is {value}")


async def end_in_part(
    servers: str,
    transactional_id: str,
    *,
    stands: bool,
    told: Mapping[TopicPartition, Outgoing],
    untold: Mapping[TopicPartition, Outgoing],
    group: str | None = None,
    told_offsets: Offsets | None = None,
    untold_offsets: Offsets | None = None,
) -> dict[TopicPartition, int]:
    """A transaction of records and of the group's offsets, ended where the coordinator is told of it. Where the others
    are open: the offset of their record."""
    open_at = {}
    producer = await fencing_producer(servers, transactional_id, [*told, *untold], group)
    holder = producer._holder
    for place, records in untold.items():
        (batch,) = batched(records, holder)
        leader = producer.client.cluster.leader_for_partition(place)
        topics = [(place.topic, [(place.partition, batch)])]
        answer = await producer.client.send(leader, ProduceRequest(transactional_id, -1, 10_000, topics))
        (_, code, open_at[place], *_) = answer.topics[0][1][0]
        assert code == 0, f"Kafka refuses a record with {code}"
    for leader, batches in producer._by_leader(
        {(at.topic, at.partition): records for at, records in told.items()}
    ).items():
        await producer._produce(leader, batches)
    if told_offsets:
        await producer._commit_offsets(told_offsets)
    for place, offset in (untold_offsets or {}).items():
        asked = TxnOffsetCommitRequest(
            transactional_id, group, *holder, [(place.topic, [(place.partition, offset, "")])]
        )
        answer = await producer.client.send(producer._offsets_node, asked, group=ConnectionGroup.COORDINATION)
        assert answer.errors[0][1][0][1] == 0
    end = EndTxnRequest(transactional_id, holder, stands=stands)
    assert (await producer.client.send(producer._node, end, group=ConnectionGroup.COORDINATION)).error_code == 0
    await producer.stop()
    return open_at


def one_record(value: bytes, key: bytes | None = None) -> Outgoing:
    """What one partition gets."""
    return Outgoing([key], [value], [NO_HEADERS])
