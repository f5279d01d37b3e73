"""What agents ask of people: each question is a gate of the run, ``<stage>/question-<n>``.

1. It is a gate like any other, with the people that ``config.questions`` names: votes, proofs,
   escalation, reminders and records are those of ``workflows.gates``. The run owns it, never the
   agent's own workflow.
2. A vote is bound to the digest of the question, the opening and the plan. What is put to people is
   what the agent's activity has told the server, or has answered: a message to a run only has it
   look, and can neither ask in the agent's name nor answer it.
3. Who rejects, or does not answer in time, ends the stage. No default is applied.
4. A stage asks ``QUESTIONS_MAX`` times at most, and looks ``QUESTION_LOOKS_MAX`` times.
5. A question has one gate, whichever try of the agent asks it: one that asks at work, is ended and
   asks again is answered by the same vote. Where the agent is over without it, the gate is closed.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from temporalio import workflow
from temporalio.exceptions import ActivityError

from activities.contracts import messages, question_specs
from activities.contracts.resumption import Asked
from dsl.core import StageStatus
from dsl.limits import QUESTION_LOOKS_MAX, QUESTIONS_MAX
from dsl.plan import AgentStep, GateStep
from dsl.rules.gates.questions import Answered, Question
from dsl.rules.gates.unnamed import question_name
from dsl.shown.surfaces import Markdown
from dsl.values.canonical import digest_of
from workflows.gates.gate_board import GateBoard
from workflows.gates.opening import Matter
from workflows.run.stages import Stages
from workflows.runtime import failures
from workflows.runtime.cancellation import stop_each
from workflows.runtime.failures import StageEndedError


@dataclass(frozen=True, slots=True)
class PutQuestion:
    """A question and its gate, until it is decided and after."""

    question: Question
    gate: str
    decided: asyncio.Task[Answered]

    def answer(self) -> Answered | None:
        """Return the answer; None while there is none, or where there will be none."""
        is_given = self.decided.done() and not self.decided.cancelled()
        return self.decided.result() if is_given and not self.decided.exception() else None


class Questions:
    """Puts the questions of one run to people."""

    def __init__(self, compiled: messages.CompileResult, stages: Stages, gates: GateBoard) -> None:
        self._compiled = compiled
        self._stages = stages
        self._gates = gates
        self._count: dict[str, int] = {}  # by stage path, as all that follows
        self._looks: dict[str, int] = {}
        self._told: set[str] = set()
        self._put: dict[str, list[PutQuestion]] = {}

    def begin(self, path: str) -> None:
        """Note that an agent begins the stage: what another one was told is not for it."""
        self._put[path] = []

    def look(self, path: str) -> None:
        """Be told that the agent of the stage asks (2)."""
        self._told.add(path)

    def answers(self, path: str) -> tuple[Answered, ...]:
        """Return what was answered in the stage."""
        return tuple(filter(None, (each.answer() for each in self._put.get(path, ()))))

    def posed(self, path: str) -> list[dict[str, Any]]:
        """Return what was asked in the stage, for whoever queries."""
        rows = []
        for each in self._put.get(path, ()):
            given = each.answer()
            row = question_specs.Posed(
                question=each.question, gate=each.gate, answer=given.answer if given else None
            )
            rows.append(row.model_dump(mode="json"))
        return rows

    async def attend(
        self, step: AgentStep, child: Callable[[], question_specs.AsksRequest]
    ) -> None:
        """Put what the agent asks while it works, until cancelled.

        Raises:
            StageEndedError: people rejected it, or did not answer in time (3).
        """
        path = step.path
        self._told.discard(path)
        while True:
            await workflow.wait_condition(lambda: path in self._told and self._may_look(path))
            self._told.discard(path)
            question = await self._seen(step, child())
            if question is not None:
                decided = self._of(step, question).decided
                await asyncio.wait((decided,))  # who stops waiting leaves it open
                decided.result()

    async def put(self, step: AgentStep, asked: Asked) -> Answered:
        """Wait until people have answered what the agent of ``step`` asks.

        Raises:
            StageEndedError: they rejected it, did not answer in time, or cannot be asked (3) (4).
        """
        return await self._of(step, asked.question).decided

    async def close(self, path: str) -> asyncio.CancelledError | None:
        """Close what is still open of the stage, which is over without it (5).

        Returns the cancel that reached the caller meanwhile.
        """
        return await stop_each(each.decided for each in self._put.get(path, ()))

    def _may_look(self, path: str) -> bool:
        return self._looks.get(path, 0) < QUESTION_LOOKS_MAX

    async def _seen(self, step: AgentStep, child: question_specs.AsksRequest) -> Question | None:
        """Return what the agent asks, in the words of its activity (2)."""
        number = self._looks[step.path] = self._looks.get(step.path, 0) + 1
        try:
            found = await question_specs.asks(
                child,
                activity_id=f"{step.path}/asks#{number}",
                summary=Markdown.of("{}: what does it ask?", step.path),
                local=True,
            )
        except ActivityError:
            return None
        return found.question

    def _of(self, step: AgentStep, question: Question) -> PutQuestion:
        """Return the question with its gate, which opens now unless it did before (5)."""
        put = self._put.setdefault(step.path, [])
        known = next((each for each in put if each.question == question), None)
        if known is not None:
            return known
        gate = self._gate(step, question)
        made = PutQuestion(
            question, gate.path, asyncio.create_task(self._decide(step, gate, question))
        )
        put.append(made)
        return made

    async def _decide(self, step: AgentStep, gate: GateStep, question: Question) -> Answered:
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
        name = question_name(number)
        return GateStep(
            path=f"{step.path}/{name}",
            name=name,
            description=question.described(),
            gate_type="approval",
            **step.questions.asked(),
        )
