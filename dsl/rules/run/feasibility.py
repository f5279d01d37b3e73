"""Which stages may still come, so that nobody is asked for a run that cannot succeed.

Whether a stage could run is for whoever sees Vault and the machine to say. Which ones that matters
for follows from the plan and what has happened so far. The rules:

1. What has begun, ended or been skipped is not looked at again.
2. Of a condition that reads nothing but the inputs of the run, the way it will go is known. Of any
   other both ways may come: who answers a gate should not do so for one that is shut.
3. Behind a gate is what requires it, directly or over others, and what requires the stages around
   it. That is all that an answer lets happen.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Final

from dsl.conditions.errors import ExpressionError
from dsl.conditions.parser import parse
from dsl.core import StageStatus
from dsl.plan import AgentStep, AnyStep, Arm, GateStep, Plan, children, walk

_INPUTS: Final = "inputs"


def has_gate(plan: Plan) -> bool:
    """Tell whether anybody is ever asked."""
    return any(isinstance(step, GateStep) for step in walk(plan.steps))


def possible(
    steps: Iterable[AnyStep],
    status_of: Callable[[str], StageStatus],
    inputs: Mapping[str, Any],
) -> Iterator[AgentStep]:
    """Yield the agent stages below ``steps`` that may still come (1) (2)."""
    for step in steps:
        if isinstance(step, AgentStep):
            if status_of(step.path) is StageStatus.PENDING:
                yield step
            continue
        for arm in _coming(step, inputs):
            yield from possible(arm.steps, status_of, inputs)


def _coming(step: AnyStep, inputs: Mapping[str, Any]) -> tuple[Arm, ...]:
    arms = children(step)
    holds = None if step.decided_by is None else _known(step.decided_by, inputs)
    if holds is None:
        return arms
    then, otherwise = arms
    return (then if holds else otherwise,)  # (2) inputs alone: the way is known


def _known(text: str, inputs: Mapping[str, Any]) -> bool | None:
    """Return which way a condition will go; None: that depends on what stages put out."""
    try:
        expression = parse(text)
        if any(each.names[0] != _INPUTS for each in expression.references):
            return None
        return expression.test({_INPUTS: inputs, "stages": {}})
    except ExpressionError:
        return None  # it fails when its turn comes, and says why


class Followers:
    """What waits for a step; made once for a plan, so that many gates may ask."""

    def __init__(self, plan: Plan) -> None:
        self._around: dict[str, str] = {}  # path of the stage around it, by path
        self._next: dict[str, list[AnyStep]] = {}
        self._read(plan.steps, "")

    def of(self, path: str) -> tuple[AnyStep, ...]:
        """Return the steps that wait for ``path``, each once, with what is inside them (3)."""
        found: dict[str, AnyStep] = {}
        while path:
            waiting = [path]
            while waiting:
                for step in self._next.get(waiting.pop(), ()):
                    if step.path not in found:
                        found[step.path] = step
                        waiting.append(step.path)
            path = self._around.get(path, "")
        return tuple(found.values())

    def _read(self, steps: tuple[AnyStep, ...], around: str) -> None:
        named = {step.name: step.path for step in steps}
        for step in steps:
            self._around[step.path] = around
            for name in step.requires:
                self._next.setdefault(named[name], []).append(step)
            for arm in children(step):
                self._read(arm.steps, step.path)
