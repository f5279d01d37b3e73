"""What counting an error of an agent costs, before a real store."""

from __future__ import annotations

import secrets
import statistics
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from dsl.core import ErrorBudget
from dsl.limits import ERROR_BUDGET_MAX
from integrations.dragonfly.budgets import Budgets
from integrations.dragonfly.client import connect

ERRORS: Final = 2_000  # of which the store keeps as many as the largest budget allows
_BUDGET: Final = ErrorBudget(errors=ERROR_BUDGET_MAX, window_ms=3_600_000)


async def count_figures(env: Mapping[str, str]) -> dict[str, float]:
    """Count errors of one agent, one after another."""
    client = connect(env["MANDATE_DRAGONFLY_URL"], Path(env["MANDATE_DRAGONFLY_PASSWORD_FILE"]))
    budgets, agent = Budgets(client), f"bench-{secrets.token_hex(8)}"
    times = []
    try:
        await budgets.recall(agent, {})
        for number in range(ERRORS):
            asked = time.perf_counter()
            await budgets.count(agent, f"error-{number}", _BUDGET)
            times.append((time.perf_counter() - asked) * 1000)
    finally:
        await client.aclose()
    return {
        "count_p50_ms": statistics.median(times),
        "count_p99_ms": sorted(times)[int(len(times) * 0.99)],
    }
