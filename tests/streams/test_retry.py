"""Which uploads a retry sends, without Kafka."""

from pathlib import Path

import pytest

from pipelines.catalog import Catalog
from streams.records import Headers, Record
from streams.retry import RETRY_OF, Quarantined, repeated, verdicts
from tests.pipelines.invented import RECEIVED, TOPIC, WRITER, WRITER_ID, batch_of, framed, invented_catalog, upload

HOUR_MS = 3_600_000
SOURCE = {"source.topic": TOPIC, "source.partition": "3", "source.offset": "100"}
REJECTED = Quarantined(Record("quarantine.yunnan", 0, 9, 0, b"k", b"v", []), SOURCE)


@pytest.fixture(scope="module")
def catalog(tmp_path_factory: pytest.TempPathFactory) -> Catalog:
    """The invented province."""
    return invented_catalog(Path(tmp_path_factory.mktemp("contract")))


def test_waiting_makes_no_wrong_clock_right(catalog: Catalog) -> None:
    """Sent two hours later, a time twelve hours ahead would look right: it stays. A right time is sent."""
    batch = batch_of(framed(upload()), framed(upload(at=RECEIVED + 12 * HOUR_MS)), b"?")
    found = verdicts(batch, catalog, {WRITER_ID: WRITER}, RECEIVED + 2 * HOUR_MS)
    assert found == ["sent", "judged otherwise by now", "rejected still"]


def test_twelve_hours_later_a_right_clock_looks_wrong(catalog: Catalog) -> None:
    """A right upload sent again twelve hours later would become suspect: it waits until it does not."""
    batch = batch_of(framed(upload()))
    outcomes = [verdicts(batch, catalog, {WRITER_ID: WRITER}, RECEIVED + hours * HOUR_MS) for hours in (11, 12, 13)]
    assert outcomes == [["sent"], ["judged otherwise by now"], ["sent"]]


def test_a_repetition_is_believed_by_its_bytes() -> None:
    """A header alone does not make an upload sent before: partition, key and value must be those of the upload."""
    name = f"{TOPIC}/3/100"
    headers: Headers = [(RETRY_OF, name.encode())]
    true = Record(TOPIC, 3, 200, 0, b"k", b"v", headers)
    forged = [true._replace(value=b"another"), true._replace(key=None), true._replace(partition=1)]
    assert repeated({name: REJECTED}, forged) == set()
    assert repeated({name: REJECTED}, [true._replace(headers=[(RETRY_OF, None)])]) == set()
    assert repeated({name: REJECTED}, [*forged, true]) == {name}
