"""Every way a run may end badly, and the internal signal that a stage ended so.

Types are wire names: they stand in the Web UI, in ``temporal workflow show`` and in
callers' ``except`` clauses.
"""

from __future__ import annotations

from typing import Any, Final

from pydantic import ValidationError
from temporalio.exceptions import ActivityError, ApplicationError, FailureError

from activities.contracts import messages, specs
from activities.contracts.circuit_specs import CIRCUIT_OPEN, CircuitOpen
from activities.contracts.meant import MeantError
from activities.contracts.resumption import CheckpointRef, Erred, SpentUntil, Violated
from dsl.core import StageStatus
from dsl.limits import PROBLEMS_MAX
from dsl.values.sizes import sentence
from workflows.runtime import attributes

GATE_REJECTED: Final = "GateRejected"
STAGE_FAILED: Final = "StageFailed"
TIMED_OUT: Final = "TimedOut"
REVOKED: Final = "Revoked"
VIOLATION: Final = "Violation"
INVALID_PIPELINE: Final = "InvalidPipeline"
NOT_PROVEN: Final = "NotProven"
PROMOTION_REFUSED: Final = "PromotionRefused"
REINSTATEMENT_REFUSED: Final = "ReinstatementRefused"
REBINDING_REFUSED: Final = "RebindingRefused"
REVOCATION_REFUSED: Final = "RevocationRefused"
CIRCUIT_REFUSED: Final = "CircuitRefused"
OUTCOME_REFUSED: Final = "OutcomeRefused"
UNKNOWN_AGENT: Final = "UnknownAgent"
NOT_RECORDED: Final = "NotRecorded"

_OF_STAGE: Final = {
    "": STAGE_FAILED,
    NOT_RECORDED: STAGE_FAILED,
    specs.AGENT_FAILED: STAGE_FAILED,
    specs.OUTCOME_LOST: STAGE_FAILED,
}


# What ``MandateStatus`` says of a run that ended so; anything else has failed.
_ENDINGS: Final = {
    GATE_REJECTED: attributes.REJECTED,
    REVOKED: attributes.REVOKED,
    INVALID_PIPELINE: attributes.REFUSED,
    PROMOTION_REFUSED: attributes.REFUSED,
    REINSTATEMENT_REFUSED: attributes.REFUSED,
}


class PhaseFailedError(Exception):
    """A phase failed for good: how the stage ends, and why; never leaves the workflow.

    ``of_agent``: it is the agent that failed, and no store or worker.
    """

    def __init__(self, kind: str, message: str, *, of_agent: bool = False) -> None:
        super().__init__(message)
        self.kind = kind
        self.message = message
        self.of_agent = of_agent


class StageEndedError(Exception):
    """A stage did not complete: unwinds the scheduler, never leaves the workflow.

    Path and detail may be the words of an answer that somebody has forged: they are cut here, for
    the run ends with them, and a failure of more than the server takes ends no run.
    """

    def __init__(self, kind: str, path: str, status: StageStatus, detail: str) -> None:
        self.kind = kind
        self.path = sentence(path)
        self.status = status
        self.detail = sentence(detail)
        super().__init__(self.detail)


class RefusedError(Exception):
    """A change of trust will not be: unwinds its workflow, never leaves it.

    Why it will not is cut, for the reason given at ``StageEndedError``.
    """

    def __init__(self, *why: str, kind: str = "", is_recorded: bool = False) -> None:
        self.why = tuple(sentence(each) for each in why[:PROBLEMS_MAX])
        super().__init__("; ".join(self.why))
        self.kind = kind  # how the run ends; empty: as it does for want of trust
        self.is_recorded = is_recorded  # by the ledger's worker itself


def invalid(problems: str) -> ApplicationError:
    """Refuse a document; ``problems`` is the whole report."""
    return MeantError(problems, type=INVALID_PIPELINE)


def refused(why: str) -> ApplicationError:
    """Refuse somebody who has not proven who they are."""
    return MeantError(why, type=NOT_PROVEN)


