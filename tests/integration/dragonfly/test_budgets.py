"""How errors are kept, on a real Valkey."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

import pytest
from redis.asyncio import Redis

from dsl.core import ErrorBudget, RedisKeys
from dsl.limits import ERROR_BUDGET_MAX, TIMEOUT_MS_MAX
from integrations.dragonfly.budgets import Budgets
from integrations.errors import ColdError
from tests.fixtures.dragonfly.holders import new_name
from tests.fixtures.servers.valkey import ValkeyProcess
from tests.integration.stack.probes import eventually

TWO = ErrorBudget(errors=2, window_ms=60_000)
LONG, SHORT = ErrorBudget(errors=2, window_ms=60_000), ErrorBudget(errors=2, window_ms=50)


async def known(client: Redis) -> tuple[str, Budgets]:
    agent, budgets = new_name("agent"), Budgets(client)
    await budgets.recall(agent, {})
    return agent, budgets


async def test_a_budget_is_spent_by_as_many_errors_as_it_allows(dragonfly: Redis) -> None:
    agent, budgets = await known(dragonfly)

    readings = [(await budgets.count(agent, f"e{number}", TWO)).reading for number in range(3)]

    assert [each.errors for each in readings] == [1, 2, 3]
    assert [each.is_spent for each in readings] == [False, True, True]


async def test_an_error_that_is_counted_again_counts_once(dragonfly: Redis) -> None:
    agent, budgets = await known(dragonfly)

    counts = await asyncio.gather(*(budgets.count(agent, "e1", TWO) for _ in range(20)))

    assert {each.reading.errors for each in counts} == {1}


async def test_each_stage_asks_about_its_own_window(dragonfly: Redis) -> None:
    agent, budgets = await known(dragonfly)
    first = await budgets.count(agent, "e1", SHORT)
    second = await budgets.count(agent, "e2", LONG)

    async def is_over() -> bool:
        return not (await budgets.read(agent, SHORT)).errors

    await eventually(is_over)
    assert (await budgets.read(agent, LONG)).is_spent
    assert first.now_ms <= second.now_ms


async def test_looking_counts_nothing(dragonfly: Redis) -> None:
    agent, budgets = await known(dragonfly)

    for _ in range(3):
        assert (await budgets.read(agent, TWO)).errors == 0


async def test_an_emptied_server_says_nothing_until_the_ledger_has(
    private_valkey: Callable[..., ValkeyProcess],
) -> None:
    server = private_valkey()
    async with server.client() as client:
        agent, budgets = await known(client)
        made = {each: (await budgets.count(agent, each, TWO)).now_ms for each in ("e1", "e2")}

        server.stop()
        server.start()
        for _ in range(2):
            with pytest.raises(ColdError, match="recall"):
                await budgets.read(agent, TWO)
            with pytest.raises(ColdError, match="recall"):
                await budgets.count(agent, "e3", TWO)
        await budgets.recall(agent, made)

        assert (await budgets.read(agent, TWO)).is_spent
        assert (await budgets.count(agent, "e2", TWO)).reading.errors == 2


async def test_what_the_ledger_says_later_moves_no_error(dragonfly: Redis) -> None:
    agent, budgets = await known(dragonfly)
    await budgets.recall(agent, {"e1": 1_000})

    await budgets.recall(agent, {"e1": int(time.time() * 1000)})

    assert (await budgets.read(agent, TWO)).errors == 0


async def test_an_error_of_the_future_is_one_of_now(dragonfly: Redis) -> None:
    agent, budgets = await known(dragonfly)

    await budgets.recall(agent, {"e1": 1 << 52})

    assert (await budgets.read(agent, TWO)).free_in_ms == 0
    assert (await budgets.read(agent, TWO)).errors == 1


async def test_no_more_is_kept_than_the_largest_budget_needs(dragonfly: Redis) -> None:
    agent, budgets = await known(dragonfly)
    most = ErrorBudget(errors=ERROR_BUDGET_MAX, window_ms=60_000)

    for number in range(ERROR_BUDGET_MAX + 5):
        count = await budgets.count(agent, f"e{number}", most)

    key = RedisKeys.agent_errors(agent)
    assert count.reading.errors == ERROR_BUDGET_MAX
    assert await dragonfly.zcard(key) == ERROR_BUDGET_MAX + 1  # and that it was seeded
    assert 0 < await dragonfly.pttl(key) <= TIMEOUT_MS_MAX


async def test_an_error_without_a_name_is_refused(dragonfly: Redis) -> None:
    with pytest.raises(ValueError, match="error_id"):
        await Budgets(dragonfly).count(new_name("agent"), "", TWO)
