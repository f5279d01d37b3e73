"""Which gates stand before a stage, and what must have passed when it starts.

Read from the plan alone, so that it holds whatever a workflow says has happened. The rules:

1. A *guard* is a gate that asks people and takes verified identities only.
2. Before a stage stands what it requires, directly or over others, and what the stages around it
   require.
3. A guard at their level has passed, and so has every one inside a parallel stage that completes
   only when all its branches have.
4. Of a condition, or of a parallel stage that the first branch completes, one way was taken: all
   guards on one of the ways have passed.
5. A parallel stage that goes on after a failure vouches for nothing.
6. What a stage will read is asked for at one gate only: the last guard that stands before it on
   every way, or, where there is none, the guards on each way. A second request would end the
   first.
7. What people have signed for a stage of T3 or T4 is good in the one run that they were asked in.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import Final, assert_never

from dsl.core import Tier
from dsl.plan import AgentStep, AnyStep, GateStep, Plan, children, walk
from dsl.rules.gates.consensus import VERIFIED
from dsl.rules.gates.gate_rules import has_people
from dsl.steps.step import Passes

Steps = tuple[AnyStep, ...]

GUARDED_FROM: Final = Tier.T3


@dataclass(frozen=True, slots=True)
class _Level:
    """One list of steps, and the one among them that leads to the step in question."""

    steps: Steps
    at: AnyStep


def is_guard(step: AnyStep) -> bool:
    """Tell whether ``step`` is a gate that only people of proven identity can pass (1)."""
    return isinstance(step, GateStep) and has_people(step) and step.identity == (VERIFIED,)


def before(plan: Plan, path: str) -> Steps:
    """Return the steps that have completed when the step at ``path`` starts (2).

    Raises:
        KeyError: the plan has no such step.
    """
    return tuple(step for level in _levels(plan, path) for step in _required(level))


def guards_of(plan: Plan, path: str) -> tuple[GateStep, ...]:
    """Return the guards that have passed, whichever way was taken, when ``path`` starts (3).

    Raises:
        KeyError: the plan has no such step.
    """
    return tuple(_certain(before(plan, path)))


def is_guarded(steps: Steps) -> bool:
    """Tell whether a guard has passed when all of ``steps`` have completed, on every way."""
    return any(_guards(step) for step in steps)


def holds(steps: Steps, approved: AbstractSet[str]) -> bool:
    """Tell whether ``steps`` can have completed with no guards passed but the ``approved``."""
    return all(_can_complete(step, approved) for step in steps)


def stages_behind(plan: Plan, gate_path: str) -> tuple[AgentStep, ...]:
    """Return the stages of T3 and above that read secrets and wait for this guard, in order.

    They may wait for it on one way only. A gate that is no guard has none.
    """
    try:
        levels = _levels(plan, gate_path)
    except KeyError:
        return ()
    if not is_guard(levels[-1].at):
        return ()
    waiting = [inner for level in levels for step in _dependent(level) for inner in walk((step,))]
    return tuple(
        step
        for step in waiting
        if isinstance(step, AgentStep) and step.tier >= GUARDED_FROM and step.secrets
    )


def asked_for(plan: Plan) -> dict[str, tuple[AgentStep, ...]]:
    """Return, by guard, the stages whose secrets are asked for when it opens (6)."""
    order = {step.path: place for place, step in enumerate(walk(plan.steps))}
    standing: dict[str, frozenset[str]] = {}
    asked: dict[str, list[AgentStep]] = {}

    def stands_before(path: str) -> frozenset[str]:
        if path not in standing:
            standing[path] = frozenset(step.path for step in walk(before(plan, path)))
        return standing[path]

    for step in walk(plan.steps):
        if isinstance(step, AgentStep) and step.tier >= GUARDED_FROM and step.secrets:
            for path in _asking(plan, step, stands_before, order):
                asked.setdefault(path, []).append(step)
    return {path: tuple(steps) for path, steps in asked.items()}


def acting_on(plan: Plan) -> dict[str, frozenset[str]]:
    """Return, by gate, the stages of T3 and above for which its votes are verified again (7)."""
    found: dict[str, set[str]] = {}
    for step in walk(plan.steps):
        if isinstance(step, AgentStep) and step.tier >= GUARDED_FROM:
            for inner in walk(before(plan, step.path)):
                if isinstance(inner, GateStep):
                    found.setdefault(inner.path, set()).add(step.path)
    return {gate: frozenset(stages) for gate, stages in found.items()}


def _asking(
    plan: Plan,
    step: AgentStep,
    stands_before: Callable[[str], frozenset[str]],
    order: Mapping[str, int],
) -> Iterator[str]:
    """Yield the guards that ask for what ``step`` reads: one on every way, or one on each."""
    earlier = before(plan, step.path)
    certain = [guard.path for guard in _certain(earlier)]
    if not certain:
        yield from (inner.path for inner in walk(earlier) if is_guard(inner))
        return
    behind = frozenset[str]().union(*(stands_before(path) for path in certain))
    yield max((path for path in certain if path not in behind), key=order.__getitem__)


def _levels(plan: Plan, path: str) -> tuple[_Level, ...]:
    """Return the way to a step, outermost list first."""
    levels: list[_Level] = []
    lists: tuple[Steps, ...] = (plan.steps,)
    while True:
        level = next(
            (_Level(steps, at) for steps in lists for at in steps if _leads_to(at, path)), None
        )
        if level is None:
            raise KeyError(path)
        levels.append(level)
        if level.at.path == path:
            return tuple(levels)
        lists = tuple(arm.steps for arm in children(level.at))


def _leads_to(step: AnyStep, path: str) -> bool:
    return path == step.path or path.startswith(f"{step.path}/")


def _required(level: _Level) -> Iterator[AnyStep]:
    """Yield what the step of this level requires, directly or over others, in plan order."""
    named = {step.name: step for step in level.steps}

    def needs(step: AnyStep) -> Iterator[AnyStep]:
        return (named[name] for name in step.requires if name in named)

    return _reached(level, needs)


def _dependent(level: _Level) -> Iterator[AnyStep]:
    """Yield what requires the step of this level, directly or over others, in plan order."""
    followers: dict[str, list[AnyStep]] = {}
    for step in level.steps:
        for name in step.requires:
            followers.setdefault(name, []).append(step)
    return _reached(level, lambda step: iter(followers.get(step.name, ())))


def _reached(level: _Level, along: Callable[[AnyStep], Iterator[AnyStep]]) -> Iterator[AnyStep]:
    reached: set[str] = set()
    waiting = [level.at]
    while waiting:
        for step in along(waiting.pop()):
            if step.path not in reached:
                reached.add(step.path)
                waiting.append(step)
    return (step for step in level.steps if step.path in reached and step is not level.at)


def _certain(steps: Steps) -> Iterator[GateStep]:
    for step in steps:
        if isinstance(step, GateStep) and is_guard(step):
            yield step
        if step.passes is Passes.EVERY_ARM:  # (3); (4): of a condition nobody knows which way
            for arm in children(step):
                yield from _certain(arm.steps)


def _guards(step: AnyStep) -> bool:
    arms = (is_guarded(arm.steps) for arm in children(step))
    match step.passes:
        case Passes.EVERY_ARM:
            return any(arms)
        case Passes.ONE_ARM:
            return all(arms)
        case Passes.NO_ARM:  # (5) it vouches for nothing
            return is_guard(step)
        case _:
            assert_never(step.passes)


def _can_complete(step: AnyStep, approved: AbstractSet[str]) -> bool:
    arms = (holds(arm.steps, approved) for arm in children(step))
    match step.passes:
        case Passes.EVERY_ARM:
            return all(arms)
        case Passes.ONE_ARM:
            return any(arms)  # (4) one of the ways was taken
        case Passes.NO_ARM:  # (5) it vouches for nothing
            return not is_guard(step) or step.path in approved
        case _:
            assert_never(step.passes)