def ended(kind: str, message: str, report: dict[str, Any]) -> ApplicationError:
    """End a run FAILED with its report in the details."""
    return MeantError(message, report, type=kind)


def ending_of(error: BaseException) -> str:
    """Return how a run ends that ends with ``error``, in one word for lists."""
    if isinstance(error, ApplicationError):
        return _ENDINGS.get(error.type or "", "failed")
    return "cancelled"


def of_stage(report: messages.AgentReport) -> str:
    """Return which failure a run ends with whose stage ended so."""
    return _OF_STAGE.get(report.reason, report.reason)


def ended_stage(report: messages.AgentReport) -> ApplicationError:
    """End the workflow of an agent stage FAILED, with its report in the details."""
    kind = report.reason if report.reason == NOT_RECORDED else of_stage(report)
    return MeantError(report.detail, report, type=kind)


def cause_of(error: ActivityError) -> tuple[str, str]:
    """Return the type and the message, one sentence, of what an activity failed with."""
    cause: BaseException = error
    while isinstance(cause, FailureError) and cause.__cause__ is not None:
        if isinstance(cause, ApplicationError):
            break
        cause = cause.__cause__
    if isinstance(cause, ApplicationError):
        return cause.type or "", sentence(cause.message)
    return type(cause).__name__, sentence(str(cause))


def of_phase(error: ActivityError) -> PhaseFailedError:
    """Return how a stage ends whose phase, or what it takes, has failed so."""
    kind, message = cause_of(error)
    if kind == specs.REVOKED:
        return PhaseFailedError(REVOKED, message)
    if kind in (specs.AGENT_FAILED, specs.OUTCOME_LOST):
        return PhaseFailedError(kind, message, of_agent=kind == specs.AGENT_FAILED)
    if kind == specs.BUDGET_SPENT:  # where it has erred no more, it was not begun
        return PhaseFailedError(kind, message, of_agent=bool(erred_in(error).errors))
    return PhaseFailedError(STAGE_FAILED, message, of_agent=kind == specs.AGENT_FAILED_FOR_GOOD)


def checkpoint_in(error: ActivityError) -> CheckpointRef | None:
    """Return what the next try of an agent that failed may begin from."""
    cause = error.cause
    details = cause.details if isinstance(cause, ApplicationError) else ()
    for detail in details:
        try:
            return CheckpointRef.model_validate(detail)
        except ValidationError:
            continue
    return None


def circuit_in(error: ActivityError) -> CircuitOpen | None:
    """Return the circuit that has held an activity back; what cannot be read is none."""
    cause = error.cause
    if not isinstance(cause, ApplicationError) or cause.type != CIRCUIT_OPEN:
        return None
    try:
        return CircuitOpen.model_validate(next(iter(cause.details), None))
    except ValidationError:
        return None


def erred_in(answer: messages.PhaseResult | ActivityError) -> Erred:
    """Return what a phase has heard its agent err; what cannot be read is none."""
    if isinstance(answer, messages.PhaseResult):
        return Erred(errors=answer.erred, words=answer.erred_words)
    cause = answer.cause
    details = cause.details if isinstance(cause, ApplicationError) else ()
    for detail in reversed(details):
        try:
            return Erred.model_validate(detail)
        except ValidationError:
            continue
    return Erred(errors={})


def spent_until_in(error: ActivityError) -> int:
    """Return when the newest error was made that has spent a budget; 0: it is not said."""
    cause = error.cause
    if not isinstance(cause, ApplicationError) or cause.type != specs.BUDGET_SPENT:
        return 0
    for detail in cause.details:
        try:
            return SpentUntil.model_validate(detail).spent_until_ms
        except ValidationError:
            continue
    return 0


def violations_in(error: ActivityError) -> tuple[Violated, ...]:
    """Return what an activity has seen an agent do, that failed; what cannot be read is none."""
    cause = error.cause
    details = cause.details if isinstance(cause, ApplicationError) else ()
    found = []
    for detail in details:
        try:
            found.append(Violated.model_validate(detail))
        except ValidationError:
            continue
    return tuple(found)
