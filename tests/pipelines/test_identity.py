"""Natural keys, Kafka keys and partitions."""

from pathlib import Path

import polars as pl
import pytest
from aiokafka.partitioner import murmur2 as aiokafka_murmur2
from confluent_kafka import Message, Producer
from hypothesis import given
from hypothesis import strategies as st

from pipelines.contract import read_canonical
from pipelines.identity import canonical_keys, event_id
from pipelines.murmur2 import murmur2, partitions
from pipelines.normalise import normalise
from tests.pipelines.invented import PROJECT, RECEIVED, WRITER, WRITER_ID, batch_of, framed, invented_catalog, upload


def test_event_id_and_key_are_plain_text(tmp_path: Path) -> None:
    """The natural key spells province, kind, subject, instant and discriminator; a colon in the subject stays."""
    normalised = normalise(
        batch_of(framed(upload(code="站:1"))), invented_catalog(tmp_path / "catalog"), {WRITER_ID: WRITER}
    )
    assert normalised.accepted["event_id"].to_list() == [f"yunnan:dust-reading:站:1:{RECEIVED - 60_000}:minute"]
    assert canonical_keys(normalised.accepted, normalised.kind) == ["yunnan:站:1".encode()]


@given(
    parts=st.lists(
        st.tuples(st.text("a/%|2F", max_size=4), st.text("a/%|2F", max_size=4)), min_size=2, max_size=20, unique=True
    )
)
def test_a_subject_of_several_fields_is_one_text_that_no_other_thing_has(parts: list[tuple[str, str]]) -> None:
    """Project and number, whatever signs are in them."""
    work = read_canonical(PROJECT / "avro_schemas" / "canonical" / "hazardous-work.avsc")
    frame = pl.DataFrame(parts, schema=list(work.subject), orient="row").with_columns(province=pl.lit("jiangsu"))
    keys = canonical_keys(frame, work)
    assert len(set(keys)) == len(parts)
    plain = pl.DataFrame({"province": ["jiangsu"], "project_code": ["R1-B"], "work_code": ["7/a"]})
    assert canonical_keys(plain, work) == [b"jiangsu:R1-B/7/a"]


@given(parts=st.lists(st.tuples(st.text(":%3A2|", max_size=4), st.none() | st.text(":%3A2|", max_size=4)), unique=True))
def test_no_two_events_share_a_natural_key(parts: list[tuple[str, str | None]]) -> None:
    """Whatever signs are in subject and point, whether or not an upload names its point; none and empty are one."""
    alarm = read_canonical(PROJECT / "avro_schemas" / "canonical" / "equipment-alarm.avsc")
    assert alarm.discriminator == ("alarm_type", "level", "point_code")
    frame = pl.DataFrame(parts, schema={"device_code": pl.String, "point_code": pl.String}, orient="row").with_columns(
        observed_at=pl.lit(RECEIVED).cast(pl.Datetime("ms", "UTC")),
        alarm_type=pl.lit("overload"),
        level=pl.lit("alarm"),
    )
    found = frame.select(event_id("jiangsu", alarm)).to_series().to_list()
    assert len(set(found)) == len({(device, point or "") for device, point in parts})
    assert None not in found


# Vectors of Apache Kafka's own UtilsTest.testMurmur2.
@pytest.mark.parametrize(
    ("key", "hashed"),
    [
        (b"21", -973932308),
        (b"foobar", -790332482),
        (b"a-little-bit-long-string", -985981536),
        (b"a-little-bit-longer-string", -1486304829),
        (b"lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8", -58897971),
        (b"abc", 479470107),
    ],
)
def test_vectors_of_the_java_client(key: bytes, hashed: int) -> None:
    """The hash equals the Java client's on the vectors of Kafka's own test."""
    assert murmur2([key]) == [hashed % (1 << 32)]


@given(st.lists(st.binary(max_size=40), max_size=20))
def test_equals_another_implementation(keys: list[bytes]) -> None:
    """Any keys hash as in aiokafka's implementation, in their order."""
    assert murmur2(keys).tolist() == [aiokafka_murmur2(key) % (1 << 32) for key in keys]


def test_partition_equals_librdkafka() -> None:
    """librdkafka's murmur2 partitioner, sending to its own mock broker, puts every key where this says."""
    producer = Producer({"test.mock.num.brokers": 1, "bootstrap.servers": "mock", "partitioner": "murmur2"})
    found: dict[bytes, int] = {}

    def delivered(error: object, message: Message) -> None:
        assert error is None
        key, where = message.key(), message.partition()
        assert key is not None
        assert where is not None
        found[key] = where

    count = len(producer.list_topics("keys", timeout=10).topics["keys"].partitions)
    keys = [f"jiangsu:设备{n}".encode() for n in range(200)]
    for key in keys:
        producer.produce("keys", b"value", key, on_delivery=delivered)
    assert producer.flush(20) == 0
    assert count > 1
    assert found == dict(zip(keys, partitions(keys, count).tolist(), strict=True))


def test_partition_ignores_the_sign() -> None:
    """A negative hash gives a partition in range, by its lower 31 bits."""
    assert partitions([b"21"], 7).tolist() == [(-973932308 & 0x7FFFFFFF) % 7]
