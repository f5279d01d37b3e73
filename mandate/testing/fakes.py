"""Agents of a test: what stands in for the program of a stage, without a process or a sandbox.

1. A stage whose program nobody made up completes with an empty output: a test says what matters.
2. What the template of a stage says that it produces is delivered, made up where nothing was said.
3. What a function raises is a failure that the agent says of itself, so ``retry`` applies to it.
4. Everything around the program is the engine's own: its phases, credentials, leases and records.
5. What is made up for a stage has to be of the pipeline that starts next: a misspelled stage is
   refused, and not silently left with an empty output.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

from dsl.core import AgentPhase
from dsl.plan import AgentStep, Plan, walk
from integrations.agents.contract.protocol import (
    FAILED,
    AgentError,
    Artifact,
    Outcome,
    Request,
    Result,
)
from integrations.agents.programs.program import Program
from integrations.redaction import Redactor

Behaviour = Callable[[Request], Mapping[str, Any]]
MEDIA_TYPE: Final = "text/plain"
LEVEL: Final = "made up by a test"


class FakeAgents:
    """Runs what a test says in place of programs; it is told by the engine's own loop."""

    def __init__(self) -> None:
        self.asked: list[Request] = []  # of every program that was started, in order
        self._unplaced: set[str] = set()  # stages of which no pipeline that was started is known
        self._behaviours: dict[str, Behaviour] = {}
        self._files: dict[str, Mapping[str, str]] = {}
        self._produces: dict[str, tuple[str, ...]] = {}

    def forget(self) -> None:
        """Begin a test."""
        self.asked.clear()
        self._unplaced.clear()
        self._behaviours.clear()
        self._files.clear()
        self._produces.clear()

    def put(self, stage: str, behaviour: Behaviour, files: Mapping[str, str]) -> None:
        """Say what the agent of a stage does, by the path of the stage."""
        self._unplaced.add(stage)
        self._behaviours[stage] = behaviour
        self._files[stage] = files

    def produce(self, plan: Plan) -> None:
        """Deliver what the templates of a plan say that they produce (2).

        Raises:
            LookupError: something was made up for a stage that the plan does not have (5).
        """
        agents = {step.path: step for step in walk(plan.steps) if isinstance(step, AgentStep)}
        for stage in sorted(self._unplaced):
            if not any(stage == path or stage.startswith(f"{path}/") for path in agents):
                told = ", ".join(agents) or "none"
                raise LookupError(
                    f"mandate.agent({stage!r}, …): the pipeline {plan.name!r} has no agent stage "
                    f"of that path; it has: {told}"
                )
        self._unplaced.clear()
        self._produces.update({path: step.produces for path, step in agents.items()})

    async def run(
        self, program: Program, request: Request, *, redact: Redactor, **_limits: Any
    ) -> Outcome:
        """See ``integrations.agents.runner.AgentRunner``."""
        self.asked.append(request)
        behaviour = self._behaviours.get(request.stage)
        try:  # a function of the author's, which may block
            output = await asyncio.to_thread(behaviour, request) if behaviour else {}
        except Exception as error:
            raise AgentError(FAILED, f"{program.name}: {error}", retryable=True) from error
        files = self._delivered(request.stage) if request.phase == AgentPhase.EXECUTE else {}
        return Outcome(
            result=Result(ok=True, output=redact.value(dict(output)), summary=LEVEL),
            artifacts=tuple(_file(request.workdir, *each) for each in files.items()),
            level=LEVEL,
        )

    def _delivered(self, stage: str) -> Mapping[str, str]:
        made_up = {name: f"{name}, {LEVEL}\n" for name in self._produces.get(stage, ())}
        return {**made_up, **self._files.get(stage, {})}


def _file(folder: Path, name: str, text: str) -> Artifact:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return Artifact(name, path, MEDIA_TYPE, len(text.encode()))


def saying(output: Mapping[str, Any]) -> Behaviour:
    """Return an agent that answers so."""
    return lambda _request: output


def raising(why: str) -> Behaviour:
    """Return an agent whose work fails (3)."""

    def fail(_request: Request) -> Mapping[str, Any]:
        raise RuntimeError(why)

    return fail
