"""Handing the calls of a program to its own workflow, which decides on them (docs/adr/0048).

1. This attempt has a chain of its own, of which it tells the head with every sign of life. No call
   goes out before the server keeps that.
2. The id of an update is of this attempt and this call: sent again, it is the same call.
3. A server that does not answer is asked again; it ends no program. A call that the workflow does
   not take is denied, and the next one goes out with a chain of its own: the link was shown.
4. Only EXECUTE acts: in other phases a call is denied here.
5. An answer that is too long for history is read from the artefact store.
6. What is too large to be handed over is handed over as what was refused, and why.
7. Arguments that nobody is to read are sealed before they leave this process.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Mapping
from contextlib import suppress
from typing import Any, Final

from pydantic import ValidationError
from temporalio import activity
from temporalio.client import (
    WorkflowHandle,
    WorkflowUpdateFailedError,
    WorkflowUpdateRPCTimeoutOrCancelledError,
)
from temporalio.exceptions import ApplicationError
from temporalio.service import RPCError, RPCStatusCode

from activities.contracts import messages, tool_specs
from activities.phases.equipment import Equipment
from activities.phases.heartbeat import Pulse
from activities.phases.tools.sealing import SEALS, Sealing
from activities.runtime.signs_of_life import chain_in, details_of
from dsl.core import AgentPhase
from dsl.limits import TOOL_CALLS_ASKED_MAX
from dsl.rules.tools.calls import CallRefusedError
from dsl.rules.tools.chain import Chain
from dsl.rules.tools.journal import CallAnswer, CallStatus
from dsl.values.model_faults import fault_of
from integrations.agents.contract.calls import AskedCall, CallTold, OnCall
from integrations.artifacts.spent import SpentCalls
from integrations.errors import IntegrationError, UnavailableError

SHOWN_EVERY_S: Final = 0.05
AGAIN_S: Final = 0.5
_LINK_BYTES: Final = 32
_WHY_MAX: Final = 500  # characters
_NAME_SHOWN_MAX: Final = 60  # likewise


class Handing:
    """Hands over the calls of one try."""

    def __init__(
        self, equipment: Equipment, phase: AgentPhase, pulse: Pulse, servers: frozenset[str]
    ) -> None:
        """Prepare; ``servers`` are those that some rule lets be called."""
        self._equipment = equipment
        self._phase = phase
        self._ordinal = 0
        self._pulse = pulse
        info = activity.info()
        self._handle: WorkflowHandle[Any, Any] = activity.client().get_workflow_handle(
            info.workflow_id or "", run_id=info.workflow_run_id
        )
        self._sealing = Sealing(  # (7) before they leave this process
            equipment.tools,
            equipment.artifacts,
            SpentCalls(equipment.settings.artifacts, SEALS),
            info.workflow_id or "",
            servers,
        )
        self._begin_anew()

    async def make(self, asked: AskedCall) -> CallTold:
        """Wait until the call was made, or is known not to be."""
        if self._phase is not AgentPhase.EXECUTE:  # (4) only EXECUTE acts
            return CallTold(CallStatus.DENIED, f"{self._phase} calls no tools: wait for EXECUTE")
        link = self._chain.next
        if link is None:
            return CallTold(CallStatus.DENIED, f"it has called {TOOL_CALLS_ASKED_MAX} times")
        self._ordinal += 1
        try:
            arguments = await self._sealing.of(asked.server, asked.tool, asked.arguments)
            message = tool_specs.CallMessage(
                link=link,
                ordinal=self._ordinal,
                server=asked.server,
                tool=asked.tool,
                arguments=arguments,
                purpose=asked.purpose,
            )
        except (ValidationError, CallRefusedError, IntegrationError) as error:
            why = fault_of(error) if isinstance(error, ValidationError) else str(error)
            message = tool_specs.CallMessage(  # (6) so that it stands on the ledger
                link=link,
                ordinal=self._ordinal,
                server=ascii(asked.server)[:_NAME_SHOWN_MAX],
                tool=ascii(asked.tool)[:_NAME_SHOWN_MAX],
                arguments={},
                refused=f"the call cannot be handed over: {why}"[:_WHY_MAX],
            )
        return await self._told(await self._answer(message))

    async def _answer(self, message: tool_specs.CallMessage) -> CallAnswer:
        await self._until_kept()
        info = activity.info()
        # (2) the same call, sent again
        update = f"{info.activity_id}.{info.attempt}/{self._chain.head[:12]}/{message.ordinal}"
        while True:
            try:
                found: Mapping[str, Any] = await self._handle.execute_update(
                    tool_specs.CALL, message, id=update
                )
                self._chain.shown()
                return CallAnswer.model_validate(found)
            except WorkflowUpdateFailedError as error:  # (3) not taken
                self._begin_anew()
                cause = error.cause
                why = cause.message if isinstance(cause, ApplicationError) else str(cause)
                return CallAnswer(status=CallStatus.DENIED, text=why[:_WHY_MAX])
            except WorkflowUpdateRPCTimeoutOrCancelledError:
                if _is_cancelled():
                    raise asyncio.CancelledError from None
                await asyncio.sleep(AGAIN_S)  # (3) asked again
            except RPCError as error:
                if error.status in (RPCStatusCode.NOT_FOUND, RPCStatusCode.INVALID_ARGUMENT):
                    return CallAnswer(
                        status=CallStatus.DENIED, text=f"not taken: {error}"[:_WHY_MAX]
                    )
                await asyncio.sleep(AGAIN_S)  # (3) asked again

    def _begin_anew(self) -> None:
        """Tell the head of another chain with every sign of life from now on (1)."""
        self._chain, self._is_kept = _new_chain(), False
        self._pulse.show(tool_specs.ChainHead(chain=self._chain.head))

    async def _until_kept(self) -> None:
        """Wait until the server keeps the head of the chain (1)."""
        info = activity.info()
        while not self._is_kept:
            with suppress(UnavailableError):
                own = (info.workflow_id or "", info.workflow_run_id or "")
                found = await details_of(activity.client(), *own)
                self._is_kept = self._chain.head in map(chain_in, found)
            if not self._is_kept:
                await asyncio.sleep(SHOWN_EVERY_S)

    async def _told(self, answer: CallAnswer) -> CallTold:
        if not answer.digest:
            return CallTold(answer.status, answer.text)
        try:  # (5) too long for history
            data = await asyncio.to_thread(self._equipment.artifacts.get, answer.digest)
        except IntegrationError as error:
            return CallTold(answer.status, f"the call was made, and its answer is gone: {error}")
        return CallTold(answer.status, data.decode(errors="replace"))


def handing_of(
    equipment: Equipment, request: messages.PhaseRequest, phase: AgentPhase, pulse: Pulse
) -> OnCall | None:
    """Return what hands over the calls of a try; None: its stage calls nothing."""
    servers = frozenset(each.server for each in request.step.tools if each.policy != "deny")
    return Handing(equipment, phase, pulse, servers).make if request.step.tools else None


def _is_cancelled() -> bool:
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0


def _new_chain() -> Chain:
    return Chain(secrets.token_bytes(_LINK_BYTES), TOOL_CALLS_ASKED_MAX)
