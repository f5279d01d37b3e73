"""Experiments drawn by a seed, so that every fault and every phase gets its turn.

1. A deck holds every fault there is, with each of the workers that it may be done to, and the death
   of the worker that does the agents' work several times; it is shuffled by the seed, and another
   is shuffled when it is used up. So after a deck no fault is left out, and none is ahead by more.
2. Now and then a second fault comes on top: what two of them do together nobody has thought of. The
   one that has fewer phases comes first, so that the other finds one that is not past.
3. What is drawn is an experiment like any other: it can be written to a file and made again.
"""

from __future__ import annotations

import random
from collections.abc import Collection, Iterator
from typing import Any, Final

import yaml

from dsl.chaos.catalogue import FAULTS, Reach
from dsl.chaos.experiment import EACH, Experiment
from dsl.chaos.reading import parse_experiment
from dsl.core import ChaosCondition
from dsl.values.durations import render_duration

Card = tuple[ChaosCondition, str | None]  # a fault, and what it is done to; None: what is usual

RUNS: Final = 12  # of an experiment
RUNS_OF_DEATH: Final = 16  # of one in which a worker dies: two in each phase
SECOND: Final = 0.15  # how often a second fault comes on top (2)
_OFTEN: Final[dict[Card, int]] = {(ChaosCondition.WORKER_DEATH, "worker"): 6}
_LASTS_S: Final = (1, 3)
_WITHIN_S: Final = (0, 0, 1)
SEED_MAX: Final = 1 << 31


def experiments(seed: int, known: Collection[ChaosCondition]) -> Iterator[tuple[Experiment, int]]:
    """Yield experiments without end, each with its own seed."""
    chance = random.Random(f"search/{seed}")  # noqa: S311 - it repeats
    cards = [card for fault in FAULTS if fault in known for card in _cards(fault)]
    deck: list[Card] = []
    number = 0
    while True:
        if not deck:  # (1) every fault gets its turn
            deck = [card for card in cards for _ in range(_OFTEN.get(card, 1))]
            chance.shuffle(deck)
        number += 1
        drawn = [deck.pop()]
        if chance.random() < SECOND:  # (2) what two do together
            drawn.append(chance.choice(cards))
            drawn.sort(key=lambda card: len(FAULTS[card[0]].phases))
        yield _experiment(f"drawn-{seed}-{number}", drawn, chance), chance.randrange(SEED_MAX)


def _cards(fault: ChaosCondition) -> list[Card]:
    """Return the fault with each of its targets (1); agents take their turns in the runs."""
    kind = FAULTS[fault]
    if kind.reach is Reach.RUN or len(kind.targets) == 1:
        return [(fault, None)]
    return [(fault, target) for target in kind.targets]


def as_yaml(experiment: Experiment) -> str:
    """Return the experiment as its file has it (3)."""
    document: dict[str, Any] = {
        "name": experiment.name,
        "seed": experiment.seed,
        "runs": experiment.runs,
        "method": [_step(each) for each in experiment.method],
    }
    return yaml.safe_dump(document, sort_keys=False)


def without(experiment: Experiment, number: int) -> Experiment:
    """Return it without one of its faults."""
    method = tuple(each for at, each in enumerate(experiment.method) if at != number)
    return experiment.model_copy(update={"method": method})


def with_runs(experiment: Experiment, runs: int) -> Experiment:
    """Return it with another number of runs."""
    return experiment.model_copy(update={"runs": runs})


def _experiment(name: str, drawn: list[Card], chance: random.Random) -> Experiment:
    document = {
        "name": name,
        "runs": RUNS_OF_DEATH if drawn[0] in _OFTEN else RUNS,
        "method": [_drawn(card, chance) for card in drawn],
    }
    return parse_experiment(yaml.safe_dump(document), name)


def _drawn(card: Card, chance: random.Random) -> dict[str, Any]:
    fault, target = card
    kind = FAULTS[fault]
    step: dict[str, Any] = {"fault": fault.value, "when": {"phase": EACH}}
    if len(kind.phases) == 1:
        within = chance.choice(_WITHIN_S)  # what works for a while is struck in the midst of it
        step["when"] = {"phase": kind.phases[0].value, "within": f"{within}s"}
    if target is not None:
        step["target"] = target
    if kind.lasts:
        step["for"] = f"{chance.randint(*_LASTS_S)}s"
    return step


def _step(step: Any) -> dict[str, Any]:
    when = step.when.model_dump(mode="json", exclude_none=True, exclude_defaults=True)
    moments = {name: render_duration(value) for name, value in when.items() if name in _MOMENTS}
    said: dict[str, Any] = {"fault": step.fault.value, "when": {**when, **moments}}
    if step.target is not None:
        said["target"] = step.target
    if step.lasts:
        said["for"] = render_duration(step.lasts)
    if step.probability < 1:
        said["probability"] = step.probability
    return said


_MOMENTS: Final = ("time", "within")
