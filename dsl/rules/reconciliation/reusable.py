"""Can it be known that a stage of an earlier run did what the ledger says it did? Pure.

Asked when a run is to go on with what that stage has packaged. What is not known is not reused. The
rules:

1. What it has packaged and its end were recorded by runs whose histories were compared with the
   ledger, before the comparison was over. Who resets a stage, or has its history deleted, leaves an
   entry that was compared with nothing.
2. It has come to its end once, and completed, behind what it has packaged.
3. Approvals are never carried over, and neither is what rests on one: a stage for which people were
   asked anything, an answer, a call of a tool or what became of one, is run again.
4. A violation of its agent counts whoever has recorded it, the stage or its run in its stead, and
   whenever: it may have been noticed late.
5. Of more than ``ENTRIES_MAX`` entries not all are read: then nothing is known.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from dsl import actions
from dsl.core import AgentPhase, StageStatus
from dsl.rules.gates.unnamed import own_of
from dsl.rules.reconciliation.recorded import Recorded
from dsl.rules.trust.scorecard import OF_STAGE

ENTRIES_MAX: Final = 50_000  # of one stage, and of its run, of these kinds
PACKAGED: Final = f"agent.{AgentPhase.PACKAGE.lower()}"
OF_A_STAGE: Final = (
    PACKAGED,
    actions.AGENT_ENDED,
    actions.AGENT_VIOLATED,
    actions.TOOL_INTENDED,
    actions.TOOL_SETTLED,
)
OF_ITS_RUN: Final = ("gate.opened", "gate.decided", *OF_A_STAGE)
_AT_GATES: Final = (actions.TOOL_INTENDED, actions.TOOL_SETTLED)


class NotKnownError(ValueError):
    """Nothing of the stage may be reused; the text says why, of the stage."""


@dataclass(frozen=True, slots=True)
class Compared:
    """What of an earlier run was compared with the ledger, when it was resumed."""

    workflow: str
    runs: frozenset[str]  # run ids, of the run and of its stages
    until: int  # the place of the entry that says so
    next_run: int  # where the next run of that workflow id begins


@dataclass(frozen=True, slots=True)
class KnownStage:
    """What the ledger says of a stage: the entries of PACKAGE and of its end."""

    package: Recorded
    end: Recorded
    violations: int  # of its agent, there


def known_stage(
    path: str, of_stage: Sequence[Recorded], of_run: Sequence[Recorded], compared: Compared
) -> KnownStage:
    """Return what is known of a stage.

    Args:
        path: of the stage.
        of_stage: the entries of its workflow id since its run began, ``OF_A_STAGE``, newest first.
        of_run: those of its run's workflow id, ``OF_ITS_RUN``, in any order.
        compared: what was compared with the ledger.

    Raises:
        NotKnownError: it did not complete, or that cannot be known.
    """
    if max(len(of_stage), len(of_run)) > ENTRIES_MAX:  # (5) not all are read
        raise NotKnownError(f"the ledger has more than {ENTRIES_MAX} entries of it or of its run")
    place = f"{compared.workflow}/{path}"
    ours = [each for each in of_stage if each.seq < min(compared.until, compared.next_run)]
    beside = [each for each in of_run if _is_in_stead_of(each, place)]
    _refuse_people(path, [*ours, *beside], of_run, compared)
    package, end = _ended(ours, compared)
    late = sum(each.action == actions.AGENT_VIOLATED for each in (*of_stage, *beside))
    return KnownStage(package, end, late)  # (4) whoever and whenever


def _refuse_people(
    path: str, ours: Iterable[Recorded], of_run: Iterable[Recorded], compared: Compared
) -> None:
    """Refuse what rests on people (3)."""
    asked = [
        str(each.payload["gate"])
        for each in ours
        if each.action in _AT_GATES and each.payload.get("gate")
    ]
    for each in of_run:
        stage, _, kind = own_of(str(each.payload.get("gate") or ""))
        if each.action.startswith("gate.") and each.seq < compared.next_run:
            asked += [str(each.payload["gate"])] if kind and stage == path else []
    if asked:
        raise NotKnownError(
            f"it rests on people, who were asked at {asked[-1]}, and no approval is carried over"
        )


def _ended(ours: Sequence[Recorded], compared: Compared) -> tuple[Recorded, Recorded]:
    """Return the entries of PACKAGE and of the end of a stage (1) (2)."""
    of_ends = [each for each in ours if each.action in (PACKAGED, actions.AGENT_ENDED)]
    if len({each.run_id for each in of_ends}) > 1:  # (2) once
        raise NotKnownError("it was repeated there, and which of its runs counts is not said")
    end: Recorded | None = None
    for entry in of_ends:  # the newest first
        if end is None and entry.action == actions.AGENT_ENDED:
            end = entry
            status = end.payload.get("status")
            if status != StageStatus.COMPLETED:
                raise NotKnownError(f"it was {status} there")
        elif end is not None and entry.action == PACKAGED:
            if entry.run_id not in compared.runs:  # (1) compared with nothing
                raise NotKnownError(
                    "its history was not compared with the ledger: temporal does not keep it, or "
                    "somebody has reset it"
                )
            return entry, end
    raise NotKnownError(
        "it did not come to its end there"
        if end is None
        else "the ledger does not say what it has packaged there"
    )


def _is_in_stead_of(entry: Recorded, place: str) -> bool:
    """Tell whether a run has recorded it for that stage."""
    of = entry.payload.get(OF_STAGE)
    return isinstance(of, Mapping) and of.get("workflow") == place
