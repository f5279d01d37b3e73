"""What a run, under way or over, says of itself, read with care: it need not be one of ours.

1. The server says when it began and ended, and how. A run that is over has told the rest in its
   result, which takes no worker to read; one that was cancelled or terminated has none and is
   asked, as one under way is.
2. Whatever is not of the expected shape is no answer: nothing of it is shown, and that is said.
3. What stages have put out a run tells when it is over. Before, its stages are asked, at most
   ``STAGES_ASKED_MAX`` of them, ``ASKED_AT_ONCE`` at a time.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final

from pydantic import BaseModel, ConfigDict, Field, StrictInt, ValidationError
from temporalio.client import (
    Client,
    WorkflowExecutionStatus,
    WorkflowFailureError,
    WorkflowHandle,
)
from temporalio.exceptions import ApplicationError, CancelledError
from temporalio.service import RPCError

from dsl.core import StageStatus
from dsl.limits import STAGES_MAX
from dsl.shown.diagram import Mark
from dsl.shown.markup import shown_time, took
from dsl.shown.surfaces import Html
from mandate.people.errors import RefusalError
from mandate.people.gates.rows import VoteRow
from mandate.people.outputs import ANSWER, Put, outputs_of
from mandate.people.runs import described_run, status_of, word_of

STAGES_ASKED_MAX: Final = 100
ASKED_AT_ONCE: Final = 16
VOTES_MAX: Final = 1_000
_BEGUN: Final = ("running", "waiting")


class _Read(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")  # fields of a later release


class StageAccount(_Read):
    """One stage."""

    type: str = ""
    status: str
    detail: str = ""
    began_ms: StrictInt = 0  # since 1970; 0: not, or not told
    ended_ms: StrictInt = 0
    attempts: StrictInt = 0
    outputs: tuple[Put, ...] = ()

    def seconds(self, now: datetime) -> float | None:
        """Return how long it has taken, until ``now`` where it is under way."""
        under_way = int(now.timestamp() * 1_000) if self.status in _BEGUN else 0
        end = self.ended_ms or under_way
        return max(0, end - self.began_ms) / 1_000 if self.began_ms and end else None

    def mark(self, now: datetime) -> Mark:
        """Return how it stands in a picture of its run: its state, and how long it has taken."""
        try:
            state = StageStatus(self.status)
        except ValueError:  # of a later release
            state = StageStatus.PENDING
        seconds = self.seconds(now)
        is_told = seconds is not None and state is not StageStatus.SKIPPED
        return Mark(state, took(seconds) if is_told else "")


class CountedVote(_Read):
    """A vote that has counted at a gate that is decided."""

    voter: str
    decision: str
    reason: str = ""
    identity: str = ""  # verified, claimed


class DecidedGate(_Read):
    """One opening of a gate, and what it came to."""

    gate: str
    opening: StrictInt = 0
    escalated: bool = False
    verdict: str = ""
    detail: str = ""
    votes: tuple[CountedVote, ...] | StrictInt = ()  # how many, where a report was too large


class PendingGate(_Read):
    """A gate that waits."""

    gate: str
    due: str = ""
    approvers: tuple[str, ...] = ()
    still_needed_of: str = ""
    voted: tuple[VoteRow, ...] = ()


class ReusedStage(_Read):
    """Whether what an earlier run has packaged stands for a stage."""

    reused: bool
    why: str = ""  # it does not
    entry: StrictInt = -1  # on the ledger


class ResumedRun(_Read):
    """The run that this one resumes."""

    workflow: str
    run: str = ""
    untold: str = ""  # why its history and the ledger were not compared
    stages: dict[str, ReusedStage] = Field(default_factory=dict, max_length=STAGES_MAX)


class Told(_Read):
    """What a run has said."""

    pipeline: str = ""
    version: str = ""
    plan: str = ""
    kind: str = ""  # of a change of trust, and of whom
    agent: str = ""
    starter: str | None = None  # empty: nobody who could be proven; None: it does not tell
    paused: bool = False
    stages: dict[str, StageAccount] = Field(default_factory=dict, max_length=STAGES_MAX)
    approvals: tuple[DecidedGate, ...] = Field(default=(), max_length=STAGES_MAX)
    approval: DecidedGate | None = None  # of a change of trust
    waiting_for: tuple[PendingGate, ...] = Field(default=(), max_length=STAGES_MAX)
    ledger: tuple[StrictInt, ...] = Field(default=(), max_length=2)
    not_recorded: StrictInt = 0
    left_out: tuple[str, ...] = ()
    resumed: ResumedRun | None = None

    def gates(self) -> tuple[DecidedGate, ...]:
        """Return every gate that was decided."""
        return self.approvals or ((self.approval,) if self.approval else ())


@dataclass(frozen=True, slots=True)
class Account:
    """A run: what the server says of it, and what it says itself."""

    workflow: str
    run: str
    type: str
    status: str  # how it stands or has ended, in the words of ``mandate runs``
    started: datetime | None
    closed: datetime | None
    kind: str = ""  # of an end that is none of success
    sentence: str = ""  # it has ended with
    told: Told = field(default_factory=Told)
    answered: bool = True
    outputs_left_out: int = 0  # stages that were not asked, or did not answer

    @property
    def is_under_way(self) -> bool:
        """Whether it has not ended."""
        return self.status == WorkflowExecutionStatus.RUNNING.name.lower()

    def seconds(self) -> float | None:
        """Return how long it has taken so far."""
        if self.started is None:
            return None
        return max(0.0, ((self.closed or datetime.now(UTC)) - self.started).total_seconds())

    def facts(self) -> list[tuple[Html, Html]]:
        """Return what pages tell of it besides its stages, with the name of each."""
        told = self.told
        rows = [
            (Html("run id"), Html.of("<code>{}</code>", self.run)),
            *([(Html("plan"), Html.of("<code>{}</code>", told.plan))] if told.plan else []),
            (Html("began"), shown_time(self.started)),
            (Html("ended"), shown_time(self.closed) if self.closed else Html("under way")),
            (Html("took"), Html.of("{}", took(self.seconds()))),
        ]
        if told.starter is not None:
            starter = told.starter or "nobody who could be proven"
            rows.append((Html("started by"), Html.of("<bdi>{}</bdi>", starter)))
        if told.resumed is not None:
            reused = sum(each.reused for each in told.resumed.stages.values())
            of = Html.of("<bdi>{}</bdi>, {} stages reused", told.resumed.workflow, reused)
            rows.append((Html("resumes"), of))
        if told.ledger:
            rows.append((Html("ledger"), Html.of("entries {}", Html.listed(told.ledger, " to "))))
        if told.not_recorded:
            rows.append((Html("not recorded"), Html.of("{} entries", told.not_recorded)))
        return rows


async def account_of(client: Client, workflow: str, *, with_outputs: bool = True) -> Account:
    """Return the account of the newest run of that workflow id.

    Without ``with_outputs`` no stage is asked what it has put out.

    Raises:
        RefusalError: there is none of ours, or what it says cannot be read.
        temporalio.service.RPCError: the server does not answer.
    """
    state = await described_run(client, workflow)
    handle = client.get_workflow_handle(workflow, run_id=state.run_id)
    over = state.status is not WorkflowExecutionStatus.RUNNING
    kind, sentence, report = await _end(handle) if over else ("", "", None)
    is_told = isinstance(report, dict)
    said = report if is_told else await status_of(handle)  # (1) over: its result, else it is asked
    told, left = read(said, workflow), 0
    if not is_told and with_outputs:
        told, left = await _with_outputs(client, workflow, told)
    times = (state.start_time, state.close_time)
    about = (workflow, state.run_id, state.workflow_type, word_of(state))
    return Account(*about, *times, kind, sentence, told, bool(said), left)


def read(said: Any, workflow: str) -> Told:
    """Read a report, or an answer to ``status``.

    Raises:
        RefusalError: it is neither (2).
    """
    try:
        return Told.model_validate(said or {})
    except ValidationError:
        raise RefusalError(
            "what {!r} says of itself is not what a run of this release says; what the server has "
            "of it: temporal workflow show -w ...",
            workflow,
        ) from None


async def _end(handle: WorkflowHandle[Any, Any]) -> tuple[str, str, Any]:
    """Return the kind of a bad end, its sentence, and the report."""
    try:
        return "", "", await handle.result(follow_runs=False, rpc_timeout=ANSWER)
    except WorkflowFailureError as failure:
        cause = failure.cause
    if isinstance(cause, ApplicationError):
        return cause.type or "", cause.message, next(iter(cause.details), None)
    kind = "Cancelled" if isinstance(cause, CancelledError) else type(cause).__name__
    return kind.removesuffix("Error"), str(cause), None


async def _with_outputs(client: Client, workflow: str, told: Told) -> tuple[Told, int]:
    """Ask the stages that have ended what they have put out (3); return how many did not say."""
    over = [path for path, row in told.stages.items() if row.type == "agent" and _has_begun(row)]
    turn = asyncio.Semaphore(ASKED_AT_ONCE)

    async def ask(path: str) -> tuple[Put, ...] | None:
        async with turn:
            try:
                return (await outputs_of(client, f"{workflow}/{path}")).outputs
            except (RefusalError, RPCError):
                return None

    asked = over[:STAGES_ASKED_MAX]
    answers = dict(zip(asked, await asyncio.gather(*map(ask, asked)), strict=True))
    stages = {
        path: row.model_copy(update={"outputs": answers.get(path) or ()})
        for path, row in told.stages.items()
    }
    silent = sum(1 for answer in answers.values() if answer is None)
    return told.model_copy(update={"stages": stages}), len(over) - len(asked) + silent


def _has_begun(row: StageAccount) -> bool:
    return row.status not in ("pending", "waiting", "skipped", "running")
