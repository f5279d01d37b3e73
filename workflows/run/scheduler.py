"""The scheduler of a run: its plan is a graph of stages, and each is started when it may.

1. A stage starts as soon as all it requires have completed; what waits for nothing starts at
   once, as far as ``workflows.run.turns`` lets it.
2. When a stage fails, running siblings are cancelled and have cleaned up before the failure
   goes on; the rest is never started.
3. ``parallel``: ``join: all`` waits for every branch, ``any`` for the first to complete, and
   cancels the others. ``on_failure: cancel`` fails with the first branch that fails;
   ``continue`` lets the others run to their end, and fails then, if ``all`` had to complete or
   none did.
4. ``condition`` runs one of two lists; the other is skipped.

Nothing here or below awaits in a ``finally``: a run that is evicted from the worker's cache is
closed from outside, where waiting is an error.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol, assert_never

from temporalio.exceptions import ActivityError

from dsl.conditions.errors import ExpressionError
from dsl.conditions.parser import parse
from dsl.core import StageStatus
from dsl.plan import AgentStep, AnyStep, ConditionStep, GateStep, ParallelStep, children, walk
from workflows.run.stages import Stages
from workflows.run.turns import Turns
from workflows.runtime import failures
from workflows.runtime.failures import StageEndedError


class Leaves(Protocol):
    """How the two kinds of stage that do something are run."""

    async def agent(self, step: AgentStep) -> str:
        """Run an agent stage; return its detail or raise ``StageEndedError``."""

    async def gate(self, step: GateStep) -> str:
        """Wait at a gate; return its detail or raise ``StageEndedError``."""

    def passed_over(self, steps: Iterable[AnyStep]) -> None:
        """Be told of steps of which none that has not begun will."""

    def environment(self) -> dict[str, Any]:
        """Return what conditions may refer to."""


@dataclass(slots=True)
class _Progress:
    """How many of a group are still under way, and what went wrong first."""

    left: int
    completed: int = 0
    failure: StageEndedError | None = None
    is_broken: bool = False  # something ended that was neither: a bug
    # An event and no wait_condition: those are all tried again in every activation.
    is_over: asyncio.Event = field(default_factory=asyncio.Event)


class Scheduler:
    """Starts steps; knows the graph and nothing of agents, people or the ledger."""

    def __init__(self, stages: Stages, leaves: Leaves, turns: Turns) -> None:
        self._stages = stages
        self._leaves = leaves
        self._turns = turns

    async def steps(self, steps: Sequence[AnyStep]) -> None:
        """Run siblings in the order their ``requires`` demand (1).

        Raises:
            StageEndedError: the first failure, after the others have cleaned up (2).
        """
        done = {step.name: asyncio.Event() for step in steps}

        async def when_ready(step: AnyStep) -> None:
            for name in step.requires:
                await done[name].wait()
            if isinstance(step, AgentStep):
                async with self._turns.agents:
                    await self._start(step)
            else:
                await self._start(step)
            done[step.name].set()

        progress = await _run([when_ready(step) for step in steps], lambda p: p.failure is not None)
        if progress.failure is not None:
            raise progress.failure

    async def _start(self, step: AnyStep) -> None:
        await self._turns.start()
        self._move(step, StageStatus.RUNNING)
        try:
            detail = await self._dispatch(step)
        except StageEndedError as error:
            inner = error.path != step.path
            self._move(
                step,
                StageStatus.FAILED if inner else error.status,
                f"stage {error.path!r} {error.status}" if inner else error.detail,
            )
            raise
        except ActivityError as error:
            kind, message = failures.cause_of(error)
            self._move(step, StageStatus.FAILED, message)
            raise StageEndedError(
                failures.STAGE_FAILED, step.path, StageStatus.FAILED, f"{message} ({kind})"
            ) from None
        except asyncio.CancelledError:
            self._move(step, StageStatus.CANCELLED)
            raise
        self._move(step, StageStatus.COMPLETED, detail)

    async def _dispatch(self, step: AnyStep) -> str:
        match step:
            case AgentStep():
                return await self._leaves.agent(step)
            case GateStep():
                return await self._leaves.gate(step)
            case ParallelStep():
                return await self._parallel(step)
            case ConditionStep():
                return await self._condition(step)
            case _:
                assert_never(step)

    async def _parallel(self, step: ParallelStep) -> str:
        """Run the branches side by side (3)."""
        first_wins, cancels = step.join == "any", step.on_failure == "cancel"

        def over(progress: _Progress) -> bool:
            return (first_wins and progress.completed > 0) or (
                cancels and progress.failure is not None
            )

        arms = children(step)
        progress = await _run([self.steps(arm.steps) for arm in arms], over)
        if progress.failure is not None and not (first_wins and progress.completed):
            raise progress.failure
        inner = [inner for arm in arms for inner in walk(arm.steps)]
        self._stages.skip(inner, "another branch completed first")
        self._leaves.passed_over(inner)
        self._stages.over(step.path, self._stages.last_end_of(inner))
        return f"{progress.completed} of {len(arms)} branches completed"

    async def _condition(self, step: ConditionStep) -> str:
        """Run one list of steps or the other (4)."""
        try:
            holds = parse(step.expression).test(self._leaves.environment())
        except ExpressionError as error:
            raise StageEndedError(
                failures.STAGE_FAILED, step.path, StageStatus.FAILED, f"condition: {error}"
            ) from None
        taken, left = (step.then, step.otherwise) if holds else (step.otherwise, step.then)
        word = "true" if holds else "false"
        self._stages.skip(walk(left), f"the condition of {step.path!r} is {word}")
        self._leaves.passed_over(walk(left))
        await self.steps(taken)
        self._stages.over(step.path, self._stages.last_end_of(walk(taken)))
        return f"the condition is {word}"

    def _move(self, step: AnyStep, status: StageStatus, detail: str = "") -> None:
        self._stages.move(step.path, status, detail)


async def _run(work: Sequence[Awaitable[None]], over: Callable[[_Progress], bool]) -> _Progress:
    """Run ``work`` side by side until all have ended or ``over`` says so; cancel the rest."""
    progress = _Progress(left=len(work))

    async def one(item: Awaitable[None]) -> None:
        is_known = False
        try:
            await item
            progress.completed += 1
            is_known = True
        except StageEndedError as error:
            progress.failure = progress.failure or error
            is_known = True
        finally:
            progress.left -= 1
            progress.is_broken |= not is_known
            if progress.left == 0 or progress.is_broken or over(progress):
                progress.is_over.set()

    tasks = [asyncio.ensure_future(one(item)) for item in work]
    try:
        if work:
            await progress.is_over.wait()
    except asyncio.CancelledError:
        await _stop(tasks)
        raise
    await _stop(tasks)
    return progress


async def _stop(tasks: Sequence[asyncio.Task[None]]) -> None:
    """Cancel what is under way and wait until it has cleaned up (2).

    What ended in any other way is a bug: raised here, it stops the run's workflow task, visibly,
    until the code is mended. It never counts as a stage that completed.
    """
    for task in tasks:
        task.cancel()
    for ended in await asyncio.gather(*tasks, return_exceptions=True):
        if isinstance(ended, Exception):
            raise ended
