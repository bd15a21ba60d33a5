"""Records that Kafka has left open behind a transaction that it holds for completed (残留事务), on a real Kafka.

A broker that was killed in the midst of a commit leaves them, at times. Here they are made for certain: records of a
transaction that its coordinator was never told of.
"""

import asyncio
from collections.abc import Iterator

import pytest
from aiokafka.consumer import fetcher
from confluent_kafka import Consumer
from confluent_kafka import TopicPartition as Place
from confluent_kafka.admin import AdminClient, AlterConfigOpType, ConfigEntry, ConfigResource

from streams.producer_states import open_transactions
from streams.reading import spans
from streams.record_batches import WholeBatches
from streams.transaction import fencing_producer
from tests.conftest import Stack
from tests.streams.test_late_requests import Site


@pytest.fixture
def unverified(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The broker takes records of a transaction without asking its coordinator, and aiokafka delivers whole batches."""
    monkeypatch.setattr(fetcher, "MemoryRecords", WholeBatches)
    verify(stack, "false")
    yield
    verify(stack, "true")


def verify(stack: Stack, value: str) -> None:
    """Set the broker's own check."""
    entry = ConfigEntry("transaction.partition.verification.enable", value, incremental_operation=AlterConfigOpType.SET)
    resource = ConfigResource(ConfigResource.Type.BROKER, "1", incremental_configs=[entry])
    client = AdminClient({"bootstrap.servers": stack.bootstrap_servers})
    (done,) = client.incremental_alter_configs([resource]).values()
    done.result(30)


@pytest.mark.usefixtures("unverified")
@pytest.mark.parametrize("committed", [False, True])
def test_each_upload_comes_out_once(stack: Stack, committed: bool) -> None:
    """Left open without its offset it falls and is made again; left open with its offset committed, it stands."""
    site = Site(stack)

    async def run() -> None:
        first = site.lane()
        await site.upload(first, 0)
        await site.seen(1)
        await first.close()
        site.send(1)
        await leave_open(site, b"1")
        if committed:
            commit_offset(site, 2)
        following = site.lane()
        await site.upload(following, 2)
        await site.seen(3)
        await following.close()
        await site.source.close()

    asyncio.run(run())
    assert site.outputs() == [b"0", b"1", b"2"]
    assert site.failures == []


async def leave_open(site: Site, value: bytes) -> None:
    """A record of the lane's own producer, of a transaction that Kafka knows nothing of."""
    place = site.lane()._reach.places[0]  # type: ignore[index] # a list here
    producer = await fencing_producer(site.servers, f"sitehub.{site.group}.{site.raw.topic}.{site.raw.partition}")
    assert await open_transactions(producer, [place]) == {}
    await producer.begin_transaction()
    producer._txn_manager._txn_partitions.add(place)
    await producer.send_and_wait(place.topic, value, partition=place.partition)
    ((_, begin),) = spans(site.servers, {site.out: 1}).values()
    assert await open_transactions(producer, [place]) == {place: begin}
    await producer.stop()


def commit_offset(site: Site, offset: int) -> None:
    """The group's offset, as the transaction would have committed it."""
    member = Consumer({"bootstrap.servers": site.servers, "group.id": site.group})
    member.commit(offsets=[Place(site.raw.topic, site.raw.partition, offset)], asynchronous=False)
    member.close()
