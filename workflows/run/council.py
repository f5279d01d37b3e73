"""Agents among a gate's voters: what they have said, and what their failure means.

1. What a member says is the output of its stage; a stage that failed has said nothing.
2. A member that fails does not fail the run: its error is a matter for people, at the gate. Only
   where nothing but such gates waits for it; a stage that needs its outputs cannot go on.
3. A gate that decides suggestions hears its members about each of them.
"""

from __future__ import annotations

from dsl.core import StageStatus
from dsl.plan import AnyStep, GateStep, Plan, children, walk
from dsl.rules.gates.council import Advice, Member, advise
from dsl.rules.gates.gate_rules import has_people
from dsl.rules.review.hearing import advise_on
from workflows.run.stages import Stages


def hear(step: GateStep, stages: Stages) -> Advice | None:
    """Return the advice of the gate's members; None when it has none (1)."""
    if not step.members:
        return None
    heard = [
        _member(stages, member.stage, member.weight, member.min_confidence)
        for member in step.members
    ]
    if step.decides is not None:  # (3) about each of them
        return advise_on(_member(stages, step.decides), heard, quorum=step.quorum)
    return advise(heard, quorum=None if has_people(step) else step.quorum)


def _member(stages: Stages, path: str, weight: int = 0, min_confidence: float = 0.0) -> Member:
    result = stages[path]
    return Member(
        stage=path,
        weight=weight,
        min_confidence=min_confidence,
        completed=result.status is StageStatus.COMPLETED,
        output=result.output,
        detail=result.detail,
    )


def heard_only(plan: Plan) -> frozenset[str]:
    """Return the paths of stages whose failure only their gates have to deal with (2)."""
    members = {
        member.stage
        for step in walk(plan.steps)
        if isinstance(step, GateStep)
        for member in step.members
    }
    return frozenset(
        step.path
        for scope in _scopes(plan.steps)
        for step in scope
        if step.path in members and all(_hears(other, step) for other in scope)
    )


def _hears(other: AnyStep, step: AnyStep) -> bool:
    """Tell whether ``other`` does not wait for ``step``, or only to hear it."""
    if step.name not in other.requires:
        return True
    return isinstance(other, GateStep) and any(m.stage == step.path for m in other.members)


def _scopes(steps: tuple[AnyStep, ...]) -> list[tuple[AnyStep, ...]]:
    scopes = [steps]
    for step in steps:
        scopes += [scope for arm in children(step) for scope in _scopes(arm.steps)]
    return scopes
