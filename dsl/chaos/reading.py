"""Experiments read from files: every mistake is told with its place, before anything is started.

1. A target is one that the fault may be done to. What looks like an address or a pid is told that
   no experiment touches what was not started for it.
2. A fault that lasts says how long, within the limits; one that does not, says nothing of it.
3. A fault of an agent's program happens in a phase in which one runs.
4. The method stays within the blast radius.
5. Faults strike in their order: no run is struck in a phase that it has left when it was struck
   before, unless another agent of it is named.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from dsl.chaos.catalogue import AGENTS, FAULTS, FaultKind
from dsl.chaos.experiment import EACH, Experiment, FaultStep
from dsl.core import AGENT_PHASES_ORDERED, AgentPhase
from dsl.document.loader import Loaded, load
from dsl.document.parse import shaped
from dsl.document.settings_file import content_of
from dsl.errors import DslError, Problem
from dsl.values.suggestions import suggest

UNREADABLE: Final = "DSL540"
IMPOSSIBLE_TARGET: Final = "DSL541"
NOT_OURS: Final = "DSL542"
LASTING: Final = "DSL543"
NEVER: Final = "DSL544"
BLAST_RADIUS: Final = "DSL545"

_ADDRESS: Final = re.compile(r"[0-9]+|.*[:/.@].*|localhost", re.DOTALL)


def load_experiment(path: Path) -> Experiment:
    """Return the experiment in the file.

    Raises:
        DslError: with every mistake, or it cannot be read.
    """
    return parse_experiment(content_of(path, code=UNREADABLE), str(path))


def parse_experiment(content: str | bytes, source: str) -> Experiment:
    """Return the experiment in ``content``, which messages call ``source``.

    Raises:
        DslError: with every mistake.
    """
    loaded = load(content, source)
    experiment = shaped(loaded, Experiment, "an experiment")
    problems = [*_problems(experiment, loaded)]
    if problems:
        raise DslError(source, problems, loaded.text)
    return experiment


def target_of(step: FaultStep) -> str:
    """Return what the fault is done to, by name."""
    return step.target or FAULTS[step.fault].targets[0]


def _problems(experiment: Experiment, loaded: Loaded) -> Iterator[Problem]:
    if experiment.runs > experiment.blast_radius.runs:
        allowed = experiment.blast_radius.runs
        message = f"{experiment.runs} runs, and the blast radius allows {allowed}"
        yield _problem(loaded, BLAST_RADIUS, message, ("runs",))
    for number, step in enumerate(experiment.method):
        kind = FAULTS[step.fault]
        yield from _of_target(experiment, step, kind, loaded, number)
        yield from _of_time(step, kind, loaded, number)
        yield from _of_order(experiment, number, loaded)


def _of_target(
    experiment: Experiment, step: FaultStep, kind: FaultKind, loaded: Loaded, number: int
) -> Iterator[Problem]:
    target, at = target_of(step), ("method", number, "target")
    if target not in kind.targets:
        if _ADDRESS.fullmatch(target):  # (1) nothing but what was started for it
            message = f"{target!r} is an address or a pid: an experiment touches its own stack only"
            yield _problem(loaded, NOT_OURS, message, at, f"name {_listed(kind.targets)}")
            return
        message = f"{step.fault} is nothing that can be done to {target!r}"
        hint = suggest(target, kind.targets, what="expected")
        yield _problem(loaded, IMPOSSIBLE_TARGET, message, at, hint)
        return
    allowed = experiment.blast_radius.targets
    if allowed is not None and target not in allowed:  # (4) within the blast radius
        message = f"{step.fault} touches {target!r}, and the blast radius leaves that out"
        yield _problem(loaded, BLAST_RADIUS, message, at, "add it to blast_radius.targets")


def _of_time(step: FaultStep, kind: FaultKind, loaded: Loaded, number: int) -> Iterator[Problem]:
    at = ("method", number, "for")
    if kind.lasts and not step.lasts:  # (2) it says how long
        yield _problem(loaded, LASTING, f"{step.fault} lasts: say how long", at, "add for: 2s")
    if not kind.lasts and step.lasts is not None:
        message = f"{step.fault} happens in a moment, and lasts no time"
        yield _problem(loaded, LASTING, message, at, "remove for:")
    if step.when.phase not in (None, EACH, *kind.phases):  # (3) one runs there
        message = f"{step.fault} needs an agent's program, and none runs in {step.when.phase}"
        hint = f"write phase: {kind.phases[0]}"
        yield _problem(loaded, NEVER, message, ("method", number, "when", "phase"), hint)


def _of_order(experiment: Experiment, number: int, loaded: Loaded) -> Iterator[Problem]:
    step = experiment.method[number]
    for earlier in experiment.method[:number]:
        phases = (earlier.when.phase, step.when.phase)
        if not all(isinstance(each, AgentPhase) for each in phases):
            continue
        agents = [each for each in map(_agent_of, (earlier, step)) if each]
        before, after = (AGENT_PHASES_ORDERED.index(AgentPhase(each)) for each in phases if each)
        is_behind = agents[:1] == [AGENTS[-1]] and agents[-1] != AGENTS[-1]  # of the gate
        if is_behind or (len({*agents}) < 2 and after < before):  # (5) it is past  # noqa: PLR2004
            places = [f"{each.target or 'any agent'}/{each.when.phase}" for each in (earlier, step)]
            message = f"{step.fault} strikes in {places[1]}, after a fault in {places[0]}"
            place = ("method", number, "when", "phase")
            yield _problem(loaded, NEVER, message, place, "put what comes first in a run first")
            return


def _agent_of(step: FaultStep) -> str:
    """Return in whose stage the step strikes; empty: in anybody's."""
    agents = FAULTS[step.fault].agents if step.fault in FAULTS else AGENTS
    if len(agents) == 1:
        return agents[0]
    return step.target if step.target in AGENTS else ""


def _problem(
    loaded: Loaded, code: str, message: str, place: tuple[str | int, ...], hint: str = ""
) -> Problem:
    """Return it, at the place or, where nothing is written there, at what it would stand in."""
    return Problem(code, message, loaded.marks.value(place), hint)


def _listed(targets: tuple[str, ...]) -> str:
    return ", ".join(targets)
