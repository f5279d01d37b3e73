"""Places for agents and calls: who finds none, and why agents never take all of a worker's room."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack

import pytest

from activities.health.places import AGENTS_MAX, CALLS_MAX, Places
from activities.workers.tuning import ACTIVITIES_MAX
from integrations.errors import RateLimitedError


async def test_who_finds_no_place_is_told_to_come_again():
    places = Places("agents", 1, in_line_s=0.01)

    async with places.one():
        with pytest.raises(RateLimitedError, match="1 agents are at work") as told:
            async with places.one():
                raise AssertionError("there is one place")
    async with places.one():
        pass

    assert told.value.wait_s > 0


async def test_who_stands_in_line_has_the_place_that_becomes_free():
    places = Places("agents", 1)
    held = AsyncExitStack()
    await held.enter_async_context(places.one())

    async def work():
        async with places.one():
            return "worked"

    waiting = asyncio.create_task(work())
    await asyncio.sleep(0)
    assert not waiting.done()
    await held.aclose()

    assert await waiting == "worked"


async def test_who_is_cancelled_in_line_keeps_no_place():
    places = Places("agents", 1)
    async with places.one():
        waiting = asyncio.create_task(places.one().__aenter__())
        await asyncio.sleep(0)
        waiting.cancel()
        await asyncio.wait([waiting])

    async with asyncio.timeout(5), places.one():
        pass


def test_a_worker_has_more_room_than_agents_and_calls_have_places():
    for queue in ("mandate", "mandate-t3"):
        assert ACTIVITIES_MAX[queue] >= 4 * (AGENTS_MAX + CALLS_MAX)
