"""What the ledger is told of the calls of one stage: before they are made, and what became of them.

1. Intent before effect: nothing is called that is not on the ledger.
2. The outcome is noted as soon as it is known, and is there with the next record, or with the end
   of the stage. So it is when the call was cancelled meanwhile.
3. One effect happens once: see ``activities.ledger.effects``. A call that was not made lets go of
   it, and the ledger is told at once. So does an intent that nothing came of.
4. Nobody is asked about a call of which the ledger knows already that its effect is another's. The
   intent decides all the same. A run that has asked people first asks them first.
5. An intent that went with its call, and is not known to have been recorded, is sent again under
   the name it had then: it stands there once.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

from temporalio import workflow
from temporalio.exceptions import ActivityError

from activities.contracts import messages, tool_specs
from dsl import actions
from dsl.rules.tools.calls import HAPPENED, CallRefusedError, Occurrence, ToolCall
from dsl.rules.tools.effects import effect_of
from dsl.rules.tools.journal import CallAnswer, CallStatus
from workflows.ledger.ledger_buffer import LedgerBuffer
from workflows.runtime import failures
from workflows.tools.call_facts import Decision

PATCH: Final = "effects-before-people"


class CallsTold:
    """What was told of them."""

    def __init__(self, request: messages.AgentRequest, records: LedgerBuffer) -> None:
        self._request = request
        self._records = records
        self._claiming: dict[str, int] = {}  # effects that are asked for, and by which call
        self._put_back: set[str] = set()  # occurrences whose intent went with a call in vain (5)

    def effect_of(self, call: ToolCall) -> str:
        """Return what ``call`` brings about, by name; empty: its operator has not said.

        Raises:
            CallRefusedError: it has none, and should.
        """
        known = self._request.tools.get(call.name)
        return "" if known is None or known.effect is None else effect_of(call, known.effect)

    async def refuse_unasked(self, occurrence: Occurrence) -> str | None:
        """Say why people need not be asked about a call (4)."""
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
        return None if held is None else had(effect, held)

    async def intend(self, decision: Decision, gate: str) -> str | None:
        """Put the intent on the ledger (1); return why nothing may be called."""
        occurrence = decision.occurrence
        try:
            with self.claimed(occurrence) as effect:
                return await self._intended(decision, gate, effect)
        except CallRefusedError as error:
            return str(error)
        except asyncio.CancelledError:  # (3) nothing came of it
            self.outcome(occurrence, not_made("it was cancelled"))
            raise

    @contextmanager
    def claimed(self, occurrence: Occurrence) -> Iterator[str]:
        """Yield the effect of a call, which no other of the stage has meanwhile (3).

        Raises:
            CallRefusedError: it has none, and should, or another has it.
        """
        effect = self.effect_of(occurrence.call)
        if effect in self._claiming:  # (3) before the ledger has said whose it is
            raise CallRefusedError(
                f"its effect {effect!r} is asked for by call {self._claiming[effect]}"
            )
        if effect:
            self._claiming[effect] = occurrence.ordinal
        try:
            yield effect
        finally:
            self._claiming.pop(effect, None)

    def _note_intent(self, decision: Decision, gate: str, effect: str) -> None:
        self._records.note(
            actions.TOOL_INTENDED,
            **decision.facts(),
            policy=decision.ruling.policy.value,
            **({"gate": gate} if gate else {}),
            **({"effect": effect} if effect else {}),
        )

    async def _intended(self, decision: Decision, gate: str, effect: str) -> str | None:
        occurrence = decision.occurrence
        if occurrence.digest() not in self._put_back:
            self._note_intent(decision, gate, effect)
        why = await self._unrecorded(occurrence)
        if why is not None:
            self.outcome(occurrence, not_made(why))  # (3) it may get there yet
            return why
        taken = self._records.taken.pop(effect, None)
        if taken is not None:  # (3) it happens once
            return had(effect, taken)
        return None

    async def intend_late(self, occurrence: Occurrence) -> bool:
        """Put an intent on the ledger whose call may have been made (5); tell whether it stands."""
        if await self._unrecorded(occurrence) is not None:
            return False  # it goes with the next record
        return self._records.taken.pop(self.effect_of(occurrence.call), None) is None

    async def _unrecorded(self, occurrence: Occurrence) -> str | None:
        """Record what is noted; return why an intent among it does not stand there (1)."""
        try:
            await self._records.flush(f"call {occurrence.ordinal} of {occurrence.stage}")
        except ActivityError as error:
            return f"the call is not on the ledger: {failures.cause_of(error)[1]}"
        if occurrence.digest() in self._records.given_up:  # with another that was refused
            return "the call is not on the ledger, which refuses its intent"
        return None

    def take_intent(
        self, decision: Decision, gate: str, effect: str
    ) -> tuple[messages.EntryDraft, ...]:
        """Return the intent, and what goes with it, for the activity that makes the call."""
        self._note_intent(decision, gate, effect)
        return self._records.take_along()

    def heard_of_intent(
        self,
        occurrence: Occurrence,
        along: tuple[messages.EntryDraft, ...],
        activity_id: str,
        made: tool_specs.CallMade,
    ) -> None:
        """Note what the activity says of the intent that went with its call (5)."""
        if not along:
            return
        if made.recorded is not None:
            self._records.acknowledge(made.recorded)
            return
        self._records.put_back(along, activity_id)
        self._put_back.add(occurrence.digest())

    async def leave(self, occurrence: Occurrence, why: str) -> CallAnswer:
        """Note that an intended call is not made (3)."""
        answer = self.outcome(occurrence, not_made(why))
        await self.let_go(occurrence)
        return answer

    async def settle(self, occurrence: Occurrence, decision: tool_specs.CallDecision) -> CallAnswer:
        """Note what a person says of a call of which nobody knew, and return it.

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
        await self.let_go(occurrence)
        return CallAnswer(status=CallStatus.NOT_MADE, text="it was not made, as a person says")

    def _frees(self, occurrence: Occurrence) -> dict[str, str]:
        effect = self.effect_of(occurrence.call)
        return {"frees": effect} if effect else {}

    async def let_go(self, occurrence: Occurrence) -> None:
        """Have the ledger know at once that an effect was not brought about (3)."""
        if not self.effect_of(occurrence.call):
            return
        try:
            await self._records.flush(f"call {occurrence.ordinal} was not made")
        except ActivityError:
            return  # it goes with the next record

    def outcome(self, occurrence: Occurrence, made: tool_specs.CallMade) -> CallAnswer:
        """Note what became of a call, and return it (2)."""
        self._put_back.discard(occurrence.digest())
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


def had(effect: str, entry: int) -> str:
    """Return why a call is denied whose effect somebody else has (3)."""
    return f"its effect {effect!r} was asked for before: entry {entry} of the ledger"


def not_made(why: str) -> tool_specs.CallMade:
    """Return what became of a call that was not."""
    return tool_specs.CallMade(answer=CallAnswer(status=CallStatus.NOT_MADE, text=why))
