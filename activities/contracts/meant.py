"""What a failure is: an ending that is meant, or a bug. Nothing else decides it.

A stack trace stands for a bug, and only for that. It is decided by type:

1. What our code raises on purpose is a ``MeantError``: a rejected gate, a failed stage, a time
   limit, a refused document or message, a revocation, a store that does not answer. It has a kind
   and a sentence, no trace and no cause but one that it was given.
2. What Temporal itself says of an activity, a child or a cancel was raised by no code of ours.
3. Everything else is a bug and keeps its trace. ``BugError`` files one that was caught, with the
   place it was raised at; its own words, which may hold anything, are for a worker's log alone.

Who files or logs a failure asks ``is_meant``: ``activities.runtime.converter``,
``activities.runtime.failure_log``, ``workflows.messages.interceptors``.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any, Final

from temporalio.exceptions import (
    ActivityError,
    ApplicationError,
    CancelledError,
    ChildWorkflowError,
    ServerError,
    TerminatedError,
    TimeoutError,  # noqa: A004  # Temporal's own
)

INTERNAL_ERROR: Final = "InternalError"
# On a log's record of a failure: whose it is, where no activity has raised it.
WHERE: Final = "mandate_where"
_TEMPORALS_OWN: Final = (
    *(ActivityError, ChildWorkflowError, CancelledError),
    *(TimeoutError, TerminatedError, ServerError),
)


class MeantError(ApplicationError):
    """An ending that is meant (1); ``type`` is its kind, the message its sentence."""

    def __init__(
        self,
        message: str,
        *details: Any,
        type: str,  # noqa: A002  # Temporal's own
        non_retryable: bool = True,
        next_retry_delay: timedelta | None = None,
    ) -> None:
        super().__init__(
            message,
            *details,
            type=type,
            non_retryable=non_retryable,
            next_retry_delay=next_retry_delay,
        )
        # What was being handled when it was raised is how our code works, not why it ended.
        self.__suppress_context__ = True


class BugError(ApplicationError):
    """A bug that was caught, filed where ``bug`` was raised (3)."""

    def __init__(self, message: str, bug: Exception, *, non_retryable: bool = False) -> None:
        super().__init__(message, type=INTERNAL_ERROR, non_retryable=non_retryable)
        self.bug = bug
        self.__traceback__ = bug.__traceback__
        self.__suppress_context__ = True


def is_meant(error: BaseException) -> bool:
    """Tell whether no code of ours is at fault for ``error``."""
    return isinstance(error, (MeantError, *_TEMPORALS_OWN))
