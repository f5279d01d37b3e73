"""``tool.call``: one call that was let through, made of its server, and what became of it.

1. What is sent is what was decided on: the digest of the occurrence is computed anew.
2. An approval is good for a while, by the clock of this worker as well.
3. A call is made by one attempt. Another one, after a worker that died, cannot know what was done
   by then: the outcome is unknown. Whatever keeps an attempt from making the call is told, and
   fails nothing.
4. One that is cancelled says how far it had come.
5. An answer that is too long for history is put into the artefact store. Where that keeps nothing
   the call was made all the same.
6. A call of T3 or T4 is made by the worker of these alone, which verifies what it rests on: see
   ``activities.phases.tools.proven_calls``. What came of it is noted by the attempt that was let
   through alone, of the tool as it was declared then: one that was refused has claimed nothing.
7. A server that is up already serves the stage that asks, by the server's word for which that is.
8. What nobody was to read is read here, and goes to the server alone.
9. So many are made at once. One that finds no place in time is not made, and its agent is told.
10. An intent that is handed along is on the ledger first, and its effect nobody else's; otherwise
    nothing is called, and the answer says so.
"""

from __future__ import annotations

import asyncio
import time
from contextlib import suppress
from dataclasses import dataclass
from typing import Protocol

from temporalio import activity

from activities.contracts import specs, tool_specs
from activities.contracts.messages import RecordResult
from activities.health.places import CALLS_MAX, Places
from activities.runtime.boundary import governed
from activities.tools.handed import handed_to
from activities.tools.intents import Intents
from dsl.core import Tier
from dsl.limits import TOOL_ANSWER_INLINE_BYTES_MAX
from dsl.rules.tools.calls import CallRefusedError, ToolCall
from dsl.rules.tools.journal import CallAnswer, CallStatus
from dsl.rules.tools.sealed import opened
from dsl.steps.tools import KnownTool
from dsl.tools.folders import ToolFolders
from dsl.tools.servers import KnownServer
from dsl.values.sizes import sentence
from integrations.artifacts.store import Artifacts
from integrations.errors import DeniedError, IntegrationError
from integrations.tools.calling import make_call
from integrations.tools.serving import Surroundings
from integrations.tools.warm import WarmServers, Whom
from integrations.tools.wire import OutcomeUnknownError
from integrations.vault.credentials.issuer import CredentialIssuer

STOOD_STILL_S = specs.HEARTBEAT_TIMEOUT.total_seconds()
MEDIA_TYPE = "text/plain; charset=utf-8"


class Proving(Protocol):
    """Takes nobody's word for a call."""

    async def require(self, request: tool_specs.CallRequest, known: KnownTool) -> None:
        """Let it through, and note that it is about to be made."""

    async def settle(
        self, request: tool_specs.CallRequest, known: KnownTool, status: CallStatus
    ) -> None:
        """Note what came of it."""


@dataclass(slots=True)
class _Way:
    """How far one attempt has come."""

    let_through: KnownTool | None = None  # as it was declared when it was; T3 and T4 alone (6)
    is_sent: bool = False

    def send(self) -> None:
        self.is_sent = True

    @property
    def status(self) -> CallStatus:
        """What is known of a call that has no answer."""
        return CallStatus.UNKNOWN if self.is_sent else CallStatus.NOT_MADE


