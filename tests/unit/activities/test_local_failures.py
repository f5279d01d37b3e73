"""How a local activity has failed is decided alike when it happens and on replay."""

from __future__ import annotations

import pytest
from temporalio.exceptions import (
    ActivityError,
    ApplicationError,
    CancelledError,
    FailureError,
    TimeoutType,
)
from temporalio.exceptions import TimeoutError as ExpiredError

from activities.contracts.answers import final

TIMED_OUT = ExpiredError(
    "Activity timed out", type=TimeoutType.START_TO_CLOSE, last_heartbeat_details=[]
)
FAILURES = {
    "its time ran out": (TIMED_OUT, None),
    "it may succeed later": (ApplicationError("vault is away"), None),
    "it is refused": (ApplicationError("no", type="DeniedError", non_retryable=True), "no"),
    "it was cancelled": (CancelledError("Cancelled"), "Cancelled"),
}


def as_it_happens(inside: FailureError) -> ActivityError:
    """Return the failure as the SDK makes it of a local activity under way."""
    error = ActivityError(
        "Local Activity failed",
        scheduled_event_id=0,
        started_event_id=0,
        identity="",
        activity_type="agent.exit",
        activity_id="look/EXIT#1",
        retry_state=None,
    )
    error.__cause__ = inside
    return error


@pytest.mark.parametrize("inside", FAILURES.values(), ids=FAILURES)
@pytest.mark.parametrize("wrapped", [False, True], ids=["on replay", "as it happens"])
def test_a_local_failure_means_the_same_now_and_on_replay(
    inside: tuple[FailureError, str | None], *, wrapped: bool
):
    cause, said = inside
    error = as_it_happens(cause) if wrapped else cause
    failure = final(error, activity_type="agent.exit", activity_id="look/EXIT#1")

    assert (failure and getattr(failure.cause, "message", None)) == said
