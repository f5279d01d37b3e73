"""Gates: who may answer, by when, and what they have answered.

The pipeline owns all gates, by path, so that a gate works the same inside a branch or a
condition. Gates are never in a child workflow: signals sent to the run would not reach them.

1. A gate takes votes only while it is pending; early and late ones are void. A reset opens every
   gate that was pending, or decided and not yet on the ledger, anew: votes that ``temporal
   workflow reset`` applies again approve nothing.
2. The verdict is recomputed from all votes by one pure rule, ``dsl.rules.consensus``.
3. Time running out rejects or escalates; it never approves. Escalation is a new opening, for
   which the votes of the one before are void.
4. The decision is on the ledger before anything behind the gate starts.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from temporalio import workflow

from dsl.core import StageStatus
from dsl.durations import render_duration
from dsl.limits import VOTES_MAX
from dsl.plan import GateStep
from dsl.rules.consensus import Decision, Rules, Tally, Verdict, Vote, refuse, tally
from workflows import failures
from workflows.messages import VoteMessage
from workflows.records import Records
from workflows.shield import stop


class _VoidError(Exception):
    """The run was reset while a gate was open: it is opened anew."""

    def __init__(self, opening: int) -> None:
        super().__init__(f"opening {opening} is void")
        self.opening = opening


@dataclass(slots=True)
class Opening:
    """One time a gate is open, and the votes it got."""

    step: GateStep
    number: int
    rules: Rules
    timeout_ms: int
    subject: dict[str, dict[str, str]]  # digests of what is approved, by stage and output name
    since: datetime
    votes: list[Vote] = field(default_factory=list)
    is_void: bool = False  # the run was reset while it was open

    @property
    def due(self) -> datetime:
        """When time runs out."""
        return self.since + timedelta(milliseconds=self.timeout_ms)

    def tally(self) -> Tally:
        """Decide from the votes received so far (2)."""
        return tally(self.rules, self.votes, self.step.path)

    def wanted(self) -> str:
        """Name who may answer."""
        return self.rules.asked()


class GateBoard:
    """All gates of one run."""

    def __init__(self, records: Records, changed: Callable[[], None]) -> None:
        self._records = records
        self._changed = changed  # tell the Web UI
        self._paths: tuple[str, ...] = ()
        self._default_identity: tuple[str, ...] = ("claimed",)
        self._openings: dict[str, int] = {}
        self.pending: dict[str, Opening] = {}
        self.decided: list[dict[str, Any]] = []
        self._undone: dict[str, Opening] = {}  # open, or decided and not yet on the ledger
        workflow.register_random_seed_callback(self._on_reset)

    def expect(self, paths: Iterable[str], identity: str) -> None:
        """Learn the gates of the plan, and how voters are known where a gate does not say."""
        self._paths = tuple(paths)
        self._default_identity = (identity,)

    def refuse(self, message: VoteMessage) -> str | None:
        """Say why a vote would not be taken; None when it would be."""
        path = self._resolve(message.gate)
        if path not in self._paths:
            known = ", ".join(self._paths) or "none"
            return f"unknown gate {message.gate!r}; gates of this run: {known}"
        opening = self.pending.get(path)
        if opening is None:  # (1)
            open_now = ", ".join(sorted(self.pending)) or "none"
            return f"gate {path!r} is not pending; pending now: {open_now}"
        if len(opening.votes) >= VOTES_MAX:
            return f"gate {path!r} has had {VOTES_MAX} votes"
        return refuse(opening.rules, path, opening.votes, _vote(message))

    def cast(self, message: VoteMessage) -> dict[str, Any]:
        """Count a vote that ``refuse`` let through, and say what it did."""
        path = self._resolve(message.gate)
        opening = self.pending[path]
        opening.votes.append(_vote(message))
        now = opening.tally()
        self._changed()
        return {
            "gate": path,
            "voter": message.voter,
            "decision": message.decision,
            "counted": True,
            "verdict": now.verdict.value,
            "still_needed": now.needed,
        }

    async def decide(self, step: GateStep, subject: dict[str, dict[str, str]]) -> str:
        """Open ``step`` and wait until it is decided; return who approved, as a sentence.

        Raises:
            StageEndedError: rejected, or not answered in time.
        """
        while True:
            try:
                return await self._decide(step, subject)
            except _VoidError as void:  # (1)
                self._records.note(
                    "gate.voided", gate=step.path, opening=void.opening, why="the run was reset"
                )

    async def _decide(self, step: GateStep, subject: dict[str, dict[str, str]]) -> str:
        opening = self._open(step, _rules(step, self._identity(step)), step.timeout_ms, subject)
        answered = await self._wait(opening)
        if not answered and step.on_timeout == "escalate" and step.escalate_to is not None:
            rules = _escalated(step, self._identity(step))
            opening = self._open(step, rules, step.escalate_to.timeout_ms, subject)  # (3)
            answered = await self._wait(opening)
        return await self._close(opening, answered=answered)

    def _open(
        self,
        step: GateStep,
        rules: Rules,
        timeout_ms: int,
        subject: dict[str, dict[str, str]],
    ) -> Opening:
        number = self._openings[step.path] = self._openings.get(step.path, 0) + 1
        opening = Opening(step, number, rules, timeout_ms, subject, workflow.now())
        self._undone[step.path] = opening
        self._records.note(
            "gate.opened",
            gate=step.path,
            opening=number,
            approvers=sorted(rules.approvers),
            quorum=rules.quorum,
            subject=subject,
            due=opening.due.isoformat(timespec="seconds"),
        )
        return opening

    async def _wait(self, opening: Opening) -> bool:
        """Return whether the opening was decided before its time ran out."""
        path = opening.step.path
        self.pending[path] = opening
        self._changed()
        # Recorded beside the wait: a ledger that is away must not keep people from voting.
        telling = asyncio.create_task(self._records.flush(f"gate {path} opened"))
        answered = True
        try:
            await workflow.wait_condition(
                lambda: opening.is_void or opening.tally().verdict is not Verdict.PENDING,
                timeout=timedelta(milliseconds=opening.timeout_ms),
                timeout_summary=f"WAITING FOR APPROVAL {path} ({opening.wanted()}); "
                "how to answer: User Metadata",
            )
        except TimeoutError:
            answered = False
        except asyncio.CancelledError:
            del self.pending[path]
            self._undone.pop(path, None)
            self._records.note("gate.closed", gate=path, opening=opening.number, why="cancelled")
            self._changed()
            await stop(telling)
            raise
        del self.pending[path]
        self._changed()
        if opening.is_void:
            raise _VoidError(opening.number)
        return answered

    async def _close(self, opening: Opening, *, answered: bool) -> str:
        step, result = opening.step, opening.tally()
        approved = answered and result.verdict is Verdict.PASSED
        detail = _sentence(opening, result, answered=answered)
        summary = {
            "gate": step.path,
            "opening": opening.number,
            "verdict": "approved" if approved else "rejected",
            "detail": detail,
            "votes": [_shown(vote) for vote in result.counted],
            "void": len(result.void),
        }
        self._records.note("gate.decided", **summary, subject=opening.subject)
        await self._records.flush(f"gate {step.path} {summary['verdict']}")  # (4)
        if opening.is_void:
            raise _VoidError(opening.number)
        self._undone.pop(step.path, None)
        self.decided.append(summary)
        if not approved:
            raise failures.StageEndedError(
                failures.GATE_REJECTED, step.path, StageStatus.REJECTED, detail
            )
        return detail

    def _on_reset(self, _seed: int) -> None:
        """Void what is undone (1): a new random seed in a running workflow means a reset.

        The SDK hands over signals that are applied again before it tells of the reset, in one
        workflow task: an opening may be decided by then. It is not on the ledger yet.
        """
        for opening in self._undone.values():
            opening.is_void = True
        self._undone.clear()

    def _resolve(self, name: str) -> str:
        """Return the path of a gate named by path, or by a bare name that is unique."""
        if name in self._paths:
            return name
        matches = [path for path in self._paths if path.rsplit("/", 1)[-1] == name]
        return matches[0] if len(matches) == 1 else name

    def _identity(self, step: GateStep) -> tuple[str, ...]:
        return step.identity or self._default_identity


def _rules(step: GateStep, identity: tuple[str, ...]) -> Rules:
    return Rules(
        approvers=frozenset(step.approvers),
        groups={group.name: group.quorum for group in step.groups},
        quorum=step.quorum,
        identity=frozenset(identity),
        reason_required=step.reason == "required",
    )


def _escalated(step: GateStep, identity: tuple[str, ...]) -> Rules:
    assert step.escalate_to is not None  # noqa: S101  # decide() has checked
    return Rules(
        approvers=frozenset(step.escalate_to.approvers),
        groups={},
        quorum=step.escalate_to.quorum,
        identity=frozenset(identity),
        reason_required=step.reason == "required",
    )


def _vote(message: VoteMessage) -> Vote:
    return Vote(voter=message.voter, decision=Decision(message.decision), reason=message.reason)


def _shown(vote: Vote) -> dict[str, Any]:
    return {
        "voter": vote.voter,
        "decision": vote.decision.value,
        "reason": vote.reason,
        "identity": "verified" if vote.proven else "claimed",
    }


def _sentence(opening: Opening, result: Tally, *, answered: bool) -> str:
    if answered:
        return result.detail
    waited = render_duration(opening.timeout_ms)
    path = opening.step.path
    return f"gate {path!r} was not answered within {waited} by {opening.rules.asked()}"
