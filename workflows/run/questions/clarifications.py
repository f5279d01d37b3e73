"""How the plan of a stage is clarified whose agent has spent its error budget.

What follows from an answer is for ``dsl.rules.health.clarification``. The rules:

1. The agent has left in order before: it holds no lease, and nothing of it is at work. It begins a
   new life with the clarified plan, from its last checkpoint, in the whole time of its stage.
2. Nobody is believed who says that a stage may be clarified once more: the run counts, for
   whichever agent works in it.
3. *auto*: what it has erred are the reasons, and nothing else changes. *human*: people answer at a
   gate of the run, ``<stage>/clarify-<n>``, as they answer a question. *council*: it is a gate of
   consensus; its members are asked anew, each in a life of its own, with the clarified plan that is
   proposed and what the stage has put out. What they approve is that; people behind them answer.
4. A vote is bound to the digest of what is proposed, and to the plan of the run. Who rejects, or
   does not answer in time, ends the stage.
5. What was approved under the plan before is void. What people have answered the agent it has to
   ask again; at T3 and T4 each guard that has passed before the stage opens anew, and a vote there
   is bound to the clarified plan. Its worker takes no other.
6. It is on the ledger, by stage and number, before the agent begins again.
7. What was put out under each plan is kept, also where no other follows.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final

from activities.contracts import messages
from activities.contracts.resumption import Resumption
from dsl import actions
from dsl.core import AgentOutput, AgentPhase, StageStatus, Tier
from dsl.plan import AgentStep, GateStep, Plan, walk
from dsl.rules.gates.council import Member, advise
from dsl.rules.gates.gate_rules import has_people
from dsl.rules.gates.guards import before, is_guard
from dsl.rules.gates.questions import Question
from dsl.rules.health.clarification import (
    Clarification,
    Followed,
    answered,
    clarification_gate,
    clarification_name,
    drafted,
    followed_by,
    of_before,
)
from dsl.rules.run.ids import path_of_member
from dsl.shown.heads import by_rank
from dsl.values.canonical import digest_of
from workflows.gates.gate_board import GateBoard
from workflows.gates.opening import Matter
from workflows.ledger.ledger_buffer import LedgerBuffer
from workflows.run.council import hear
from workflows.run.stages import Stages
from workflows.runtime import failures
from workflows.runtime.failures import StageEndedError

REASON_SHOWN_MAX: Final = 200  # characters, in the detail of a stage

# Asks the agent of a member, at a path of its own; raises ``StageEndedError``.
AskMember = Callable[[AgentStep, str, Clarification], Awaitable[messages.AgentReport]]


@dataclass(frozen=True, slots=True)
class PlanOfStage:
    """Under which plan a stage works, and what came of those before."""

    clarified: Clarification | None = None  # None: as the plan of the run has it
    before: tuple[AgentOutput, ...] = ()
    count: int = 0  # of clarifications of the stage, whoever has worked in it
    attempts: int = 0
    resumption: Resumption | None = None


class Clarifications:
    """Clarifies the plans of the stages of one run."""

    def __init__(
        self,
        plan: Plan,
        compiled: messages.CompileResult,
        *,
        stages: Stages,
        gates: GateBoard,
        records: LedgerBuffer,
        identity: Callable[[str], str],
    ) -> None:
        self._plan = plan
        self._compiled = compiled
        self._inputs = digest_of(compiled.inputs)
        self._stages = stages
        self._gates = gates
        self._records = records
        self._identity = identity
        self._steps = {step.path: step for step in walk(plan.steps)}
        self._count: dict[str, int] = {}  # by stage path

    def count(self, path: str) -> int:
        """Return how often the stage was clarified so far."""
        return self._count.get(path, 0)

    async def clarify(
        self,
        step: AgentStep,
        agent: str,
        under: PlanOfStage,
        report: messages.AgentReport,
        ask: AskMember,
    ) -> PlanOfStage:
        """Return the plan under which the stage goes on.

        Raises:
            StageEndedError: it does not: people or their council said no, or it is too often (2).
        """
        spent, number = report.spent, self.count(step.path) + 1
        if spent is None or followed_by(step, number - 1) is not Followed.CLARIFY:
            raise StageEndedError(  # (2) the run counts
                failures.STAGE_FAILED,
                step.path,
                StageStatus.FAILED,
                f"it would be clarified more than {step.clarifications} times",
            )
        self._count[step.path] = number
        plan = under.clarified.digest() if under.clarified else self._compiled.digest
        kept = of_before(report.outputs, number, plan)
        draft = Clarification(
            stage=step.path,
            number=number,
            before=plan,
            plan=drafted(step, under.clarified.plan if under.clarified else None, spent.reasons),
            errors_until_ms=spent.errors_until_ms,
        )
        try:
            clarified = await self._answered(step, draft, ask)
            await self._approve_anew(step, clarified)  # (5) what was approved is void
        except StageEndedError as error:
            # (7) kept, though no other follows
            self._stages.finish(
                step.path,
                StageStatus.REJECTED,
                detail=error.detail,
                outputs=kept,
                attempts=under.attempts + report.attempts,
            )
            raise
        await self._record(step, agent, clarified, kept)  # (6) before it begins again
        why = clarified.plan.reasons[-1][:REASON_SHOWN_MAX]
        told = f"plan clarified, {number} of {step.clarifications}: {why}"
        self._stages.move(step.path, StageStatus.RUNNING, told)
        return PlanOfStage(
            clarified=clarified,
            before=kept,
            count=number,
            attempts=under.attempts + report.attempts,
            resumption=Resumption(
                answers=(),
                phase=AgentPhase.EXECUTE,
                checkpoint=spent.checkpoint,
                calls=report.calls,
            ),
        )

    async def _answered(
        self, step: AgentStep, draft: Clarification, ask: AskMember
    ) -> Clarification:
        """Return what people or a council make of ``draft`` (3)."""
        if step.clarify is None or step.clarifiers is None:
            return draft
        name, gate = clarification_name(draft.number), clarification_gate(step, draft)
        question = Question(id=name, text=gate.description)
        self._stages.move(step.path, StageStatus.WAITING, f"its plan is clarified at {gate.path}")
        advice = None
        if gate.members:
            heard = [await self._heard(gate, each.stage, draft, ask) for each in gate.members]
            advice = advise(heard, quorum=None if has_people(gate) else gate.quorum)
        self._gates.expect_one(gate.path)
        subject = {step.path: {name: draft.digest()}}  # (4) bound to what is proposed
        matter = Matter(
            self._compiled.digest,
            self._inputs,
            subject,
            question=question,
            clarification=draft,
        )
        await self._gates.decide(gate, matter, advice)
        answer = self._gates.answers.get(gate.path)
        if answer is None:  # a council alone has approved what is proposed
            return draft
        return draft.model_copy(update={"plan": answered(draft.plan, answer)})

    async def _heard(
        self, gate: GateStep, stage: str, draft: Clarification, ask: AskMember
    ) -> Member:
        """Return what the agent of a member says of ``draft``; one that fails says nothing (3)."""
        planned = next(each for each in gate.members if each.stage == stage)
        member = self._steps[stage]
        completed, output = False, {}
        if isinstance(member, AgentStep):
            try:
                report = await ask(member, path_of_member(draft.stage, draft.number, stage), draft)
            except StageEndedError:
                pass
            else:
                completed, output = report.status == StageStatus.COMPLETED, report.output
        return Member(
            stage=stage,
            weight=planned.weight,
            min_confidence=planned.min_confidence,
            completed=completed,
            output=output,
        )

    async def _approve_anew(self, step: AgentStep, clarified: Clarification) -> None:
        """Open every guard before a T3 or T4 stage anew that has passed (5)."""
        if step.tier < Tier.T3:
            return
        passed = {each.gate for each in self._gates.approvals}
        for gate in walk(before(self._plan, step.path)):
            if not isinstance(gate, GateStep) or not is_guard(gate) or gate.path not in passed:
                continue
            self._stages.move(
                step.path, StageStatus.WAITING, f"its clarified plan is approved at {gate.path}"
            )
            outputs = self._stages.outputs_of(gate.approves)
            subject = {
                path: {each.name: each.digest for each in found} for path, found in outputs.items()
            }
            subject[step.path] = {clarification_name(clarified.number): clarified.digest()}
            matter = Matter(
                self._compiled.digest,
                self._inputs,
                subject,
                tuple(by_rank(outputs)),
                clarification=clarified,
            )
            await self._gates.decide(gate, matter, hear(gate, self._stages))

    async def _record(
        self,
        step: AgentStep,
        agent: str,
        clarified: Clarification,
        kept: tuple[AgentOutput, ...],
    ) -> None:
        self._records.note_of(
            self._identity(agent),
            step.tier,
            actions.STAGE_CLARIFIED,
            path=step.path,
            number=clarified.number,
            by=step.clarify or "auto",
            before=clarified.before,
            plan=clarified.digest(),
            reasons=list(clarified.plan.reasons),
            constraints=list(clarified.plan.constraints),
            scope=list(clarified.plan.scope),
            errors_until_ms=clarified.errors_until_ms,
            outputs={each.name: each.digest for each in kept},
        )
        await self._records.flush(f"{step.path}: plan clarified")
