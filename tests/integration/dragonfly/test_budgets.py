"""How errors are counted, on a real Valkey."""

from __future__ import annotations

import asyncio

import pytest
from redis.asyncio import Redis

from dsl.core import ErrorBudget, RedisKeys
from integrations.dragonfly.budgets import BudgetReading, Budgets
from tests.fixtures.dragonfly.holders import new_name

TWO = ErrorBudget(errors=2, window_ms=60_000)


async def test_a_budget_is_spent_by_one_error_more_than_it_allows(dragonfly: Redis) -> None:
    agent, budgets = new_name("agent"), Budgets(dragonfly)

    readings = [await budgets.spend(agent, f"e{number}", TWO) for number in range(4)]

    assert [reading.is_spent for reading in readings] == [False, False, True, True]
    assert [reading.is_first for reading in readings] == [False, False, True, False]


async def test_the_same_error_counts_once(dragonfly: Redis) -> None:
    agent, budgets = new_name("agent"), Budgets(dragonfly)

    readings = [await budgets.spend(agent, "e1", TWO) for _ in range(5)]

    assert {reading.errors for reading in readings} == {1}


async def test_the_error_that_was_one_too_many_hears_so_each_time(dragonfly: Redis) -> None:
    agent, budgets = new_name("agent"), Budgets(dragonfly)
    none = ErrorBudget(errors=0, window_ms=60_000)

    assert (await budgets.spend(agent, "e1", none)).is_first
    assert not (await budgets.spend(agent, "e2", none)).is_first
    assert (await budgets.spend(agent, "e1", none)).is_first


async def test_errors_leave_the_window_one_by_one_and_repeating_one_does_not_keep_it(
    dragonfly: Redis,
) -> None:
    agent, budgets = new_name("agent"), Budgets(dragonfly)
    short = ErrorBudget(errors=1, window_ms=1_000)

    await budgets.spend(agent, "e1", short)
    await asyncio.sleep(0.6)
    assert (await budgets.spend(agent, "e2", short)).is_spent
    await budgets.spend(agent, "e1", short)
    await asyncio.sleep(0.6)

    assert await budgets.read(agent, short) == BudgetReading(
        errors=1, limit=1, is_spent=False, is_first=False
    )


async def test_looking_counts_nothing(dragonfly: Redis) -> None:
    agent, budgets = new_name("agent"), Budgets(dragonfly)

    for _ in range(5):
        assert (await budgets.read(agent, TWO)).errors == 0
    assert not await dragonfly.exists(RedisKeys.agent_errors(agent))


async def test_a_window_leaves_nothing_behind(dragonfly: Redis) -> None:
    agent = new_name("agent")
    short = ErrorBudget(errors=0, window_ms=50)
    await Budgets(dragonfly).spend(agent, "e1", short)

    await asyncio.sleep(0.08)

    keys = (RedisKeys.agent_errors(agent), RedisKeys.agent_budget_tripped(agent))
    assert not await dragonfly.exists(*keys)


async def test_an_error_without_a_name_is_refused(dragonfly: Redis) -> None:
    with pytest.raises(ValueError, match="event_id"):
        await Budgets(dragonfly).spend(new_name("agent"), "", TWO)


async def test_many_at_once_are_all_counted_and_one_is_the_first(dragonfly: Redis) -> None:
    agent, budgets = new_name("agent"), Budgets(dragonfly)

    readings = await asyncio.gather(
        *(budgets.spend(agent, f"e{number}", TWO) for number in range(20))
    )

    assert sorted(reading.errors for reading in readings) == list(range(1, 21))
    assert sum(reading.is_first for reading in readings) == 1
