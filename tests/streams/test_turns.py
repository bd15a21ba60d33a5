"""Topics take turns: while one has a large backlog normalised, the commits of the others go on."""

import asyncio
from pathlib import Path

from streams.normaliser import Normaliser
from tests.pipelines.invented import batch_of, invented_catalog
from tests.streams.test_outputs import TARGET

LANES = 12


def test_the_loop_turns_between_two_batches(tmp_path: Path) -> None:
    """Of many batches that wait at once never two are normalised in the same turn of the event loop."""
    normaliser = Normaliser(invented_catalog(tmp_path), TARGET, "http://unasked.invalid")
    turn = 0
    done_in: list[int] = []

    async def count_turns() -> None:
        nonlocal turn
        while len(done_in) < LANES:
            turn += 1
            await asyncio.sleep(0)

    async def lane() -> None:
        made = await normaliser(batch_of(b"?"))  # all of one partition: none may go with another
        assert sum(map(len, made.values())) == 1
        done_in.append(turn)

    async def all_lanes() -> None:
        await asyncio.gather(count_turns(), *(lane() for _ in range(LANES)))

    asyncio.run(all_lanes())
    assert len(set(done_in)) == LANES
