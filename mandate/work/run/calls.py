"""Calls of tools of a run: what was decided, what became of them, and how long it took.

Each stage is asked for its own; one that does not say, or says what is none, has none here. At most
``STAGES_ASKED_MAX`` stages are asked.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from itertools import islice
from typing import Final

from pydantic import BaseModel, ConfigDict, Field, StrictInt, ValidationError
from temporalio.client import Client, WorkflowQueryFailedError, WorkflowQueryRejectedError
from temporalio.service import RPCError

from dsl.limits import TOOL_CALLS_ASKED_MAX
from mandate.people.outputs import ANSWER

STAGES_ASKED_MAX: Final = 100
ASKED_AT_ONCE: Final = 16


class CallOfStage(BaseModel):
    """One call, as its stage says."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    stage: str = ""
    ordinal: StrictInt
    call: str
    policy: str
    status: str
    why: str = ""
    began_ms: StrictInt = 0
    ended_ms: StrictInt = 0

    @property
    def took_s(self) -> float | None:
        """How long it took, with the time that people thought; None: it is not over."""
        return (self.ended_ms - self.began_ms) / 1_000 if self.ended_ms else None


class _Said(BaseModel):
    calls: tuple[CallOfStage, ...] = Field(default=(), max_length=2 * TOOL_CALLS_ASKED_MAX)


async def calls_of(client: Client, workflow: str, stages: Sequence[str]) -> list[CallOfStage]:
    """Return the calls of these stages of a run, in the order of the stages."""
    turn = asyncio.Semaphore(ASKED_AT_ONCE)

    async def ask(path: str) -> tuple[CallOfStage, ...]:
        async with turn:
            handle = client.get_workflow_handle(f"{workflow}/{path}")
            try:
                said = _Said.model_validate(await handle.query("status", rpc_timeout=ANSWER))
            except (RPCError, WorkflowQueryFailedError, WorkflowQueryRejectedError):
                return ()
            except ValidationError:
                return ()
            return tuple(each.model_copy(update={"stage": path}) for each in said.calls)

    asked = islice(stages, STAGES_ASKED_MAX)
    return [each for found in await asyncio.gather(*map(ask, asked)) for each in found]
