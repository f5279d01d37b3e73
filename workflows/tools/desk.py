"""Where the calls of one stage are decided and carried out, one after the other as they come.

1. A call is taken from the attempt of EXECUTE that is under way, and from nobody else: see
   ``workflows.tools.link_check``. It decides nothing: the plan's table does, by one pure rule.
2. What was answered before is answered so again, whatever program asks: see
   ``dsl.rules.tools.journal``.
3. People are asked where the table says so, each time, on this one occurrence. Their word is good
   until ``TOOL_APPROVAL_GOOD_MS`` after they gave it.
4. When EXECUTE is over, or the stage is stopped, nothing is taken, decided or made any more; what
   is under way is cancelled and awaited. What may have been made by then stands in the journal.
5. Where nobody knows whether a call was made, those are asked who decide on it, or who answer the
   questions of the stage. Where they do not say, it stays unknown.
6. A stage has room for so many calls, denied ones included: see ``workflows.tools.call_room``.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any, Final

from temporalio import workflow

from activities.contracts import messages, tool_specs
from activities.contracts.meant import MeantError
from dsl.limits import TOOL_APPROVAL_GOOD_MS
from dsl.rules.tools.calls import SAID, CallRefusedError, Occurrence, ToolCall, call_of
from dsl.rules.tools.journal import MADE, CallAnswer, CallStatus, Journal, JournalEntry
from dsl.rules.tools.ruling import Caller, Passed, Ruling, ToolPolicy, rule_on
from dsl.values.sizes import sentence
from workflows.ledger.ledger_buffer import LedgerBuffer
from workflows.runtime.cancellation import stop_each
from workflows.runtime.moment import now_ms
from workflows.tools.call_facts import Decision
from workflows.tools.call_room import CallRoom
from workflows.tools.calls_told import CallsTold
from workflows.tools.denials import Denials
from workflows.tools.link_check import LinkCheck
from workflows.tools.made_call import CallMaker, Leave
from workflows.tools.people_asked import PeopleAsked

REFUSED: Final = "ToolCallRefused"  # type of the failure of an update that is not the agent's
_OVER: Final = "the stage is over"
_Place = tuple[int, str]  # ordinal, and the digest of the call


class CallDesk:
    """The calls of one stage."""

    def __init__(
        self,
        request: messages.AgentRequest,
        records: LedgerBuffer,
        standing_still: Callable[[], AbstractContextManager[None]],
    ) -> None:
        """Prepare; ``standing_still`` stops the clock of the stage."""
        self._request = request
        self._links = LinkCheck(request.step.path)
        self.people = PeopleAsked(request.step.path, standing_still)
        self.journal = Journal(request.resumption.calls if request.resumption else ())
        self._under_way: dict[_Place, asyncio.Task[CallAnswer]] = {}
        self._passed: dict[_Place, Passed] = {}  # of those under way
        self._room = CallRoom()
        self._told = CallsTold(request, records)
        self._maker = CallMaker(request, self._told)
        self._denials = Denials(request.step.path, records)
        self._entity: str | None = None  # None: EXECUTE is not under way

    def open(self, entity: str) -> None:
        """Take calls: EXECUTE begins, of the agent that Vault knows as ``entity``."""
        self._entity = entity

    def shut(self) -> None:
        """Take no more, and make nothing that was taken (4)."""
        self._entity = None

    async def close(self) -> asyncio.CancelledError | None:
        """Take no more, and end what is under way (4); return the cancel that came meanwhile."""
        self.shut()
        self._denials.end()
        return await stop_each(self._under_way.values())

    async def end(self) -> asyncio.CancelledError | None:
        """Do what ``close`` does, and hold up nothing that the stage says last."""
        cancelled = await self.close()
        return await self._denials.stop() or cancelled

    def rows(self) -> list[dict[str, Any]]:
        """Return the calls so far, for whoever asks; those under way last."""
        waiting = self.people.waiting().calls
        asked_of = {each.occurrence.ordinal for each in waiting if each.kind == "outcome"}
        over = [
            {
                "ordinal": each.ordinal,
                "call": each.name,
                "policy": each.policy,
                "status": each.answer.status.value,
                "why": each.answer.text if each.answer.status not in MADE else "",
                "began_ms": each.at_ms,
                "ended_ms": each.ended_ms,
            }
            for each in self.journal
            if each.ordinal not in asked_of
        ]
        waits = [
            {
                "ordinal": each.occurrence.ordinal,
                "call": each.occurrence.call.name,
                "policy": "approve",
                "status": "waiting",
            }
            for each in waiting
        ]
        return [*over, *waits]

    def refuse(self) -> str | None:
        """Say why no call would be taken now."""
        if not self._request.step.tools:
            return "the stage has no config.tools"
        if self._entity is None:
            return "EXECUTE is not under way"
        return self._room.refuse() or self.journal.refuse()  # (6) before it stands in history

    async def take(self, message: tool_specs.CallMessage) -> CallAnswer:
        """Return what became of a call.

        Raises:
            MeantError: it is not the agent's, or the stage is over.
        """
        if not await self._links.takes(message.link):  # (1) from nobody else
            raise MeantError("this call does not come from the agent at work", type=REFUSED)
        over = self.refuse()
        if over is not None:  # (4) it has ended meanwhile
            raise MeantError(over, type=REFUSED)
        try:
            self._room.take(message.arguments)
            if message.refused:
                return self._not_called(message, message.refused)
            call = call_of(message.server, message.tool, message.arguments, message.purpose)
        except CallRefusedError as error:
            return self._not_called(message, str(error))
        place = (message.ordinal, call.digest())
        task = self._under_way.get(place)
        if task is None:
            known = self.journal.answered(*place)
            if known is not None:  # (2) answered so again
                return known
            task = asyncio.create_task(self._decided(place, call))
            self._under_way[place] = task
        await asyncio.wait((task,))
        if task.cancelled():
            raise MeantError(_OVER, type=REFUSED)
        return task.result()

    def _not_called(self, message: tool_specs.CallMessage, why: str) -> CallAnswer:
        """Deny what is no call: it has no digest, and stands in no journal."""
        answer = CallAnswer(status=CallStatus.DENIED, text=sentence(why))
        name = f"{message.server[:80]}/{message.tool[:80]}"
        self._denials.note_no_call(message.ordinal, name, answer.text)
        return answer

    async def _decided(self, place: _Place, call: ToolCall) -> CallAnswer:
        repeats = self.journal.refuse_repeat(*place, self._under_way)
        ruling = self._ruling(call) if repeats is None else Ruling(ToolPolicy.DENY, 0, repeats)
        began_ms = now_ms()
        occurrence = self._occurrence(place[0], call)
        decision = Decision(occurrence, ruling, began_ms, is_of_table=repeats is None)
        if ruling.policy is not ToolPolicy.DENY:
            self._passed[place] = Passed(ruling.rule, began_ms)

        def keep(answer: CallAnswer) -> None:
            self._keep(occurrence, ruling, began_ms, answer)

        try:
            answer = await self._answered(decision, keep)
            keep(answer)
        except asyncio.CancelledError:
            late = self._maker.cut_short.pop(occurrence.digest(), None)
            if late is not None and late.status is not CallStatus.NOT_MADE:
                keep(late)  # (4) it may have been made
            raise
        finally:
            self._passed.pop(place, None)
            del self._under_way[place]
        return answer

    def _keep(self, occurrence: Occurrence, ruling: Ruling, at_ms: int, answer: CallAnswer) -> None:
        self._passed.pop((occurrence.ordinal, occurrence.call.digest()), None)  # it counts there
        self.journal.keep(
            JournalEntry(
                ordinal=occurrence.ordinal,
                call=occurrence.call.digest(),
                name=occurrence.call.name,
                policy=ruling.policy.value,
                rule=ruling.rule,
                at_ms=at_ms,
                ended_ms=now_ms(),
                answer=answer,
            )
        )

    def _ruling(self, call: ToolCall) -> Ruling:
        step = self._request.step
        return rule_on(
            call,
            step.tools,
            caller=Caller(self._request.agent, step.tier, step.path),
            inputs=self._request.run_inputs,
            earlier=(*self.journal.passed(), *self._passed.values()),
            now_ms=now_ms(),
        )

    def _occurrence(self, ordinal: int, call: ToolCall) -> Occurrence:
        parent = workflow.info().parent
        return Occurrence(
            call=call,
            plan=self._request.plan,
            run=parent.workflow_id if parent else "",
            run_id=parent.run_id if parent else "",
            stage=self._request.step.path,
            ordinal=ordinal,
        )

    async def _answered(self, decision: Decision, keep: Callable[[CallAnswer], None]) -> CallAnswer:
        occurrence, ruling = decision.occurrence, decision.ruling
        gate, leave, why = "", Leave(), None
        if ruling.policy is ToolPolicy.DENY:
            why = ruling.why
        elif ruling.policy is ToolPolicy.APPROVE:
            gate, leave, why = await self._asked(decision)
        if why is None and self._entity is None:  # (4) nothing is made any more
            why = _OVER
        made = await self._made(decision, gate, leave) if why is None else why
        if isinstance(made, str):
            return self._denied(decision, made)
        if made.status is not CallStatus.UNKNOWN:
            return made
        keep(made)  # (4) it may have been made, whatever ends the wait for people
        return await self._settled(occurrence, ruling, made)

    async def _asked(self, decision: Decision) -> tuple[str, Leave, str | None]:
        """Ask people, each time, on this one (3); return where, and why it is denied, if it is."""
        occurrence, ruling = decision.occurrence, decision.ruling
        unasked = await self._told.refuse_unasked(occurrence)
        if unasked is not None:
            return "", Leave(), unasked
        asked = tool_specs.WaitingCall(
            occurrence=occurrence, rule=ruling.rule, why=sentence(ruling.why)
        )
        said = await self.people.ask(asked)
        leave = Leave(said.at_ms + TOOL_APPROVAL_GOOD_MS, said.approval)
        if not said.is_approved:
            return said.gate, leave, said.detail
        is_over = now_ms() > leave.good_until_ms
        return said.gate, leave, f"the approval at {said.gate} has expired" if is_over else None

    async def _made(self, decision: Decision, gate: str, leave: Leave) -> CallAnswer | str:
        """Have the call made, its intent first; a text: why it is denied."""
        occurrence = decision.occurrence
        if self._entity is not None and self._maker.goes_along(occurrence):
            made = await self._maker.make_at_once(decision, gate, self._entity, leave)
            if made is not None:
                return made
        why = await self._told.intend(decision, gate)
        if why is not None:
            return why
        if self._entity is None:  # (4) it was shut meanwhile
            return await self._told.leave(occurrence, _OVER)
        return await self._maker.make(occurrence, self._entity, leave)

    async def _settled(
        self, occurrence: Occurrence, ruling: Ruling, answer: CallAnswer
    ) -> CallAnswer:
        """Have people say whether a call was made, where somebody can be asked (5)."""
        rule = self._request.step.tools[ruling.rule - 1]
        if rule.approve is None and self._request.step.questions is None:
            return answer
        asked = tool_specs.WaitingCall(
            occurrence=occurrence, rule=ruling.rule, why=sentence(answer.text), kind="outcome"
        )
        decision = await self.people.ask(asked)
        if not decision.is_approved or decision.answer not in SAID:
            return answer
        return await self._told.settle(occurrence, decision)

    def _denied(self, decision: Decision, why: str) -> CallAnswer:
        answer = CallAnswer(status=CallStatus.DENIED, text=sentence(why))
        self._denials.note(decision, answer.text)
        return answer
