"""What the workflow's own worker cannot do is asked of the ledger's queue, once and then always."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from temporalio import workflow
from temporalio.exceptions import ActivityError, ApplicationError, FailureError, TimeoutType
from temporalio.exceptions import TimeoutError as ExpiredError

from activities.contracts import messages, specs
from dsl.shown.surfaces import Markdown
from workflows.ledger.ledger_client import LedgerClient

NOW = datetime(2026, 11, 30, tzinfo=UTC)
REQUEST = messages.AuthorityRequest(agent="a")
AWAY = ApplicationError("not here", type="UnavailableError")
EXPIRED = {
    kind: ExpiredError("late", type=kind, last_heartbeat_details=[])
    for kind in (
        TimeoutType.SCHEDULE_TO_START,
        TimeoutType.HEARTBEAT,
        TimeoutType.SCHEDULE_TO_CLOSE,
    )
}


def failed(cause: FailureError) -> ActivityError:
    error = ActivityError(
        "failed",
        scheduled_event_id=1,
        started_event_id=2,
        identity="",
        activity_type="ledger.authority",
        activity_id="a#1",
        retry_state=None,
    )
    error.__cause__ = cause
    return error


@dataclass
class Temporal:
    """Stands where activities are asked for: fails the first so, after a while."""

    fails: FailureError | None = None
    after: timedelta = timedelta()
    now: datetime = NOW
    asked: list[tuple[str | None, timedelta | None]] = field(default_factory=list)

    async def execute(self, name: str, *_: Any, **options: Any) -> Any:
        assert (name, options["activity_id"]) == ("ledger.authority", "a#1")
        queue = options.get("task_queue")
        self.asked.append((queue, options["schedule_to_close_timeout"]))
        self.now += self.after
        if queue is None:
            assert options["retry_policy"].maximum_attempts == 1
            if self.fails is not None:
                raise failed(self.fails)
        return None


@pytest.fixture
def temporal(monkeypatch: pytest.MonkeyPatch) -> Temporal:
    found = Temporal()
    monkeypatch.setattr(workflow, "execute_activity", found.execute)
    monkeypatch.setattr(workflow, "now", lambda: found.now)
    monkeypatch.setattr(specs.ActivitySpec, "_read", lambda *_: messages.Authority(fence=7))
    return found


async def ask(client: LedgerClient, give_up_after: timedelta | None = None) -> messages.Authority:
    return await client.ask(
        specs.authority,
        REQUEST,
        activity_id="a#1",
        summary=Markdown("?"),
        give_up_after=give_up_after,
    )


async def test_it_is_asked_where_the_run_says(temporal: Temporal):
    for is_beside in (True, False):
        assert (await ask(LedgerClient(is_beside=is_beside))).fence == 7

    assert temporal.asked == [(None, None), (specs.QUEUE_LEDGER, None)]


@pytest.mark.parametrize(
    "cause", [AWAY, EXPIRED[TimeoutType.SCHEDULE_TO_START], EXPIRED[TimeoutType.HEARTBEAT]]
)
async def test_what_fails_in_passing_is_asked_of_the_ledgers_queue_from_then_on(
    temporal: Temporal, cause: FailureError
):
    temporal.fails = cause
    client = LedgerClient(is_beside=True)
    await ask(client)
    await ask(client)

    assert [queue for queue, _ in temporal.asked] == [None, *[specs.QUEUE_LEDGER] * 2]


@pytest.mark.parametrize(
    "cause",
    [ApplicationError("no", non_retryable=True), EXPIRED[TimeoutType.SCHEDULE_TO_CLOSE]],
)
async def test_what_is_refused_or_was_given_up_is_not_asked_again(
    temporal: Temporal, cause: FailureError
):
    temporal.fails = cause
    with pytest.raises(ActivityError):
        await ask(LedgerClient(is_beside=True), timedelta(minutes=2))

    assert temporal.asked == [(None, timedelta(minutes=2))]


@pytest.mark.parametrize(
    ("took", "left"), [(30, timedelta(seconds=90)), (600, timedelta(milliseconds=1))]
)
async def test_who_gives_up_after_a_while_waits_no_longer_for_both(
    temporal: Temporal, took: int, left: timedelta
):
    temporal.fails, temporal.after = AWAY, timedelta(seconds=took)
    await ask(LedgerClient(is_beside=True), timedelta(minutes=2))

    assert temporal.asked == [
        (None, timedelta(minutes=2)),
        (specs.QUEUE_LEDGER, left),
    ]
