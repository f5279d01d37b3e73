"""Errors of agents, kept for their budgets; what they mean is for ``dsl.rules.health.budget``.

The rules:

1. An error is kept once, however often it is reported: it has an id, and the server's time.
2. An emptied server grants nothing: it counts for nobody until what the ledger says of the
   agent's errors was put back. That merges: an error that is known keeps its time.
3. Of each agent the newest errors are kept, as many as the largest budget allows, and no longer
   than the longest window lasts: a budget is never seen less spent for that.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from redis.asyncio import Redis

from dsl.core import ErrorBudget, RedisKeys
from dsl.limits import ERROR_BUDGET_MAX, TIMEOUT_MS_MAX
from dsl.rules.health.budget import BudgetReading, read_budget
from integrations.dragonfly.client import answered
from integrations.dragonfly.lua import script
from integrations.errors import ColdError


@dataclass(frozen=True, slots=True)
class Count:
    """What was answered to an error: when that was, and what is used up with it."""

    now_ms: int
    reading: BudgetReading


class Budgets:
    """Keeps the errors of agents; ``agent`` is the identity, never an instance."""

    def __init__(self, client: Redis) -> None:
        self._budget = script(client, "budget")

    async def recall(self, agent: str, errors: Mapping[str, int]) -> None:
        """Put back what the ledger says, times by id; harmless when repeated (2)."""
        await self._ask(agent, errors, seed=True)

    async def count(
        self, agent: str, error_id: str, budget: ErrorBudget, *, since_ms: int = 0
    ) -> Count:
        """Count one error; repeating it with the same id changes nothing (1).

        What is used up is said of errors made after ``since_ms``.

        Raises:
            ColdError: the server knows nothing of the agent's errors (2).
        """
        if not error_id:
            raise ValueError("error_id is empty: an error without a name would count twice")
        now, times = await self._ask(agent, {error_id: 0})
        return Count(now, read_budget(times, now, budget, since_ms=since_ms))

    async def read(self, agent: str, budget: ErrorBudget, *, since_ms: int = 0) -> BudgetReading:
        """Look without counting; errors as ``count``."""
        now, times = await self._ask(agent, {})
        return read_budget(times, now, budget, since_ms=since_ms)

    async def _ask(
        self, agent: str, errors: Mapping[str, int], *, seed: bool = False
    ) -> tuple[int, list[int]]:
        pairs = [part for pair in errors.items() for part in pair]
        async with answered():
            code, now, times = await self._budget(
                keys=[RedisKeys.agent_errors(agent)],
                args=[ERROR_BUDGET_MAX, TIMEOUT_MS_MAX, int(seed), *pairs],  # (3) the newest ones
            )
        if int(code) < 0:
            raise ColdError(f"nothing is known of the errors of agent {agent!r}: recall them")
        return int(now), [int(each) for each in times]
