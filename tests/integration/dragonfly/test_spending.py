"""A spent budget stops the program by the word of its last error: nothing polls, beats or delays.

How soon a program that is stopped is gone is held by ``tests/integration/agents/test_containment``.
"""

from __future__ import annotations

import asyncio

import pytest
from redis.asyncio import Redis
from temporalio.testing import ActivityEnvironment

from activities.phases.tries.spending import Spending
from activities.runtime.effect import attempt
from activities.runtime.spent import BudgetSpentError
from dsl.core import AgentPhase, ErrorBudget
from integrations.agents.contract.protocol import Event
from integrations.dragonfly.budgets import Budgets
from tests.fixtures.dragonfly.holders import new_name
from tests.fixtures.timing.timers import timers_stopped
from tests.unit.activities.phase_request import phase_request

THREE = ErrorBudget(errors=3, window_ms=600_000)


async def test_the_last_error_stops_it_without_a_timer(dragonfly: Redis) -> None:
    agent, budgets = new_name("agent"), Budgets(dragonfly)
    await budgets.recall(agent, {})
    request = phase_request(error_budget=THREE).model_copy(update={"agent": agent})

    async def work() -> list[bool]:
        stopped = []
        spending = Spending(budgets, request, AgentPhase.EXECUTE)
        hear = spending.hearing(lambda _event: None)
        with attempt(), timers_stopped():
            async with spending.working():
                for number in range(THREE.errors):
                    stopped.append(spending.halt.done())
                    hear(Event("error", {"message": f"error {number}"}))
                with pytest.raises(BudgetSpentError):
                    await asyncio.shield(spending.halt)
        return stopped

    assert await ActivityEnvironment().run(work) == [False] * THREE.errors
