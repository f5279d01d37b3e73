"""How long an agent has to end that is told to: as its sandbox says, unless somebody hurries."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import pytest

from integrations.agents.contract.log import Left
from integrations.agents.contract.protocol import AgentError, Event
from integrations.agents.sandbox.spec import SandboxSpec

TIDY = b"all is tidy"
LIMIT_S = 6  # it is at work by then, also on a busy machine
GRACE_S = 30.0  # far more than it takes, so that only its own end ends the waiting
HURRIED_S = 5.0  # the shortest grace, on a busy machine; far less than the longest


async def yes() -> bool:
    return True


async def no() -> bool:
    return False


async def silence() -> bool:
    await asyncio.Event().wait()
    return True


class AtWork:
    """An agent that takes a second to tidy up, or for ever."""

    def __init__(self, run: Any, do: str, grace_s: float, namespaces: bool, **options: Any) -> None:
        self._begun = asyncio.Event()
        self.left: list[Left] = []
        sandbox = SandboxSpec(grace_s=grace_s, namespaces=namespaces)
        self.task = asyncio.ensure_future(
            run(
                "hostile",
                {"do": do, "mark": "grace"},
                sandbox=sandbox,
                on_event=self._hear,
                on_left=self.left.append,
                timeout_s=60,
                **options,
            )
        )

    def _hear(self, _event: Event) -> None:
        self._begun.set()

    async def cancelled(self, times: int = 1) -> float:
        """Cancel it at work; return how long that took."""
        await self._begun.wait()
        began = time.monotonic()
        for _ in range(times):
            self.task.cancel()
            await asyncio.wait((self.task,), timeout=1.0)
        with pytest.raises(asyncio.CancelledError):
            await self.task
        return time.monotonic() - began


async def test_one_that_is_cancelled_may_tidy_up(run: Any, namespaces: bool):
    agent = AtWork(run, "tidies_up", GRACE_S, namespaces, unhurried=yes)
    await agent.cancelled()

    assert TIDY in agent.left[0].log


@pytest.mark.parametrize("unhurried", [no, silence, None], ids=["revoked", "nobody-knows", "none"])
async def test_one_that_may_be_revoked_may_not(run: Any, namespaces: bool, unhurried: Any):
    agent = AtWork(run, "tidies_up", GRACE_S, namespaces, unhurried=unhurried)
    await agent.cancelled()

    assert TIDY not in agent.left[0].log


async def test_whoever_cancels_again_ends_the_grace(run: Any, namespaces: bool):
    agent = AtWork(run, "ignore_sigterm", GRACE_S, namespaces, unhurried=yes)

    assert await agent.cancelled(times=2) < 1 + HURRIED_S


async def test_the_grace_ends(run: Any, namespaces: bool):
    agent = AtWork(run, "ignore_sigterm", 2.0, namespaces, unhurried=yes)

    assert 2.0 <= await agent.cancelled() < 2 + HURRIED_S


async def test_one_that_is_out_of_time_may_tidy_up(run: Any, namespaces: bool):
    left: list[Left] = []
    sandbox = SandboxSpec(grace_s=GRACE_S, namespaces=namespaces)
    with pytest.raises(AgentError, match=f"no result in {LIMIT_S} s"):
        await run(
            "hostile",
            {"do": "tidies_up"},
            sandbox=sandbox,
            timeout_s=LIMIT_S,
            on_left=left.append,
        )

    assert TIDY in left[0].log
