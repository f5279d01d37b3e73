"""Error budgets: how many errors within a sliding window.

The rules:

1. An error counts once, however often it is reported: it has an id.
2. The budget is spent when there are more errors in the window than it allows.
3. Exactly one error is told that it was the one too many, also when it is reported again.
4. An emptied server forgets the window. Whoever reseeds the guard reports the errors of
   the window again, under the same ids.
"""

from __future__ import annotations

from dataclasses import dataclass

from redis.asyncio import Redis

from dsl.core import ErrorBudget, RedisKeys
from integrations.dragonfly.client import answered
from integrations.dragonfly.lua import script


@dataclass(frozen=True, slots=True)
class BudgetReading:
    """How much of a budget is used up."""

    errors: int
    limit: int
    is_spent: bool  # (2) more than it allows
    is_first: bool  # (3) told to exactly one


class Budgets:
    """Counts errors of an agent (or of anything with a name)."""

    def __init__(self, client: Redis) -> None:
        self._budget = script(client, "budget")

    async def spend(self, agent: str, event_id: str, budget: ErrorBudget) -> BudgetReading:
        """Count one error; repeating it with the same ``event_id`` changes nothing (1)."""
        if not event_id:
            raise ValueError("event_id is empty: an error without a name would count twice")
        return await self._ask(agent, event_id, budget)

    async def read(self, agent: str, budget: ErrorBudget) -> BudgetReading:
        """Look without counting."""
        return await self._ask(agent, "", budget)

    async def _ask(self, agent: str, event_id: str, budget: ErrorBudget) -> BudgetReading:
        async with answered():
            errors, over, first = await self._budget(
                keys=[RedisKeys.agent_errors(agent), RedisKeys.agent_budget_tripped(agent)],
                args=[event_id, budget.window_ms, budget.errors],
            )
        return BudgetReading(
            errors=int(errors), limit=budget.errors, is_spent=bool(over), is_first=bool(first)
        )
