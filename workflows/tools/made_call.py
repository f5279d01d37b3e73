"""One call that was let through: made, and made again where nobody knows whether it was.

1. What nobody has heard the end of may have been made, whatever comes of a later attempt that was
   not. It is made again where its operator says that this is to make it once; else a person says
   what happened.
2. Where the stage ends over a call, what was heard of it by then is kept: it may have been made.
3. At T3 and T4 the worker of these makes it, which is handed all that it verifies again.
4. Up to T2 the intent goes with the call where one process makes calls and writes the ledger, as
   its policy says: it is there before the call is made, and no workflow task lies between. Where it
   did not get there it is recorded first, as elsewhere, and the stage tries no more
   (``activities.tools.intents``).
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from temporalio.exceptions import ActivityError

from activities.contracts import messages, specs, tool_specs
from dsl.core import Tier
from dsl.rules.tools.calls import CallRefusedError, Occurrence
from dsl.rules.tools.journal import CallAnswer, CallStatus
from dsl.shown.surfaces import Markdown
from dsl.values.sizes import sentence
from workflows.runtime import failures
from workflows.runtime.phase_told import phase_told
from workflows.tools.call_facts import Decision
from workflows.tools.calls_told import CallsTold, had, not_made


@dataclass(frozen=True, slots=True)
class Leave:
    """Why a call may be made: people have approved it, or nobody had to be asked."""

    good_until_ms: int = 0  # 0: nobody was asked
    approval: messages.Approval | None = None  # the votes, where all of them are proven


class CallMaker:
    """Has the calls of one stage made."""

    def __init__(self, request: messages.AgentRequest, told: CallsTold) -> None:
        self._request = request
        self._told = told
        self._made = 0
        # (4) no intent goes with its call
        self._is_apart = request.step.tier >= Tier.T3 or not request.ledger_beside
        self.cut_short: dict[str, CallAnswer] = {}  # by occurrence (2)

    def goes_along(self, occurrence: Occurrence) -> bool:
        """Tell whether the intent is tried to be recorded by whoever makes the call (4)."""
        return occurrence.call.name in self._request.tools and not self._is_apart

    async def make_at_once(
        self, decision: Decision, gate: str, entity: str, leave: Leave
    ) -> CallAnswer | str | None:
        """Have the intent recorded and the call made in one (4).

        Returns:
            What became of it; a text: why nothing was called; None: nothing was, for the intent has
            to be recorded first.
        """
        occurrence = decision.occurrence
        try:
            with self._told.claimed(occurrence) as effect:
                along = self._told.take_intent(decision, gate, effect)
                made = await self._once(occurrence, entity, leave, along=along)
        except CallRefusedError as error:
            return str(error)
        if made.recorded is None:
            self._is_apart = True
            if made.answer.status is CallStatus.NOT_MADE:
                return None
            if not await self._is_recorded(occurrence, made):
                return self._told.outcome(occurrence, made)
        elif effect in made.recorded.taken:
            return had(effect, made.recorded.taken[effect])
        return await self.make(occurrence, entity, leave, first=made)

    async def _is_recorded(self, occurrence: Occurrence, made: tool_specs.CallMade) -> bool:
        """Have the intent recorded of a call that may have been made: not again before (1)."""
        try:
            return await self._told.intend_late(occurrence)
        except asyncio.CancelledError:
            self.cut_short[occurrence.digest()] = self._told.outcome(occurrence, made)  # (2) kept
            raise

    async def make(
        self,
        occurrence: Occurrence,
        entity: str,
        leave: Leave,
        first: tool_specs.CallMade | None = None,
    ) -> CallAnswer:
        """Have the call made, and note what became of it; ``first``: it was, once."""
        call = occurrence.call
        known = self._request.tools.get(call.name)
        if known is None:
            return self._told.outcome(occurrence, not_made(f"{call.name} was not declared"))
        made = first or await self._once(occurrence, entity, leave)
        for _ in range(known.attempts_max - 1):
            if made.answer.status is not CallStatus.UNKNOWN:
                break
            again = await self._once(occurrence, entity, leave, made)
            if again is made:
                break
            made = again
        answer = self._told.outcome(occurrence, made)
        if answer.status is CallStatus.NOT_MADE:
            await self._told.let_go(occurrence)
        return answer

    async def _once(
        self,
        occurrence: Occurrence,
        entity: str,
        leave: Leave,
        unknown: tool_specs.CallMade | None = None,
        along: tuple[messages.EntryDraft, ...] = (),
    ) -> tool_specs.CallMade:
        """Make one attempt, after one of which nobody knows, if any; ``along``: its intent (4)."""
        step, call = self._request.step, occurrence.call
        self._made += 1
        name = f"{step.path}/call#{self._made}"
        late: list[tool_specs.CallMade] = []

        def heard_late(answer: tool_specs.CallMade | ActivityError) -> None:
            late.append(answer if isinstance(answer, tool_specs.CallMade) else _unheard(answer))

        try:
            made = await tool_specs.call(
                tool_specs.CallRequest(
                    occurrence=occurrence,
                    digest=occurrence.digest(),
                    agent=self._request.agent,
                    entity=entity,
                    tier=step.tier,
                    good_until_ms=leave.good_until_ms,
                    stage=self._stage(entity) if step.tier >= Tier.T3 else None,
                    approval=leave.approval if step.tier >= Tier.T3 else None,
                    record=messages.RecordRequest(entries=along) if along else None,
                ),
                activity_id=name,
                summary=Markdown.of("{} calls {}", step.path, call.name),
                limit=tool_specs.limit_of(self._request.tools[call.name]),
                queue=specs.QUEUE_T3 if step.tier >= Tier.T3 else None,  # (3) trusts no workflow
                heard_late=heard_late,
            )
        except ActivityError as error:
            made = _unheard(error)
        except asyncio.CancelledError:  # noted all the same
            made = late[0] if late else not_made("it was cancelled")
            self._told.heard_of_intent(occurrence, along, name, made)
            told = self._told.outcome(occurrence, _of_both(unknown, made))
            self.cut_short[occurrence.digest()] = told  # (2) kept
            raise
        self._told.heard_of_intent(occurrence, along, name, made)
        return _of_both(unknown, made)

    def _stage(self, entity: str) -> messages.PhaseRequest:
        """Return what the stage rests on, for a worker that verifies it again (3)."""
        return phase_told(self._request, authority=messages.Authority(), entity=entity)


def _of_both(unknown: tool_specs.CallMade | None, made: tool_specs.CallMade) -> tool_specs.CallMade:
    """Return what is known after another attempt (1)."""
    return unknown if unknown and made.answer.status is CallStatus.NOT_MADE else made


def _unheard(error: ActivityError) -> tool_specs.CallMade:
    """Return what became of a call of which nobody has heard the end (1)."""
    why = sentence(f"it may have been made: {failures.cause_of(error)[1]}")
    return tool_specs.CallMade(answer=CallAnswer(status=CallStatus.UNKNOWN, text=why))