class ToolCalls:
    """Makes calls, as a client of the declared servers."""

    def __init__(
        self,
        folders: ToolFolders,
        around: Surroundings,
        artifacts: Artifacts,
        *,
        issuer: CredentialIssuer | None = None,
        warm: WarmServers | None = None,
        proven: Proving | None = None,
        intents: Intents | None = None,
    ) -> None:
        """Prepare; ``warm`` is its owner's to close. Without it a server is started for a call.

        ``issuer`` mints for what servers are handed; without it they are handed nothing.
        ``proven``: makes calls of T3 and T4, and no others. ``intents``: of those up to T2.
        """
        self._intents = intents or Intents()
        self._proven = proven
        self._issuer = issuer
        self._folders = folders
        self._around = around
        self._artifacts = artifacts
        self._warm = warm
        self._places = Places("calls of tools", CALLS_MAX)

    @activity.defn(name=tool_specs.call.name)
    @governed
    async def call(self, request: tool_specs.CallRequest) -> tool_specs.CallMade:
        """Make the call, once."""
        recorded = None
        if request.record is not None:  # (10) on the ledger first
            is_first, began = activity.info().attempt == 1, time.monotonic()
            try:
                recorded = await self._intents.record(request)
            except asyncio.CancelledError:
                if is_first:
                    return _uncalled("it was cancelled")
            if recorded is None and is_first:
                return _uncalled("its intent has to be recorded first")
            if recorded is not None and recorded.taken:
                return _uncalled("its effect is another call's", recorded)
            if is_first and time.monotonic() - began > STOOD_STILL_S:  # (3) another may have begun
                return _uncalled("its worker stood still", recorded)
        made = await self._called(request)
        return made if recorded is None else made.model_copy(update={"recorded": recorded})

    async def _called(self, request: tool_specs.CallRequest) -> tool_specs.CallMade:
        began = time.monotonic()
        way = _Way()
        try:
            answer = await self._made(request, way)
        except OutcomeUnknownError as error:
            answer = _said(CallStatus.UNKNOWN, f"it may have been made: {error}")
        except IntegrationError as error:
            answer = _said(way.status, str(error))
        except asyncio.CancelledError:  # (4) how far it had come
            answer = _said(
                way.status, "it was cancelled" + (" while it was made" if way.is_sent else "")
            )
        await self._settle(request, way, answer.status)
        return tool_specs.CallMade(answer=answer, took_ms=round((time.monotonic() - began) * 1_000))

    async def _made(self, request: tool_specs.CallRequest, way: _Way) -> CallAnswer:
        info = activity.info()
        if info.workflow_type != specs.AGENT_WORKFLOW:
            raise DeniedError(f"only the stage of an agent calls tools, not {info.workflow_type!r}")
        if info.attempt > 1:  # (3) nobody knows what was done by then
            return _said(CallStatus.UNKNOWN, "it may have been made: its worker died meanwhile")
        async with self._places.one():  # (9) so many at once
            return await self._placed(request, way)

    async def _placed(self, request: tool_specs.CallRequest, way: _Way) -> CallAnswer:
        info, call = activity.info(), request.occurrence.call
        if request.occurrence.digest() != request.digest:  # (1) what was decided on
            raise DeniedError(f"call {call.name}: another occurrence was decided on")
        if request.good_until_ms and time.time() * 1_000 > request.good_until_ms:
            raise DeniedError(f"call {call.name}: its approval has expired")
        if (request.tier >= Tier.T3) != (self._proven is not None):  # (6) by its own worker
            queue = specs.QUEUE_T3 if request.tier >= Tier.T3 else specs.QUEUE
            raise DeniedError(f"a call at {request.tier.name} is made on queue {queue}")
        known = await asyncio.to_thread(self._known, call.server)
        needed = known.server.tier_of(call.tool)
        if needed > request.tier:
            raise DeniedError(
                f"{call.name} asks for {needed.name}, and the stage has {request.tier.name}"
            )
        if self._proven is not None:  # (6) nobody's word is taken
            tool = known.server.known_of(call.tool)
            await self._proven.require(request, tool)
            way.let_through = tool
        stage = (info.workflow_id or "", info.workflow_run_id or "")  # (7) the server's word
        whom = Whom(request.agent, *stage, request.tier)
        unsealed = await asyncio.to_thread(self._unsealed, call)  # (8) by nobody before
        async with handed_to(known.server, request, self._issuer) as secrets:
            answer = await make_call(
                unsealed,
                known,
                self._around,
                environment=secrets,
                lend=None if self._warm is None else self._warm.to(whom),
                sends=way.send,
            )
        status = CallStatus.OK if answer.ok else CallStatus.ERROR
        return await self._kept(status, answer.text)

    async def _settle(self, request: tool_specs.CallRequest, way: _Way, status: CallStatus) -> None:
        """Note what came of a call of T3 or T4; what cannot be noted stands as asked (6)."""
        if self._proven is not None and way.let_through is not None:
            with suppress(IntegrationError):
                await self._proven.settle(request, way.let_through, status)

    def _unsealed(self, call: ToolCall) -> ToolCall:
        try:
            arguments = opened(call.arguments, self._artifacts.get)
        except CallRefusedError as error:
            raise DeniedError(f"call {call.name}: {error}") from None
        return call.model_copy(update={"arguments": arguments})

    def _known(self, name: str) -> KnownServer:
        found = self._folders.named(name)
        file = found.files.get(name)
        if file is None:
            why = found.refused.get(name, "nobody has declared it")
            raise DeniedError(f"tool server {name!r}: {why}")
        return file.known()

    async def _kept(self, status: CallStatus, text: str) -> CallAnswer:
        data = text.encode(errors="replace")
        if len(data) <= TOOL_ANSWER_INLINE_BYTES_MAX:
            return CallAnswer(status=status, text=data.decode())
        try:
            stored = await asyncio.to_thread(self._artifacts.put, data, MEDIA_TYPE)
        except IntegrationError as error:  # (5) it was made all the same
            return _said(status, f"the call was made, and its answer cannot be kept: {error}")
        return CallAnswer(status=status, digest=stored.digest, size=len(data))


def _uncalled(why: str, recorded: RecordResult | None = None) -> tool_specs.CallMade:
    return tool_specs.CallMade(answer=_said(CallStatus.NOT_MADE, why), recorded=recorded)


def _said(status: CallStatus, why: str) -> CallAnswer:
    return CallAnswer(status=status, text=sentence(why))
