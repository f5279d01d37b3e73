"""What the seed decides of an experiment before it begins: which faults happen, when, and where.

1. Everything random is drawn here and in this order, and nothing of it depends on time: the same
   seed plans the same.
2. A run that is held in two phases is held in the second one after the first: of the same agent,
   unless another is named, and in a phase that it has not left by then; the agent behind the gate
   is not held where another is named after it. Else both would wait for each other.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence

from dsl.chaos.catalogue import AGENTS, FAULTS
from dsl.chaos.experiment import EACH, Experiment, FaultStep
from dsl.chaos.reading import target_of
from dsl.core import AGENT_PHASES_ORDERED
from mandate.work.chaos.journal import PlannedFault


def planned(experiment: Experiment, seed: int) -> list[PlannedFault]:
    """Return the faults of the experiment in order."""
    chance = random.Random(f"{experiment.name}/{seed}")  # noqa: S311 - it repeats
    plan: list[PlannedFault] = []
    held: list[str] = [""] * experiment.runs  # where each run is struck in a phase, the last of it
    for number, step in enumerate(experiment.method):
        happens = chance.random() < step.probability
        delay_ms = chance.randint(0, step.when.within) + (step.when.time or 0)
        named = {each.target for each in experiment.method[number + 1 :] if each.when.phase}
        allowed = FAULTS[step.fault].agents
        agents = AGENTS[:-1] if named & {*AGENTS[:-1]} and allowed == AGENTS else allowed
        places = [*_places(step, held, agents, chance)]
        if step.when.phase is not None:
            held = places
        plan.append(
            PlannedFault(
                number=number,
                fault=step.fault,
                target=EACH if _is_turned(step) else target_of(step),
                happens=happens,
                delay_ms=delay_ms,
                lasts_ms=step.lasts or 0,
                places=tuple(places),
            )
        )
    return plan


def _places(
    step: FaultStep, held: Sequence[str], agents: Sequence[str], chance: random.Random
) -> Iterator[str]:
    """Yield where each run is struck: every phase and every agent gets its turn (2)."""
    kind = FAULTS[step.fault]
    first = chance.randrange(len(kind.phases) * len(AGENTS))
    is_named = target_of(step) in AGENTS and not _is_turned(step)
    agents = [target_of(step)] if is_named else agents
    is_agent = is_named or len(agents) == 1
    phases = kind.phases if step.when.phase == EACH else (step.when.phase,)
    for turn, earlier in enumerate(held, start=first):
        if phases == (None,):
            yield agents[turn % len(agents)]
            continue
        agent = agents[(turn // len(phases)) % len(agents)]
        phase = phases[turn % len(phases)]
        before, _, reached = earlier.partition("/")
        if before and not is_agent:  # (2) where the run was struck before
            agent = before
        if before == agent and _is_past(str(phase), reached):  # (2) or after that
            phase = next((each for each in phases if not _is_past(str(each), reached)), phase)
        yield f"{agent}/{phase}"


def _is_turned(step: FaultStep) -> bool:
    """Tell whether every run has another agent struck."""
    return step.target is None and target_of(step) in AGENTS


def _is_past(phase: str, reached: str) -> bool:
    names = [each.value for each in AGENT_PHASES_ORDERED]
    return names.index(phase) < names.index(reached)
