"""Lanes of one topic begin together, and what they bring is normalised in one go: the same records for each."""

import asyncio
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.catalog import Catalog
from pipelines.wire import RawBatch, WriterId, WriterSchema, joined
from streams.outputs import Outgoing, Outputs, outputs, outputs_of_each
from streams.together import MOST, MOST_BYTES, ROOM_BYTES, Beat, Together
from tests.pipelines.invented import WRITER, WRITER_ID, batch_of, framed, invented_catalog, upload
from tests.streams.test_outputs import TARGET

WRITERS: dict[WriterId, WriterSchema | None] = {WRITER_ID: WRITER}


@pytest.fixture(scope="module")
def catalog(tmp_path_factory: pytest.TempPathFactory) -> Catalog:
    """The invented province."""
    return invented_catalog(Path(tmp_path_factory.mktemp("contract")))


def of(partition: int, *values: bytes | None) -> RawBatch:
    """Values of a partition as one batch."""
    return replace(batch_of(*values), partitions=[partition] * len(values))


def rows(made: Outputs) -> dict[tuple[str, int], list[object]]:
    """What goes where."""
    return {place: [*records] for place, records in made.items()}


@given(
    st.lists(st.lists(st.sampled_from(["sound", "damaged", "empty"]), min_size=1, max_size=9), min_size=1, max_size=5)
)
def test_each_partition_gets_what_it_would_get_alone(catalog: Catalog, partitions: list[list[str]]) -> None:
    """Key, value, headers, partition and order."""
    batches = [
        of(
            number,
            *(
                {"sound": framed(upload(code=f"YN-{at % 3}", count=at)), "damaged": b"?", "empty": None}[kind]
                for at, kind in enumerate(kinds)
            ),
        )
        for number, kinds in enumerate(partitions)
    ]
    together = outputs_of_each(joined(batches), catalog, WRITERS, TARGET)
    alone = {number: outputs(batch, catalog, WRITERS, TARGET) for number, batch in enumerate(batches)}
    assert {number: rows(made) for number, made in together.items()} == {n: rows(made) for n, made in alone.items()}


class Made:
    """Notes which batches were made into outputs together: the partitions of each."""

    def __init__(self) -> None:
        self.together: list[list[int]] = []

    def __call__(self, batch: RawBatch, _: object) -> dict[int, Outputs]:
        """Outputs that name the first value of each partition's uploads."""
        self.together.append(sorted(set(batch.partitions)))
        firsts = dict(zip(reversed(batch.partitions), reversed(batch.values), strict=True))
        return {partition: {(str(value), 0): Outgoing()} for partition, value in firsts.items()}


async def of_all(together: Together, batches: Sequence[RawBatch]) -> list[str]:
    """What each of several lanes gets that come at the same moment."""
    made = await asyncio.gather(*(together(batch, {}) for batch in batches))
    return [topic for each in made for topic, _ in each]


def test_those_who_come_together_are_made_together() -> None:
    """Lanes of one topic, as many as a transaction may hold; those of another topic by themselves."""
    made = Made()
    other = replace(of(2, b"other"), topic="raw.yunnan.noise-reading")
    many = of(3, *[b"many"] * MOST)
    found = asyncio.run(of_all(Together(made), [of(0, b"a"), of(1, b"b"), other, many]))
    assert found == ["b'a'", "b'b'", "b'other'", "b'many'"]
    assert sorted(made.together) == [[0, 1], [2], [3]]


def test_large_uploads_are_made_apart() -> None:
    """Nothing is saved by making them together, and meanwhile none of their lanes could commit."""
    made = Made()
    half = bytes(MOST_BYTES // 2)
    asyncio.run(of_all(Together(made), [of(0, half), of(1, half), of(2, b"c"), of(3, b"d", None)]))
    assert made.together == [[0, 1], [2, 3]]


def test_who_would_only_take_memory_waits() -> None:
    """Of many lanes with a backlog a few take their uploads, however many there are."""
    made, held, most = Made(), 0, 0

    async def run() -> None:
        together = Together(made)

        async def lane(number: int) -> None:
            nonlocal held, most
            await together.room()
            held += 1
            most = max(most, held)
            await together(of(number, bytes(ROOM_BYTES // 2)), {})
            held -= 1

        await asyncio.gather(*map(lane, range(9)))

    asyncio.run(run())
    assert most <= 3
    assert sorted(made.together) == [[number] for number in range(9)]


def test_what_a_former_owner_left_behind_is_not_made_twice() -> None:
    """A lane that is closed while its batch waits, and the next lane of the same partition with the same uploads."""
    made = Made()

    async def run() -> list[str]:
        together = Together(made)
        former = asyncio.create_task(together(of(0, b"a"), {}))
        beside = asyncio.create_task(together(of(1, b"b"), {}))
        await asyncio.sleep(0)
        former.cancel()
        found = await of_all(together, [of(0, b"a")])
        return [*found, *(topic for topic, _ in await beside)]

    assert asyncio.run(run()) == ["b'a'", "b'b'"]
    assert sorted(made.together) == [[0], [0, 1]]


def test_a_fault_reaches_all_who_came_together() -> None:
    """None of them may take his uploads for done."""

    def fails(*_: object) -> dict[int, Outputs]:
        raise ZeroDivisionError

    async def run() -> list[object]:
        together = Together(fails)
        return await asyncio.gather(*(together(of(n, b"a"), {}) for n in range(2)), return_exceptions=True)

    assert [type(each) for each in asyncio.run(run())] == [ZeroDivisionError, ZeroDivisionError]


def test_whose_time_has_come_takes_the_others_along() -> None:
    """And who comes later waits for the next one."""

    async def run() -> tuple[float, ...]:
        beat, began = Beat(), time.monotonic()

        async def lane(comes: float, until: float) -> float:
            await asyncio.sleep(comes)
            await beat.wait(began + until)
            return time.monotonic() - began

        return await asyncio.gather(lane(0, 0.2), lane(0, 5.0), lane(0.1, 5.0), lane(0.3, 0.5))

    first, second, third, later = asyncio.run(run())
    assert 0.2 <= first <= second
    assert second < 0.5
    assert third < 0.5
    assert later >= 0.5
