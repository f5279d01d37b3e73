"""What the seed decides of an experiment before it begins: which faults happen, when, and where.

Everything random is drawn here and in this order, and nothing of it depends on time: the same
seed plans the same.
"""

from __future__ import annotations

import random
from collections.abc import Sequence

from dsl.chaos.catalogue import AGENTS, FAULTS
from dsl.chaos.experiment import EACH, Experiment, FaultStep
from dsl.chaos.reading import target_of
from dsl.core import AgentPhase
from mandate.work.chaos.journal import PlannedFault


def planned(experiment: Experiment, seed: int) -> list[PlannedFault]:
    """Return the faults of the experiment in order."""
    chance = random.Random(f"{experiment.name}/{seed}")  # noqa: S311 - it repeats
    return [
        PlannedFault(
            number=number,
            fault=step.fault,
            target=target_of(step),
            happens=chance.random() < step.probability,
            delay_ms=chance.randint(0, step.when.within) + (step.when.time or 0),
            lasts_ms=step.lasts or 0,
            places=tuple(_places(step, experiment.runs, chance)),
        )
        for number, step in enumerate(experiment.method)
    ]


def _places(step: FaultStep, runs: int, chance: random.Random) -> Sequence[str]:
    """Return where each run is struck: every phase and every agent gets its turn."""
    kind = FAULTS[step.fault]
    first = chance.randrange(len(kind.phases) * len(AGENTS))
    agents = [target_of(step)] if target_of(step) in AGENTS else [*AGENTS]
    if step.when.phase is None:
        return [agents[(first + run) % len(agents)] for run in range(runs)]
    phases = kind.phases if step.when.phase == EACH else (AgentPhase(step.when.phase),)
    turns = [(first + run) for run in range(runs)]
    return [
        f"{agents[(turn // len(phases)) % len(agents)]}/{phases[turn % len(phases)]}"
        for turn in turns
    ]
