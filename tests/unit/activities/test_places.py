"""Places for agents and calls: who finds none, and why agents never take all of a worker's room."""

from __future__ import annotations

import asyncio
import time
from contextlib import AsyncExitStack
from types import SimpleNamespace

import pytest

from activities.contracts import messages
from activities.health.places import AGENTS_MAX, CALLS_MAX, Places, at_a_place
from activities.workers.tuning import ACTIVITIES_MAX
from dsl.core import AgentPhase
from integrations.errors import RateLimitedError
from tests.unit.activities.phase_request import phase_request


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


class AtWork:
    """A phase with a program, which tells how old the word of the ledger is."""

    def __init__(self, places: Places) -> None:
        self._equipment = SimpleNamespace(places=places)
        self.at_ms = 0

    @at_a_place(AgentPhase.EXECUTE)
    async def execute(self, request: messages.PhaseRequest) -> messages.PhaseResult:
        self.at_ms = request.authority.at_ms
        return messages.PhaseResult()


async def test_what_the_ledger_has_said_grows_old_in_line():
    places = Places("agents", 1)
    asked = phase_request().model_copy(update={"authority": messages.Authority(at_ms=1_000_000)})
    held = AsyncExitStack()
    await held.enter_async_context(places.one())
    begun = time.monotonic()
    phase = AtWork(places)
    waiting = asyncio.ensure_future(phase.execute(asked))
    await asyncio.wait([waiting], timeout=0.05)
    await held.aclose()

    await waiting
    assert 40 <= 1_000_000 - phase.at_ms <= (time.monotonic() - begun) * 1_000


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
