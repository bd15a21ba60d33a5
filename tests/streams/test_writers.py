"""Asking the registry, without one."""

import asyncio

from streams.writers import LARGEST_ID, Registry, Writers


def test_an_id_that_no_registry_gives_is_not_asked_for() -> None:
    """Ids are signed: a larger one is unknown at once, also while the registry is away; others wait for it."""

    async def look_up(schema_id: int) -> object:
        registry = Registry("http://127.0.0.1:1")
        try:
            return await asyncio.wait_for(Writers(registry).look_up([schema_id], "raw.x.y-value"), 1)
        except TimeoutError:
            return "waits"
        finally:
            await registry.close()

    assert asyncio.run(look_up(LARGEST_ID + 1)) == {LARGEST_ID + 1: None}
    assert asyncio.run(look_up(LARGEST_ID)) == "waits"
