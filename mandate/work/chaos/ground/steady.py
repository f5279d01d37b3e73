"""What must hold before an experiment and again after it, looked at from outside."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterable
from datetime import timedelta
from typing import Final

from temporalio.service import RPCError

from dsl.chaos.experiment import Steady
from dsl.core import RedisKeys
from integrations.agents.processes.roster import Roster
from integrations.dragonfly.client import answered
from integrations.errors import IntegrationError
from integrations.ledger.verify import verify
from mandate.stack.servers import http
from mandate.unanswered import words_of
from mandate.work.chaos.ground.arena import ChaosArena

BACK_WITHIN_S: Final = 45.0  # a worker that is started again and again waits up to 5 s each time
LOOK_EVERY_S: Final = 0.1
_ANSWER: Final = timedelta(seconds=2)
_OK: Final = 200
_LOCKS: Final = RedisKeys.agent_lock("*")


async def until_steady(
    arena: ChaosArena, wanted: Iterable[Steady], within_s: float = BACK_WITHIN_S
) -> dict[str, str]:
    """Wait until all of it holds; return for each what is in its way, empty where it holds."""
    end = time.monotonic() + within_s
    found: dict[str, str] = {}
    for each in wanted:
        why = await _LOOKS[each](arena)
        while why and time.monotonic() < end:
            await asyncio.sleep(LOOK_EVERY_S)
            why = await _LOOKS[each](arena)
        found[each] = why
    return found


async def _processes(arena: ChaosArena) -> str:
    away = sorted(name for name, pid in arena.stack.pids().items() if pid is None)
    deaf = [name for name in arena.workers if not arena.is_ready(name)]
    return f"not up: {', '.join(away or deaf)}" if away or deaf else ""


async def _servers(arena: ChaosArena) -> str:
    try:
        async with answered(2.0):
            await arena.dragonfly.ping()
        await arena.client.count_workflows("ExecutionStatus='Running'", rpc_timeout=_ANSWER)
    except IntegrationError as error:
        return str(error)
    except RPCError as error:
        return f"temporal: {words_of(error)}"
    status = await http.status(f"{arena.settings.vault_url}/v1/sys/health")
    return "" if status == _OK else f"vault answers {status}"


async def _ledger(arena: ChaosArena) -> str:
    try:
        report = await asyncio.to_thread(verify, arena.settings.ledger)
    except IntegrationError as error:
        return str(error)
    return "; ".join(report.problems[:3])


async def _quiet(arena: ChaosArena) -> str:
    left = [f"a process of {each.agent}" for each in Roster(arena.scratch).alive()]
    try:
        async with answered(5.0):
            left += [str(key) async for key in arena.dragonfly.scan_iter(_LOCKS, 1_000)]
    except IntegrationError as error:
        return str(error)
    return f"left: {', '.join(left[:5])}" if left else ""


_LOOKS: Final[dict[Steady, Callable[[ChaosArena], Awaitable[str]]]] = {
    Steady.PROCESSES: _processes,
    Steady.SERVERS: _servers,
    Steady.LEDGER: _ledger,
    Steady.QUIET: _quiet,
}
