"""Gates: when they open, how long they wait, and how they are decided.

The pipeline owns all gates, by path, so that a gate works the same inside a branch or a
condition. Gates are never in a child workflow: signals sent to the run would not reach them.

1. A gate takes votes only while it is pending; early and late ones are void. A reset opens every
   gate that was pending, or decided and not yet on the ledger, anew: votes that ``temporal
   workflow reset`` applies again approve nothing.
2. The verdict is recomputed from all votes by one pure rule, ``dsl.rules.consensus``.
3. Time running out rejects or escalates; it never approves. Escalation is a new opening, for
   which the votes of the one before are void.
4. The decision is on the ledger before anything behind the gate starts.
5. Agents that vote at a consensus gate are heard before people are asked. They decide only what
   ``dsl.rules.council`` lets them; all else goes to people, and where there are none it is
   rejected.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Sequence
from datetime import timedelta
from typing import Any

from temporalio import workflow

from activities import contracts
from dsl.core import StageStatus
from dsl.plan import GateStep
from dsl.rules.consensus import Verdict
from dsl.rules.council import APPROVE, REJECT, Advice
from dsl.rules.gate_rules import has_people, rules_of
from dsl.surfaces import Markdown
from workflows import failures, verdicts
from workflows.messages import VoteMessage
from workflows.openings import Matter, Opening
from workflows.records import Records
from workflows.reminders import remind
from workflows.shield import stop
from workflows.vault_lock import VaultLocks
from workflows.voting import Ballots


class _VoidError(Exception):
    """The run was reset while a gate was open: it is opened anew."""

    def __init__(self, opening: int) -> None:
        super().__init__(f"opening {opening} is void")
        self.opening = opening


class GateBoard:
    """All gates of one run."""

    def __init__(self, records: Records, changed: Callable[[], None], locks: VaultLocks) -> None:
        self._records = records
        self._changed = changed  # tell the Web UI
        self._locks = locks
        self._ballots = Ballots(records, changed)
        self._paths: tuple[str, ...] = ()
        self._default_identity: tuple[str, ...] = ("claimed",)
        self._openings: dict[str, int] = {}
        self.excluded: dict[str, frozenset[str]] = {}  # names and entities by role
        self.pending: dict[str, Opening] = {}
        self.decided: list[dict[str, Any]] = []
        self.approvals: list[contracts.Approval] = []  # of proven voters only
        self._undone: dict[str, Opening] = {}  # open, or decided and not yet on the ledger
        workflow.register_random_seed_callback(self._on_reset)

    def expect(self, paths: Iterable[str], identity: str) -> None:
        """Learn the gates of the plan, and how voters are known where a gate does not say."""
        self._paths = tuple(paths)
        self._default_identity = (identity,)

    def refuse(self, message: VoteMessage) -> str | None:
        """Say why a vote would not even be judged; None when it would be."""
        path = self._resolve(message.gate)
        if path not in self._paths:
            known = ", ".join(self._paths) or "none"
            return f"unknown gate {message.gate!r}; gates of this run: {known}"
        opening = self.pending.get(path)
        if opening is None:  # (1)
            open_now = ", ".join(sorted(self.pending)) or "none"
            return f"gate {path!r} is not pending; pending now: {open_now}"
        return self._ballots.refuse(opening, message)

    async def cast(self, message: VoteMessage) -> dict[str, Any]:
        """Judge a vote that ``refuse`` let through, and say what it did."""
        return await self._ballots.cast(self.pending[self._resolve(message.gate)], message)

    async def decide(self, step: GateStep, matter: Matter, advice: Advice | None) -> str:
        """Open ``step`` and wait until it is decided; return who approved, as a sentence.

        Raises:
            StageEndedError: rejected, or not answered in time.
        """
        while True:
            try:
                return await self._decide(step, matter, advice)
            except _VoidError as void:  # (1)
                self._records.note(
                    "gate.voided", gate=step.path, opening=void.opening, why="the run was reset"
                )

    async def _decide(self, step: GateStep, matter: Matter, advice: Advice | None) -> str:
        asks_people = has_people(step)
        if advice is not None:
            self._records.note("council.heard", gate=step.path, **advice.on_record())
            is_left_to_people = asks_people or step.escalate_to is not None
            if advice.verdict == REJECT or not is_left_to_people:  # (5)
                return await self._close_by_council(step, matter, advice)
            if advice.verdict == APPROVE and not asks_people:
                return await self._close_by_council(step, matter, advice)
        opening = self._open(step, matter, escalated=not asks_people)
        answered = await self._wait(opening)
        escalates = step.on_timeout == "escalate" and step.escalate_to is not None
        if not answered and escalates and not opening.escalated:
            opening = self._open(step, matter, escalated=True)  # (3)
            answered = await self._wait(opening)
        return await self._close(opening, answered=answered)

    def _open(self, step: GateStep, matter: Matter, *, escalated: bool) -> Opening:
        number = self._openings[step.path] = self._openings.get(step.path, 0) + 1
        excluded = frozenset[str]().union(*(self.excluded.get(r, ()) for r in step.exclude))
        identity = step.identity or self._default_identity
        opening = Opening(
            step=step,
            number=number,
            escalated=escalated,
            rules=rules_of(step, escalated=escalated, identity=identity, excluded=excluded),
            timeout_ms=_timeout_ms(step, escalated=escalated),
            matter=matter,
            since=workflow.now(),
        )
        self._undone[step.path] = opening
        self._records.note(
            "gate.opened",
            gate=step.path,
            opening=number,
            escalated=escalated,
            approvers=sorted(opening.rules.approvers),
            groups=dict(opening.rules.groups),
            quorum=opening.rules.quorum,
            identity=sorted(opening.rules.identity),
            subject=matter.subject,
            due=opening.due.isoformat(timespec="seconds"),
        )
        return opening

    async def _wait(self, opening: Opening) -> bool:
        """Return whether the opening was decided before its time ran out."""
        path = opening.step.path
        self.pending[path] = opening
        self._changed()
        # Beside the wait: a ledger or a Vault that is away must not keep people from voting.
        beside = [
            asyncio.create_task(self._records.flush(f"gate {path} opened")),
            asyncio.create_task(self._locks.ask(opening, self._changed)),
            asyncio.create_task(remind(opening, self._records, self._changed)),
        ]
        answered = True
        try:
            await workflow.wait_condition(
                lambda: opening.is_void or opening.tally().verdict is not Verdict.PENDING,
                timeout=timedelta(milliseconds=opening.timeout_ms),
                timeout_summary=Markdown.of(
                    "WAITING FOR APPROVAL {} ({}); how to answer: User Metadata",
                    path,
                    opening.wanted(),
                ),
            )
        except TimeoutError:  # a vote of the same moment has been told that it counts
            answered = opening.tally().verdict is not Verdict.PENDING
        except asyncio.CancelledError:
            self._undone.pop(path, None)
            self._records.note("gate.closed", gate=path, opening=opening.number, why="cancelled")
            await self._end(opening, beside)
            raise
        await self._end(opening, beside[1:])  # the record of the opening is let through
        if opening.is_void:
            raise _VoidError(opening.number)
        return answered

    async def _end(self, opening: Opening, beside: Sequence[asyncio.Task[Any]]) -> None:
        """Take no more votes, stop what ran beside the wait, take back what will not be used."""
        del self.pending[opening.step.path]
        self._ballots.close(opening)
        self._changed()
        for task in beside:
            await stop(task)
        if opening.is_void or opening.tally().verdict is not Verdict.PASSED:
            await self._locks.withdraw(opening)

    async def _close(self, opening: Opening, *, answered: bool) -> str:
        summary = verdicts.of_opening(opening, answered=answered)
        await self._decided(opening.step.path, summary, opening.matter)
        if opening.is_void:
            raise _VoidError(opening.number)
        self._undone.pop(opening.step.path, None)
        return self._outcome(summary, verdicts.approval_of(opening))

    async def _close_by_council(self, step: GateStep, matter: Matter, advice: Advice) -> str:
        summary = verdicts.of_council(step, advice)
        await self._decided(step.path, summary, matter)
        return self._outcome(summary, None)

    async def _decided(self, path: str, summary: dict[str, Any], matter: Matter) -> None:
        self._records.note("gate.decided", **summary, subject=matter.subject)
        await self._records.flush(f"gate {path} {summary['verdict']}")  # (4)

    def _outcome(self, summary: dict[str, Any], approval: contracts.Approval | None) -> str:
        self.decided.append(summary)
        detail: str = summary["detail"]
        if summary["verdict"] != verdicts.APPROVED:
            raise failures.StageEndedError(
                failures.GATE_REJECTED, summary["gate"], StageStatus.REJECTED, detail
            )
        if approval is not None:
            self.approvals.append(approval)
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


def _timeout_ms(step: GateStep, *, escalated: bool) -> int:
    return step.escalate_to.timeout_ms if escalated and step.escalate_to else step.timeout_ms
