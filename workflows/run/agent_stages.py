"""The agent stages of a run: what each is given, and what follows when its agent is revoked.

1. A registered plan runs the agents it names. An inline one runs agents of its own, whose
   names begin with its digest: see ``workflows.run.provenance``.
2. A T3 or T4 stage is given what its own worker verifies again: the inputs, the approvals with
   their proofs, and who vouched for the plan and started the run.
3. ``on_revoked``: *fail* ends the run. *skip* lets what requires the stage go on; what a revoked
   agent has put out is handed to nobody. *replace* runs the stage anew, once, as the other agent;
   a replacement that is revoked too ends the run.
4. While people think, the agent waits for some minutes; then its stage ends in order, and is run
   again with their answers, from its checkpoint, in what is left of its time. No clock goes
   meanwhile. Who rejects a question, or lets it time out, ends an agent that waits.
5. What a stage says of a circuit that it waits for is its detail meanwhile, and decides nothing.
6. An agent that has spent its error budget has its plan clarified, and its stage is run again with
   that: see ``workflows.run.questions.clarifications``.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Final

from temporalio import workflow

from activities.contracts import messages, question_specs, tool_specs
from activities.contracts.resumption import Resumption
from dsl.core import AgentOutput, AgentPhase, StageStatus
from dsl.limits import TIMEOUT_MS_MIN
from dsl.plan import AgentStep, Plan, walk
from dsl.rules.health.clarification import Clarification
from dsl.rules.tools.journal import JournalEntry
from workflows.gates.gate_board import GateBoard
from workflows.ledger.ledger_buffer import LedgerBuffer
from workflows.messages.circuit import CircuitMessage
from workflows.run.council import heard_only
from workflows.run.payload_budget import PayloadBudget
from workflows.run.provenance import Provenance
from workflows.run.questions.at_work import attended
from workflows.run.questions.call_gates import CallGates
from workflows.run.questions.clarifications import Clarifications, PlanOfStage
from workflows.run.questions.questions import Questions
from workflows.run.stage_requests import StageRequests
from workflows.run.stages import Stages
from workflows.runtime import failures
from workflows.runtime.children import run_agent
from workflows.runtime.failures import StageEndedError

SKIP: Final = "skip"
BECAUSE_LENGTH_MAX: Final = 500  # characters, as recorded
DETAIL_SHOWN_MAX: Final = 80


@dataclass(frozen=True, slots=True)
class AtWork:
    """An agent at work in a stage, by its identity, and its workflow."""

    agent: str
    child: workflow.ChildWorkflowHandle[Any, Any]


class AgentStages:
    """Runs the agent stages of one run."""

    def __init__(
        self,
        plan: Plan,
        compiled: messages.CompileResult,
        provenance: Provenance,
        *,
        stages: Stages,
        gates: GateBoard,
        records: LedgerBuffer,
        begins: Callable[[str], None],
    ) -> None:
        """Prepare; ``begins`` is told the path of each stage just before it begins."""
        self.at_work: dict[str, AtWork] = {}  # by stage path
        self._before_waits: dict[str, str] = {}  # what its detail was (5)
        self._compiled = compiled
        self._provenance = provenance
        self._stages = stages
        self._records = records
        self._begins = begins
        self._payload_budget = PayloadBudget()
        self._questions = Questions(compiled, stages, gates)
        self._calls = CallGates(compiled, stages, gates)
        self._clarifications = Clarifications(
            plan,
            compiled,
            stages=stages,
            gates=gates,
            records=records,
            identity=provenance.identity,
        )
        self._heard_only = heard_only(plan)
        self._steps = {step.path: step for step in walk(plan.steps)}
        self.requests = StageRequests(plan, compiled, provenance, stages, gates)

    async def run(self, step: AgentStep, inputs: dict[str, Any]) -> str:
        """Run one stage; return its detail.

        Raises:
            StageEndedError: it did not complete, and the run does not go on without it.
        """
        report = await self._answered(step, step.agent, inputs)
        # (3) replace: once, as the other agent
        if report.status == StageStatus.REVOKED and step.replacement is not None:
            replaced = self._replace(step, step.replacement, report.detail)
            report = await self._answered(step, step.replacement, inputs, report.calls)
            detail = "; ".join(each for each in (replaced, report.detail) if each)
            report = report.model_copy(update={"detail": detail})
        elif report.status == StageStatus.REVOKED and step.on_revoked == SKIP:
            return self._skip(step, report)  # (3) skip: what requires it goes on
        return self._finish(step, report)

    def look(self, path: str) -> str | None:
        """Be told that the agent of a stage asks; return why there is nothing to look at."""
        step = self._steps.get(path)
        if not isinstance(step, AgentStep) or step.questions is None or path not in self.at_work:
            return f"no agent that may ask is at work at {path[:DETAIL_SHOWN_MAX]!r}"
        self._questions.look(path)
        return None

    def look_at_calls(self, path: str) -> str | None:
        """Be told that a call of a stage waits; return why there is nothing to look at."""
        step = self._steps.get(path)
        if not isinstance(step, AgentStep) or not step.tools or path not in self.at_work:
            return f"no agent that calls tools is at work at {path[:DETAIL_SHOWN_MAX]!r}"
        self._calls.look(path)
        return None

    def decisions(self, asked: tool_specs.DecisionsRequest) -> tool_specs.Decisions:
        """Return what was decided on calls of a stage."""
        return self._calls.decisions(asked)

    def posed(self, path: str) -> list[dict[str, Any]]:
        """Return what was asked in a stage, and answered."""
        return self._questions.posed(path)

    def told(self, message: CircuitMessage) -> bool:
        """Show what a stage waits for; False when no agent is at work in it (5)."""
        path = message.stage
        if path not in self.at_work or path not in self._steps:
            return False
        if path not in self._before_waits:
            self._before_waits[path] = self._stages[path].detail
        words = message.waits_for or self._before_waits.pop(path)
        self._stages.move(path, StageStatus.RUNNING, words)
        return True

    async def _answered(
        self,
        step: AgentStep,
        agent: str,
        inputs: dict[str, Any],
        calls: tuple[JournalEntry, ...] = (),
    ) -> messages.AgentReport:
        """Run a stage, and again from where it was each time that people have answered it (4).

        ``calls``: of which nobody knows, of the agent before; an equal one is denied (3).
        """
        begins = Resumption(answers=(), phase=AgentPhase.EXECUTE, calls=calls) if calls else None
        under = PlanOfStage(count=self._clarifications.count(step.path), resumption=begins)
        left_ms = step.timeout_ms
        self._begin(step.path)
        while True:
            now = step.model_copy(update={"timeout_ms": left_ms})
            report = await self._once(now, agent, inputs, under)
            if (asked := report.asked) is not None:
                await self._questions.put(step, asked)
                left_ms = max(TIMEOUT_MS_MIN, left_ms - asked.worked_ms)
                resumption = Resumption(
                    answers=self._questions.answers(step.path),
                    phase=asked.phase,
                    checkpoint=asked.checkpoint,
                    attempts=asked.attempts,
                    calls=asked.calls,
                )
                under = replace(under, resumption=resumption)
            elif report.spent is not None:
                ask = partial(self._ask_member, about=step, report=report)
                under = await self._clarifications.clarify(step, agent, under, report, ask)
                self._begin(step.path)  # (6) what was answered before is void
                left_ms = step.timeout_ms
            else:
                attempts = under.attempts + report.attempts
                return report.model_copy(update={"attempts": attempts})

    async def _ask_member(
        self,
        member: AgentStep,
        path: str,
        draft: Clarification,
        *,
        about: AgentStep,
        report: messages.AgentReport,
    ) -> messages.AgentReport:
        """Ask the agent of a council about a clarified plan, in a life of its own (6)."""
        environment = {"inputs": self._compiled.inputs, "stages": self._stages.environment()}
        inputs = self.requests.inputs_of(member, environment, path)
        proposed = {"stage": about.path, **draft.told()}
        # Whoever is asked for advice asks nobody, and is not revoked for erring at it.
        alone = {"questions": None, "clarifications": 0, "on_exhausted": None, "tools": ()}
        return await self._once(
            member.model_copy(update={"path": path, **alone}),
            member.agent,
            {**inputs, "clarification": proposed},
            PlanOfStage(),
            given={about.path: report.outputs},
        )

    async def _once(
        self,
        step: AgentStep,
        agent: str,
        inputs: dict[str, Any],
        under: PlanOfStage,
        *,
        given: dict[str, tuple[AgentOutput, ...]] | None = None,
    ) -> messages.AgentReport:
        request = self.requests.of(step, agent, inputs, under, given=given)
        await self._payload_budget.admit(request)
        if agent == step.agent and under.resumption is None and given is None:
            self._begins(step.path)

        def begun(child: workflow.ChildWorkflowHandle[Any, Any]) -> None:
            self.at_work[step.path] = AtWork(request.agent, child)

        running = run_agent(
            request,
            search_attributes=self._compiled.policy.search_attributes,
            begun=begun,
            take_over=self._records.take_over,
        )
        try:
            if not step.questions and not step.tools:
                return await running
            child = partial(self._child, step.path)
            return await attended(
                step, running, child, questions=self._questions, calls=self._calls
            )
        finally:
            self.at_work.pop(step.path, None)
            self._before_waits.pop(step.path, None)

    def _begin(self, path: str) -> None:
        self._questions.begin(path)
        self._calls.begin(path)

    def _child(self, path: str) -> question_specs.AsksRequest:
        """Return whose activity tells what is asked in a stage."""
        child = self.at_work[path].child
        return question_specs.AsksRequest(workflow=child.id, run=child.first_execution_run_id or "")

    def _replace(self, step: AgentStep, agent: str, why: str) -> str:
        was, now = self._provenance.identity(step.agent), self._provenance.identity(agent)
        because = why[:BECAUSE_LENGTH_MAX]
        self._records.note("stage.replaced", path=step.path, was=was, now=now, because=because)
        replaced = f"{now} in place of {was}, which was revoked"
        self._stages.move(step.path, StageStatus.RUNNING, replaced)
        return replaced

    def _skip(self, step: AgentStep, report: messages.AgentReport) -> str:
        detail = f"its agent was revoked: {report.detail}"
        because = report.detail[:BECAUSE_LENGTH_MAX]
        self._records.note("stage.skipped", path=step.path, because=because)
        self._stages.finish(step.path, StageStatus.SKIPPED, detail=detail, attempts=report.attempts)
        return detail

    def _finish(self, step: AgentStep, report: messages.AgentReport) -> str:
        status = StageStatus(report.status)
        self._stages.finish(
            step.path,
            status,
            detail=report.detail,
            output=report.output,
            outputs=report.outputs,
            attempts=report.attempts,
            ended_ms=report.ended_ms,
        )
        if status is StageStatus.FAILED and step.path in self._heard_only:
            return report.detail
        if status is not StageStatus.COMPLETED:
            raise StageEndedError(failures.of_stage(report), step.path, status, report.detail)
        return report.detail
