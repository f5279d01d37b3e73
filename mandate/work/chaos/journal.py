"""What an experiment did and what came of it, as one JSON object.

The same experiment and seed do the same in the same order: what was ``planned`` of each fault says
so without any time in it.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Final

from pydantic import TypeAdapter, ValidationError

from dsl.chaos.catalogue import FAULTS, Ends, Reach
from dsl.core import ChaosCondition
from dsl.values import strict_json
from dsl.values.strict_json import JsonError
from integrations.whole_files import whole

VERSION: Final = 2
LINE_BYTES_MAX: Final = 8 << 20
_COMPLETED: Final = "completed"


class JournalError(ValueError):
    """A file that holds no journals; one sentence."""


@dataclass(frozen=True, slots=True)
class PlannedFault:
    """One fault as the seed has it, before anything has begun."""

    number: int  # of the step, from 0
    fault: ChaosCondition
    target: str  # by name; "each": of an agent, every run another
    happens: bool  # the seed's answer to its probability
    delay_ms: int  # after its moment
    lasts_ms: int
    places: tuple[str, ...]  # run by run, "agent/PHASE" it is struck in; empty: at no phase


@dataclass
class FaultRecord:
    """One fault as it happened."""

    planned: PlannedFault
    at_ms: int = 0  # since 1970; 0: it did not come to it
    until_ms: int = 0  # undone, or whatever was struck served again
    struck: list[str] = field(default_factory=list)  # ids of the runs it was seen to happen to
    undone: bool = False
    note: str = ""

    @property
    def fired(self) -> bool:
        """Tell whether it was seen to happen to any run."""
        return bool(self.struck)


@dataclass
class RunRecord:
    """One run as it ended."""

    id: str
    place: str  # where it was struck, "agent/PHASE"
    status: str
    detail: str
    began_ms: int
    ended_ms: int
    recovered_ms: int | None = None  # from when it could go on, until it had
    clarified: int = 0  # how often a plan of it was clarified
    objective: bool = False  # every agent was ready for the objective
    outputs: dict[str, dict[str, int]] = field(default_factory=dict)  # by agent and maturity
    phases: dict[str, list[tuple[str, int]]] = field(default_factory=dict)  # by agent: done, when
    gates: list[tuple[int, int]] = field(default_factory=list)  # its gate: opened, and closed


@dataclass
class Journal:
    """One experiment."""

    experiment: str
    seed: int
    commit: str
    began_ms: int
    ended_ms: int = 0
    steady_before: dict[str, str] = field(default_factory=dict)  # "": it holds; else why not
    steady_after: dict[str, str] = field(default_factory=dict)
    faults: list[FaultRecord] = field(default_factory=list)
    runs: list[RunRecord] = field(default_factory=list)
    violations: list[str] = field(default_factory=list)
    aborted: str = ""
    unjudged: str = ""  # what kept the judge from looking: then nobody knows whether it held

    @property
    def is_well(self) -> bool:
        """Tell whether governance held, and everything was as it has to be."""
        return not self.has_failed and not self.unjudged

    @property
    def has_failed(self) -> bool:
        """Tell whether something was seen to be wrong."""
        return not self.is_steady or bool(self.violations or self.aborted)

    @property
    def was_steady(self) -> bool:
        """Tell whether what must hold before did; nothing was begun otherwise."""
        return not any(self.steady_before.values())

    @property
    def is_steady(self) -> bool:
        """Tell whether what must hold did, before and after."""
        return self.was_steady and not any(self.steady_after.values())

    def to_json(self) -> dict[str, Any]:
        """Return it for a file."""
        return {"v": VERSION, "well": self.is_well, **asdict(self)}


_JOURNAL: Final = TypeAdapter(Journal)


def may_fail(run_id: str, faults: Sequence[FaultRecord]) -> bool:
    """Tell whether a fault that happened allows the run to end otherwise than completed."""
    return any(_lets_fail(run_id, each) for each in faults if each.fired)


def _lets_fail(run_id: str, record: FaultRecord) -> bool:
    kind = FAULTS[record.planned.fault]
    is_struck = kind.reach is Reach.STACK or run_id in record.struck
    return is_struck and kind.ends is not Ends.COMPLETES


def unexpected(runs: Iterable[RunRecord], faults: Sequence[FaultRecord]) -> list[str]:
    """Say which runs ended otherwise than their faults allow, or did not reach the objective."""
    strict = [each for each in runs if not may_fail(each.id, faults)]
    return [
        f"ending: expected {each.id} to complete, found {each.status} ({each.detail[:200]})"
        for each in strict
        if each.status != _COMPLETED
    ] + [
        f"objective: expected every agent of {each.id} to be ready for it, and not all are"
        for each in strict
        if each.status == _COMPLETED and not each.objective
    ]


def write(path: Path, journals: Sequence[Journal], facts: Mapping[str, Any]) -> None:
    """Write journals into one file, a line for each behind the line of ``facts``."""
    lines = [
        json.dumps({"v": VERSION, **facts}),
        *(json.dumps(each.to_json()) for each in journals),
    ]
    with whole(path) as file:  # it is written again after each experiment
        file.writelines(f"{line}\n" for line in lines)


def read(path: Path) -> tuple[list[Journal], dict[str, Any]]:
    """Return the journals in a file, and its facts.

    Raises:
        JournalError: it is no file of journals of this release.
    """
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        raise JournalError(f"{path} cannot be read: {why}") from None
    found: list[dict[str, Any]] = []
    try:
        for number, line in enumerate(lines, start=1):
            told = strict_json.read(line, bytes_max=LINE_BYTES_MAX)
            if not isinstance(told, dict) or told.pop("v", None) != VERSION:
                raise JournalError(f"{path}, line {number}: expected a journal of v {VERSION}")
            found.append(told)
        journals = [_JOURNAL.validate_python(each) for each in found[1:]]
    except (JsonError, ValidationError) as error:
        raise JournalError(f"{path} is no file of journals: {str(error)[:200]}") from None
    if not found:
        raise JournalError(f"{path} is empty: expected a line of facts, then journals")
    return journals, found[0]
