"""Every way a run may end badly, and the internal signal that a stage ended so.

Types are wire names: they stand in the Web UI, in ``temporal workflow show`` and in
callers' ``except`` clauses.
"""

from __future__ import annotations

from typing import Any, Final

from temporalio.exceptions import ActivityError, ApplicationError, FailureError

from dsl.core import StageStatus

GATE_REJECTED: Final = "GateRejected"
STAGE_FAILED: Final = "StageFailed"
TIMED_OUT: Final = "TimedOut"
REVOKED: Final = "Revoked"
INVALID_PIPELINE: Final = "InvalidPipeline"
NOT_PROVEN: Final = "NotProven"
PROMOTION_REFUSED: Final = "PromotionRefused"
REINSTATEMENT_REFUSED: Final = "ReinstatementRefused"


class StageEndedError(Exception):
    """A stage did not complete: unwinds the walk, never leaves the workflow."""

    def __init__(self, kind: str, path: str, status: StageStatus, detail: str) -> None:
        super().__init__(detail)
        self.kind = kind
        self.path = path
        self.status = status
        self.detail = detail


class RefusedError(Exception):
    """A change of trust will not be: unwinds its workflow, never leaves it."""

    def __init__(self, *why: str, kind: str = "", is_recorded: bool = False) -> None:
        super().__init__("; ".join(why))
        self.why = why
        self.kind = kind  # how the run ends; empty: as it does for want of trust
        self.is_recorded = is_recorded  # by the ledger's worker itself


def invalid(problems: str) -> ApplicationError:
    """Refuse a document; ``problems`` is the whole report."""
    return ApplicationError(problems, type=INVALID_PIPELINE, non_retryable=True)


def refused(why: str) -> ApplicationError:
    """Refuse somebody who has not proven who they are."""
    return ApplicationError(why, type=NOT_PROVEN, non_retryable=True)


def ended(kind: str, message: str, report: dict[str, Any]) -> ApplicationError:
    """End a run FAILED with its report in the details."""
    return ApplicationError(message, report, type=kind, non_retryable=True)


def cause_of(error: ActivityError) -> tuple[str, str]:
    """Return the type and message of what an activity failed with."""
    cause: BaseException = error
    while isinstance(cause, FailureError) and cause.__cause__ is not None:
        if isinstance(cause, ApplicationError):
            break
        cause = cause.__cause__
    if isinstance(cause, ApplicationError):
        return cause.type or "", cause.message
    return type(cause).__name__, str(cause)
