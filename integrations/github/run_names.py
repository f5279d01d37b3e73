"""Workflow ids of runs that events of GitHub start, made of what they are about.

Whoever may start workflows can take such an id first. The event then starts nothing, and the run
that has it is taken for the event's; see docs/threat-model.md.

Of two things none has an id of the other: a name that may have any character is one part of an id.
"""

from __future__ import annotations

from typing import Final

from dsl.rules.notify.snapshot import RunSnapshot

COMPLETED: Final = "completed"


def of_pull(repository: str, number: int) -> str:
    """Return what the ids of a pull request's runs begin with."""
    return f"github/{repository}/pull/{number}/"


def of_deployment(repository: str, actions_run: str, environment: str) -> str:
    """Return what the ids of runs begin with that an environment waits for."""
    name = environment.replace("%", "%25").replace("/", "%2F")
    return f"github/{repository}/deployment/{actions_run}/{name}/"


def is_started_for(run: RunSnapshot, prefix: str, pipeline: str) -> bool:
    """Tell whether an event has started that run; of one thing there may be several deployments."""
    number, _, name = run.workflow.removeprefix(prefix).rpartition("/")
    # A run that was refused before it could say what it is must not leave anything waiting.
    is_it = run.pipeline == pipeline or (not run.pipeline and run.status != COMPLETED)
    is_ours = run.workflow.startswith(prefix) and name == pipeline and is_it
    return is_ours and (not number or (number.isascii() and number.isdigit()))
