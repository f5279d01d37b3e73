"""One call that was let through: put on the ledger, made, and what became of it noted.

1. Intent before effect: nothing is called that is not on the ledger.
2. The outcome is noted as soon as it is known, and is there with the next record, or with the end
   of the stage. So it is when the call was cancelled meanwhile.
3. What nobody has heard the end of may have been made, whatever comes of a later attempt that was
   not. It is made again where its operator says that this is to make it once; else a person says
   what happened.
4. One effect happens once: see ``activities.ledger.effects``. A call that was not made lets go of
   it, and the ledger is told at once. So does an intent that nothing came of.
5. Where the stage ends over a call, what was heard of it by then is kept: it may have been made.
6. At T3 and T4 the worker of these makes it, which is handed all that it verifies again.
7. Nobody is asked about a call of which the ledger knows already that its effect is another's. The
   intent decides all the same. A run that has asked people first asks them first.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Any, Final

from temporalio import workflow
from temporalio.exceptions import ActivityError

from activities.contracts import messages, specs, tool_specs
from dsl import actions
from dsl.core import Tier
from dsl.rules.tools.calls import HAPPENED, CallRefusedError, Occurrence, ToolCall
from dsl.rules.tools.effects import effect_of
from dsl.rules.tools.journal import CallAnswer, CallStatus
from dsl.shown.surfaces import Markdown
from dsl.steps.tools import KnownTool
from dsl.values.sizes import sentence
from workflows.ledger.ledger_buffer import LedgerBuffer
from workflows.runtime import failures
from workflows.runtime.phase_told import phase_told
from workflows.tools.call_facts import Decision

PATCH: Final = "effects-before-people"


@dataclass(frozen=True, slots=True)
class Leave:
    """Why a call may be made: people have approved it, or nobody had to be asked."""

    good_until_ms: int = 0  # 0: nobody was asked
    approval: messages.Approval | None = None  # the votes, where all of them are proven


class CallMaker:
    """Has the calls of one stage made."""

    def __init__(self, request: messages.AgentRequest, records: LedgerBuffer) -> None:
        self._request = request
        self._records = records
        self._made = 0
        self._claiming: dict[str, int] = {}  # effects that are asked for, and by which call
        self.cut_short: dict[str, CallAnswer] = {}  # by occurrence (5)

    def effect_of(self, call: ToolCall) -> str:
        """Return what ``call`` brings about, by name; empty: its operator has not said.

        Raises:
            CallRefusedError: it has none, and should.
        """
        known = self._request.tools.get(call.name)
        return "" if known is None or known.effect is None else effect_of(call, known.effect)

    async def refuse_unasked(self, occurrence: Occurrence) -> str | None:
        """Say why people need not be asked about a call (7)."""
        known = self._request.tools.get(occurrence.call.name)
        if known is None or known.effect is None or not workflow.patched(PATCH):
            return None
        try:
            effect = self.effect_of(occurrence.call)
            about = f"the effect of call {occurrence.ordinal} of {occurrence.stage}"
            held = (await self._records.flush(about, effect=effect)).held
        except CallRefusedError as error:
            return str(error)
        except ActivityError as error:
            return f"the ledger cannot be asked for its effect: {failures.cause_of(error)[1]}"
        return None if held is None else _had(effect, held)

    async def intend(self, decision: Decision, gate: str) -> str | None:
        """Put the intent on the ledger (1); return why nothing may be called."""
        occurrence = decision.occurrence
        try:
            effect = self.effect_of(occurrence.call)
        except CallRefusedError as error:
            return str(error)
        if effect in self._claiming:  # (4) before the ledger has said whose it is
            return f"its effect {effect!r} is asked for by call {self._claiming[effect]}"
        if effect:
            self._claiming[effect] = occurrence.ordinal
        try:
            return await self._intended(decision, gate, effect)
        except asyncio.CancelledError:  # (4) nothing came of it
            self._outcome(occurrence, _not_made("it was cancelled"))
            raise
        finally:
            self._claiming.pop(effect, None)

    async def _intended(self, decision: Decision, gate: str, effect: str) -> str | None:
        occurrence = decision.occurrence
        self._records.note(
            actions.TOOL_INTENDED,
            **decision.facts(),
            policy=decision.ruling.policy.value,
            **({"gate": gate} if gate else {}),
            **({"effect": effect} if effect else {}),
        )
        try:
            await self._records.flush(f"call {occurrence.ordinal} of {occurrence.stage}")
        except ActivityError as error:
            why = f"the call is not on the ledger: {failures.cause_of(error)[1]}"
            self._outcome(occurrence, _not_made(why))  # (4) it may get there yet
            return why
        if occurrence.digest() in self._records.given_up:  # (1) with another that was refused
            why = "the call is not on the ledger, which refuses its intent"
            self._outcome(occurrence, _not_made(why))
            return why
        taken = self._records.taken.pop(effect, None)
        if taken is not None:  # (4) it happens once
            return _had(effect, taken)
        return None

    async def leave(self, occurrence: Occurrence, why: str) -> CallAnswer:
        """Note that an intended call is not made (4)."""
        answer = self._outcome(occurrence, _not_made(why))
        await self._let_go(occurrence)
        return answer

    async def settle(self, occurrence: Occurrence, decision: tool_specs.CallDecision) -> CallAnswer:
        """Note what a person says of a call of which nobody knew, and return it (3).

        ``decision`` says one of both: it happened, or it did not.
        """
        happened = decision.answer == HAPPENED
        self._records.note(
            actions.TOOL_SETTLED,
            occurrence=occurrence.digest(),
            ordinal=occurrence.ordinal,
            call=occurrence.call.name,
            happened=happened,
            gate=decision.gate,
            **({} if happened else self._frees(occurrence)),
        )
        if happened:
            text = "it was made, as a person says; its answer is lost"
            return CallAnswer(status=CallStatus.OK, text=text)
        await self._let_go(occurrence)
        return CallAnswer(status=CallStatus.NOT_MADE, text="it was not made, as a person says")

    def _frees(self, occurrence: Occurrence) -> dict[str, str]:
        effect = self.effect_of(occurrence.call)
        return {"frees": effect} if effect else {}

    async def _let_go(self, occurrence: Occurrence) -> None:
        """Have the ledger know at once that an effect was not brought about (4)."""
        if not self.effect_of(occurrence.call):
            return
        try:
            await self._records.flush(f"call {occurrence.ordinal} was not made")
        except ActivityError:
            return  # it goes with the next record

    async def make(self, occurrence: Occurrence, entity: str, leave: Leave) -> CallAnswer:
        """Have the call made, and note what became of it (2)."""
        call = occurrence.call
        known = self._request.tools.get(call.name)
        if known is None:
            return self._outcome(occurrence, _not_made(f"{call.name} was not declared"))
        unknown: tool_specs.CallMade | None = None
        for _ in range(known.attempts_max):
            made = await self._once(occurrence, entity, leave, known, unknown)
            if made.answer.status is not CallStatus.UNKNOWN or made is unknown:
                break
            unknown = made
        answer = self._outcome(occurrence, made)
        if answer.status is CallStatus.NOT_MADE:
            await self._let_go(occurrence)
        return answer

    async def _once(
        self,
        occurrence: Occurrence,
        entity: str,
        leave: Leave,
        known: KnownTool,
        unknown: tool_specs.CallMade | None,
    ) -> tool_specs.CallMade:
        """Make one attempt, after one of which nobody knows, if any."""
        step, call = self._request.step, occurrence.call
        self._made += 1
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
                ),
                activity_id=f"{step.path}/call#{self._made}",
                summary=Markdown.of("{} calls {}", step.path, call.name),
                limit=tool_specs.limit_of(known),
                queue=specs.QUEUE_T3 if step.tier >= Tier.T3 else None,  # (6) trusts no workflow
                heard_late=heard_late,
            )
        except ActivityError as error:
            return _unheard(error)
        except asyncio.CancelledError:  # (2) noted all the same
            told = _of_both(unknown, late[0] if late else _not_made("it was cancelled"))
            self.cut_short[occurrence.digest()] = self._outcome(occurrence, told)  # (5) kept
            raise
        return _of_both(unknown, made)

    def _stage(self, entity: str) -> messages.PhaseRequest:
        """Return what the stage rests on, for a worker that verifies it again (6)."""
        return phase_told(self._request, authority=messages.Authority(), entity=entity)

    def _outcome(self, occurrence: Occurrence, made: tool_specs.CallMade) -> CallAnswer:
        answer = made.answer
        said: dict[str, Any] = {"status": answer.status.value, "took_ms": made.took_ms}
        if answer.status not in (CallStatus.OK, CallStatus.ERROR):
            said["why"] = answer.text
        elif answer.digest:
            said["answer"] = answer.digest
        if answer.status is CallStatus.NOT_MADE:
            said |= self._frees(occurrence)
        self._records.note(
            actions.TOOL_ANSWERED,
            occurrence=occurrence.digest(),
            ordinal=occurrence.ordinal,
            call=occurrence.call.name,
            **said,
        )
        return answer


def _had(effect: str, entry: int) -> str:
    return f"its effect {effect!r} was asked for before: entry {entry} of the ledger"


def _not_made(why: str) -> tool_specs.CallMade:
    return tool_specs.CallMade(answer=CallAnswer(status=CallStatus.NOT_MADE, text=why))


def _of_both(unknown: tool_specs.CallMade | None, made: tool_specs.CallMade) -> tool_specs.CallMade:
    """Return what is known after another attempt (3)."""
    return unknown if unknown and made.answer.status is CallStatus.NOT_MADE else made


def _unheard(error: ActivityError) -> tool_specs.CallMade:
    """Return what became of a call of which nobody has heard the end (3)."""
    why = sentence(f"it may have been made: {failures.cause_of(error)[1]}")
    return tool_specs.CallMade(answer=CallAnswer(status=CallStatus.UNKNOWN, text=why))
