"""Calls of tools that people decide on: each is a gate of the run, ``<stage>/call-<n>``.

1. It is a gate like any other, with the people that the rule of the table names. The run owns it,
   never the agent's own workflow.
2. What is put to people is what the agent's workflow says of what it waits with, when it is asked:
   a message to the run only has it look, and neither asks in the agent's name nor decides.
3. A vote is bound to the digest of the occurrence: this call, of this plan, run and stage, at this
   place. A decision is taken once for it, and read as often as the agent's workflow asks.
4. A rejection, or no answer in time, ends no stage: the call is denied, and the agent hears why.
5. What was decided is good for the life of the agent that it was decided for. A stage that begins
   anew begins without it.
6. Where nobody knows whether a call was made, people are asked that, ``<stage>/outcome-<n>``: those
   of its rule, or who answer the questions of the stage. They say ``happened`` or ``did-not``.
7. For one agent there are ``TOOL_LOOKS_MAX`` looks. Beyond that the stage fails: nobody would be
   asked, and its agent would wait for good. Looks in vain wait longer and longer before that.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable

from temporalio import workflow
from temporalio.exceptions import ActivityError, ApplicationError

from activities.contracts import messages, question_specs, tool_specs
from dsl.core import StageStatus
from dsl.limits import QUESTION_LENGTH_MAX, TOOL_LOOKS_MAX
from dsl.plan import AgentStep, GateStep
from dsl.rules.gates.questions import Question
from dsl.rules.gates.unnamed import call_name
from dsl.rules.tools.asked import call_gate
from dsl.rules.tools.calls import SAID
from dsl.shown.surfaces import Markdown
from dsl.values.canonical import digest_of
from dsl.values.sizes import sentence
from workflows.gates.gate_board import GateBoard
from workflows.gates.opening import Matter
from workflows.run.stages import Stages
from workflows.runtime import failures
from workflows.runtime.cancellation import stop_each
from workflows.runtime.failures import StageEndedError
from workflows.runtime.looks import rest_after
from workflows.runtime.moment import now_ms

Child = Callable[[], question_specs.AsksRequest]


class CallGates:
    """Puts the calls of one run to people."""

    def __init__(self, compiled: messages.CompileResult, stages: Stages, gates: GateBoard) -> None:
        self._compiled = compiled
        self._stages = stages
        self._gates = gates
        self._count: dict[str, Counter[str]] = {}  # by stage path, as all that follows
        self._looks: dict[str, int] = {}
        self._looks_max: dict[str, int] = {}
        self._told: set[str] = set()
        self._deciding: dict[str, dict[str, asyncio.Task[tool_specs.CallDecision]]] = {}

    def begin(self, path: str) -> None:
        """Note that an agent begins the stage: what was decided before is not for it (5)."""
        self._deciding[path] = {}
        self._looks_max[path] = self._looks.get(path, 0) + TOOL_LOOKS_MAX

    def look(self, path: str) -> None:
        """Be told that a call of the stage waits (2)."""
        self._told.add(path)

    def decisions(self, asked: tool_specs.DecisionsRequest) -> tool_specs.Decisions:
        """Return what was decided on these calls of the stage, for its workflow (3)."""
        deciding = self._deciding.get(asked.stage, {})
        found = (deciding.get(digest) for digest in dict.fromkeys(asked.digests))
        return tool_specs.Decisions(
            decisions=tuple(
                task.result()
                for task in found
                if task is not None
                and task.done()
                and not task.cancelled()
                and not task.exception()
            )
        )

    async def attend(self, step: AgentStep, child: Child) -> None:
        """Put the calls that wait while the agent works, until cancelled.

        Raises:
            StageEndedError: it cannot be looked any more (7).
        """
        path = step.path
        self._told.discard(path)
        in_vain = 0
        while True:
            await workflow.wait_condition(lambda: path in self._told)
            await rest_after(in_vain)  # (7) whoever says so again and again
            if self._looks.get(path, 0) >= self._looks_max.get(path, TOOL_LOOKS_MAX):
                why = f"it was said more than {TOOL_LOOKS_MAX} times that a call of it waits"
                raise StageEndedError(failures.STAGE_FAILED, path, StageStatus.FAILED, why)
            self._told.discard(path)
            deciding = self._deciding.setdefault(path, {})
            in_vain += 1
            for call in await self._seen(step, child()):
                if call.digest() not in deciding:
                    work = self._decided(step, call, child)
                    deciding[call.digest()] = asyncio.create_task(work)
                    in_vain = 0

    async def close(self, path: str) -> asyncio.CancelledError | None:
        """Close what is open of the stage, whose agent is over, and void what was decided (5).

        Returns the cancel that reached the caller meanwhile.
        """
        cancelled = await stop_each(self._deciding.get(path, {}).values())
        self._deciding[path] = {}
        return cancelled

    async def _seen(
        self, step: AgentStep, child: question_specs.AsksRequest
    ) -> tuple[tool_specs.WaitingCall, ...]:
        """Return what waits, in the words of the agent's workflow (2)."""
        number = self._looks[step.path] = self._looks.get(step.path, 0) + 1
        try:
            found = await tool_specs.waiting(
                child,
                activity_id=f"{step.path}/waiting#{number}",
                summary=Markdown.of("{}: which calls wait?", step.path),
            )
        except ActivityError:
            return ()
        return found.calls

    async def _decided(
        self, step: AgentStep, call: tool_specs.WaitingCall, child: Child
    ) -> tool_specs.CallDecision:
        gate = self._gate(step, call)
        decision = await self._decide(step, call, gate)
        await _tell(child())
        return decision

    async def _decide(
        self, step: AgentStep, call: tool_specs.WaitingCall, gate: GateStep | None
    ) -> tool_specs.CallDecision:
        if gate is None:
            why = f"rule {call.rule} of the table asks nobody"
            return tool_specs.CallDecision(
                digest=call.digest(), gate="", is_approved=False, detail=why
            )
        self._gates.expect_one(gate.path)
        self._stages.move(step.path, StageStatus.WAITING, f"a call waits at {gate.path}")
        subject = {step.path: {gate.name: call.digest()}}  # (3) bound to the occurrence
        about = (self._compiled.digest, digest_of(self._compiled.inputs), subject)
        matter = Matter(*about, call=call, question=_question(call))
        try:
            detail, is_approved = await self._gates.decide(gate, matter, None), True
        except StageEndedError as ended:  # (4) the agent hears why
            detail, is_approved = ended.detail, False
        except ActivityError as error:
            detail, is_approved = failures.cause_of(error)[1], False
        self._stages.move(step.path, StageStatus.RUNNING)
        return tool_specs.CallDecision(
            digest=call.digest(),
            gate=gate.path,
            is_approved=is_approved,
            detail=sentence(detail),
            answer=self._gates.answers.get(gate.path, "") if is_approved else "",
            at_ms=now_ms(),
            approval=self._approval(gate.path) if is_approved else None,
        )

    def _approval(self, path: str) -> messages.Approval | None:
        """Return the votes with their proofs, for a worker that trusts no workflow."""
        found = (each for each in reversed(self._gates.approvals) if each.gate == path)
        return next(found, None)

    def _gate(self, step: AgentStep, call: tool_specs.WaitingCall) -> GateStep | None:
        count = self._count.setdefault(step.path, Counter())
        name = call_name(call.kind, count[call.kind] + 1)
        gate = call_gate(step, call.rule, name, _about(call), call.kind)  # (6) whom it asks
        if gate is not None:
            count[call.kind] += 1
        return gate


def _question(call: tool_specs.WaitingCall) -> Question | None:
    """Return what is asked where nobody knows whether a call was made (6)."""
    if call.kind != "outcome":
        return None
    return Question(id="outcome", text=_about(call), choices=SAID)


def _about(call: tool_specs.WaitingCall) -> str:
    name, ordinal = call.occurrence.call.name, call.occurrence.ordinal
    if call.kind == "outcome":
        return f"was call {ordinal}, {name}, made? nobody knows: {call.why}"[:QUESTION_LENGTH_MAX]
    return f"call {name}"


async def _tell(child: question_specs.AsksRequest) -> None:
    """Have the agent's workflow look (3)."""
    stage = workflow.get_external_workflow_handle(child.workflow, run_id=child.run or None)
    try:
        await stage.signal(tool_specs.DECIDED)
    except ApplicationError:
        return  # it is over
