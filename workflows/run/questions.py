"""What agents ask of people: each question is a gate of the run, ``<stage>/question-<n>``.

1. It is a gate like any other, with the people that ``config.questions`` names: votes, proofs,
   escalation, reminders and records are those of ``workflows.gates``. The run owns it, never the
   agent's own workflow.
2. A vote is bound to the digest of the question, the opening and the plan. What is put to people is
   what the agent's activity answered: no message to a run can ask in its name, or answer it.
3. Who rejects, or does not answer in time, ends the stage. No default is applied.
4. A stage asks ``QUESTIONS_MAX`` times at most.
"""

from __future__ import annotations

from activities.contracts import messages
from activities.contracts.resumption import Asked
from dsl.core import StageStatus
from dsl.limits import QUESTIONS_MAX
from dsl.plan import AgentStep, GateStep
from dsl.rules.gates.questions import Answered, Question
from dsl.values.canonical import digest_of
from workflows.gates.gate_board import GateBoard
from workflows.gates.opening import Matter
from workflows.run.stages import Stages
from workflows.runtime import failures
from workflows.runtime.failures import StageEndedError


class Questions:
    """Puts the questions of one run to people."""

    def __init__(self, compiled: messages.CompileResult, stages: Stages, gates: GateBoard) -> None:
        self._compiled = compiled
        self._stages = stages
        self._gates = gates
        self._count: dict[str, int] = {}  # by stage path

    async def put(self, step: AgentStep, asked: Asked) -> Answered:
        """Wait until people have answered what the agent of ``step`` asks.

        Raises:
            StageEndedError: they rejected it, did not answer in time, or cannot be asked (3) (4).
        """
        question = asked.question
        gate = self._gate(step, question)
        self._gates.expect_one(gate.path)
        self._stages.move(step.path, StageStatus.WAITING, f"asks at {gate.path}")
        subject = {step.path: {gate.name: question.digest()}}  # (2) a vote is bound to the question
        matter = Matter(
            self._compiled.digest, digest_of(self._compiled.inputs), subject, question=question
        )
        await self._gates.decide(gate, matter, None)
        self._stages.move(step.path, StageStatus.RUNNING)
        answer = self._gates.answers[gate.path]
        return Answered(id=question.id, question=question.digest(), answer=answer)

    def _gate(self, step: AgentStep, question: Question) -> GateStep:
        number = self._count[step.path] = self._count.get(step.path, 0) + 1
        if step.questions is None or number > QUESTIONS_MAX:
            why = (
                "it asks, and has no config.questions"
                if step.questions is None
                else f"it has asked {QUESTIONS_MAX} times"
            )
            raise StageEndedError(failures.STAGE_FAILED, step.path, StageStatus.FAILED, why)
        name = f"question-{number}"
        return GateStep(
            path=f"{step.path}/{name}",
            name=name,
            description=question.described(),
            gate_type="approval",
            **dict(step.questions),
        )
