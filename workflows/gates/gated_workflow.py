"""What every workflow with gates of its own does alike: it hears votes and shows what it asks.

A base class, no workflow: Temporal collects its handlers from every class that derives from it.
It decides nothing; verdicts are the business of its ``GateBoard``. The rules:

1. Messages arrive as raw payloads: a typed handler would wedge the run on a missing argument
   (docs/adr/0003). What cannot be read is remembered and shown by ``status``.
2. An update is refused by its validator, which leaves no event; a signal cannot be refused,
   so a void one is remembered. A vote whose proof must be looked at is accepted first: its answer
   says ``refused`` and why.
3. A run does not end under the hands of somebody who waits for an answer; the last thing it does is
   to say in lists how it ended.
"""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Coroutine, Sequence
from typing import Any, ClassVar, Final, TypeVar

from temporalio import workflow
from temporalio.common import RawValue
from temporalio.exceptions import ApplicationError

from activities.contracts import messages
from activities.contracts.meant import MeantError
from dsl.core import StageStatus
from dsl.shown.surfaces import Markdown
from workflows.gates.gate_board import GateBoard
from workflows.messages.inputs import MessageError, VoteMessage, read_gate, read_vote
from workflows.messages.rejected import VoidMessages
from workflows.runtime import failures
from workflows.runtime.visibility import show_end

T = TypeVar("T")

_VOTE: Final = (
    'Answer a gate: {"gate": "review", "decision": "approve", "voter": "team-lead"}; '
    'decision is approve or reject, "reason" may be added. Where proven voters are asked, '
    '"mandate sign RUN GATE approve" prints the whole input.'
)

_GATES: Final = (
    "Pending gates: what, who, since when, due; with the name of one as input, in full where all "
    "together are too many"
)


class GatedWorkflow(VoidMessages, ABC):
    """A run that people answer."""

    signals: ClassVar[tuple[str, ...]] = ("vote",)  # every one there is, for whoever mistypes

    def __init__(self) -> None:
        super().__init__()
        self.policy = messages.Policy(search_attributes=False)  # until it is pinned

    @property
    @abstractmethod
    def board(self) -> GateBoard | None:
        """The gates of the run; None before it has any."""

    @abstractmethod
    def waiting(self, gate: str | None = None) -> list[dict[str, Any]]:
        """Return the pending gates, or the one of that name: what, who, since when, due."""

    @abstractmethod
    def pinned(self) -> dict[str, Any]:
        """Return the plan with the gates, and its digest; empty before there is one."""

    @abstractmethod
    def page(self) -> Markdown:
        """Return what the Web UI shows of the run, in Markdown."""

    @workflow.signal(description=_VOTE)
    async def vote(self, payload: RawValue = None) -> None:  # type: ignore[assignment]  # (1) exactly RawValue
        """Record one person's answer."""
        try:
            message = read_vote([payload])
            refusal = self._refusal(message)
        except MessageError as error:
            refusal = str(error)
        if refusal is not None or self.board is None:
            self.on_bad_message("vote", refusal or "no gate is open yet")
            return
        answer = await self.board.cast(message)
        if not answer["counted"]:
            self.on_bad_message("vote", answer["why"])

    @workflow.update(name="vote", description=_VOTE)
    async def vote_update(self, payload: RawValue = None) -> dict[str, Any]:  # type: ignore[assignment]  # (1) exactly RawValue
        """Record one person's answer and return the verdict so far."""
        assert self.board is not None  # noqa: S101  # the validator has checked
        return await self.board.cast(read_vote([payload]))

    @vote_update.validator
    def _may_vote(self, payload: RawValue = None) -> None:  # type: ignore[assignment]  # (1) exactly RawValue
        try:
            refusal = self._refusal(read_vote([payload]))
        except MessageError as error:
            raise MeantError(str(error), type="UnreadableVote") from None
        if refusal is not None:  # (2) leaves no event
            raise MeantError(refusal, type="VoteRefused")

    @workflow.signal(dynamic=True, description="Any other name: has no effect, status shows it")
    # (1) raw: nothing missing wedges the run
    def unknown(self, name: str, args: Sequence[RawValue]) -> None:
        """Remember a signal that has no handler: a typo should not vanish."""
        known = ", ".join(self.signals)
        self.on_bad_message(name, f"unknown signal {name!r}; known: {known}")

    @workflow.query(description=_GATES)
    def gates(self, payload: RawValue = None) -> list[dict[str, Any]]:  # type: ignore[assignment]  # (1) exactly RawValue
        """Return the pending gates, or the one that is named."""
        return self.waiting(read_gate([payload]))

    @workflow.query(description="The plan this run is pinned to, and its digest")
    def plan(self) -> dict[str, Any]:
        """Return the compiled plan."""
        return self.pinned()

    async def answering(self, work: Coroutine[Any, Any, T]) -> T:
        """Return or raise what ``work`` does, when everybody who asked has been answered (3)."""
        try:
            result = await work
        except (asyncio.CancelledError, ApplicationError) as error:
            await workflow.wait_condition(workflow.all_handlers_finished)
            show_end(self.policy, failures.ending_of(error))
            raise
        await workflow.wait_condition(workflow.all_handlers_finished)
        show_end(self.policy, StageStatus.COMPLETED.value)
        return result

    def _refusal(self, message: VoteMessage) -> str | None:
        return "no gate is open yet" if self.board is None else self.board.refuse(message)
