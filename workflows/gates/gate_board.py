"""Gates: when they open, how long they wait, and how they are decided.

The pipeline owns all gates, by path, so that a gate works the same inside a branch or a
condition. Gates are never in a child workflow: signals sent to the run would not reach them.

1. A gate takes votes only while it is pending; early and late ones are void. What a reset undoes
   is opened anew: see ``workflows.gates.resets``.
2. The verdict is recomputed from all votes by one pure rule, ``dsl.rules.gates.consensus``.
3. Time running out rejects or escalates; it never approves. Escalation is a new opening, for
   which the votes of the one before are void.
4. The decision is on the ledger before anything behind the gate starts.
5. Agents that vote at a consensus gate are heard before people are asked. They decide only what
   ``dsl.rules.gates.council`` lets them; all else goes to people, and where there are none it is
   rejected.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import timedelta
from typing import Any

from temporalio import workflow

from activities.contracts import messages
from dsl.core import StageStatus
from dsl.limits import GATES_DESCRIBED_MAX
from dsl.plan import GateStep
from dsl.rules.gates.consensus import Verdict
from dsl.rules.gates.council import APPROVE, REJECT, Advice
from dsl.rules.gates.gate_rules import has_people, rules_of
from dsl.rules.gates.questions import answer_of
from dsl.shown.surfaces import Markdown
from workflows.gates import decision
from workflows.gates.control_groups import ControlGroups
from workflows.gates.gate_names import GateNames, told
from workflows.gates.opening import Matter, Opening
from workflows.gates.output_heads import Heads
from workflows.gates.reminders import Reminders
from workflows.gates.resets import GateResets, VoidError
from workflows.gates.votes import VoteJudge
from workflows.ledger.ledger_buffer import LedgerBuffer
from workflows.messages.inputs import VoteMessage
from workflows.runtime import failures
from workflows.runtime.cancellation import finish, stop
from workflows.runtime.moment import now_ms
from workflows.runtime.visibility import PublishedGates


class GateBoard:
    """All gates of one run."""

    def __init__(
        self,
        gates: Iterable[str],
        records: LedgerBuffer,
        control_groups: ControlGroups,
        policy: messages.Policy,
        *,
        identity: str,
        excluded: Mapping[str, frozenset[str]] | None = None,
        outlives_reset: Callable[[str], bool] | None = None,
    ) -> None:
        """Prepare.

        Args:
            gates: the paths of the plan's gates.
            records: told what happens at them.
            control_groups: asks Vault for what waits behind them.
            policy: what the worker has pinned for the run.
            identity: how voters are known where a gate does not say.
            excluded: names and entities by role, for gates that exclude one.
            outlives_reset: tells whether what was decided at a gate is good in another run too.
        """
        self._records = records
        self._control_groups = control_groups
        self.heads = Heads(is_allowed=policy.gate_heads)
        self._votes = VoteJudge(records)
        self._reminders = Reminders(records)
        self._names = GateNames(gates)
        self._default_identity = (identity,)
        self._excluded = excluded or {}
        self._openings: dict[str, int] = {}
        self.pending: dict[str, Opening] = {}
        self._published = PublishedGates(self.pending, is_registered=policy.search_attributes)
        self.answers: dict[str, str] = {}  # to questions of agents, by gate
        self.decided: list[dict[str, Any]] = []
        self.decided_ms: dict[str, int] = {}  # before it was recorded, by gate
        self.approvals: list[messages.Approval] = []  # of proven voters only
        self.resets = GateResets(outlives_reset)

    def expect_one(self, path: str) -> None:
        """Learn of a gate that the plan does not name: an agent's question."""
        self._names.add(path)

    def refuse(self, message: VoteMessage) -> str | None:
        """Say why a vote would not even be judged; None when it would be."""
        path = self._names.resolve(message.gate)
        if path not in self._names.paths:
            return f"unknown gate {message.gate!r}; gates of this run: {told(self._names.paths)}"
        opening = self.pending.get(path)
        if opening is None:  # (1) votes only while it is pending
            return f"gate {path!r} is not pending; pending now: {told(self.pending)}"
        return self._votes.refuse(opening, message)

    def rows(self, gate: str | None = None) -> list[dict[str, Any]]:
        """Return what queries show of the pending gates, or of the one named."""
        path = gate if gate is None else self._names.resolve(gate)
        pending = [each for at, each in sorted(self.pending.items()) if path in (None, at)]
        are_few = len(pending) <= GATES_DESCRIBED_MAX
        described = self.heads.described
        return [
            {**each.row(), "outputs": described(each.matter) if are_few else []} for each in pending
        ]

    def with_votes(self) -> list[str]:
        """Return the gates that are open and have votes, of which a reset leaves none."""
        return [path for path, opening in sorted(self.pending.items()) if opening.votes]

    async def cast(self, message: VoteMessage) -> dict[str, Any]:
        """Judge a vote that ``refuse`` let through, and say what it did."""
        return await self._votes.cast(self.pending[self._names.resolve(message.gate)], message)

    async def decide(self, step: GateStep, matter: Matter, advice: Advice | None) -> str:
        """Open ``step`` and wait until it is decided; return who approved, as a sentence.

        Raises:
            StageEndedError: rejected, or not answered in time.
        """
        while True:
            try:
                return await self._decide(step, matter, advice)
            except VoidError as void:  # (1) a reset opens it anew
                number = void.opening.number
                why = "the run was reset"
                self._records.note("gate.voided", gate=step.path, opening=number, why=why)

    async def _decide(self, step: GateStep, matter: Matter, advice: Advice | None) -> str:
        asks_people = has_people(step)
        if advice is not None:
            self._records.note("council.heard", gate=step.path, **advice.on_record())
            is_left_to_people = asks_people or step.escalate_to is not None
            # (5) members decide what they may; people the rest
            if advice.verdict == REJECT or not is_left_to_people:
                return await self._close_by_council(step, matter, advice)
            if advice.verdict == APPROVE and not asks_people:
                return await self._close_by_council(step, matter, advice)
        opening = self._open(step, matter, escalated=not asks_people)
        opening.advice = advice
        answered = await self._wait(opening)
        if not answered and opening.escalates:
            # (3) a new opening, without the votes of the one before
            opening = self._open(step, matter, escalated=True)
            answered = await self._wait(opening)
        return await self._close(opening, advice, answered=answered)

    def _open(self, step: GateStep, matter: Matter, *, escalated: bool) -> Opening:
        number = self._openings[step.path] = self._openings.get(step.path, 0) + 1
        excluded = frozenset[str]().union(*(self._excluded.get(r, ()) for r in step.exclude))
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
        opening.judge()  # there may be nobody left who may answer
        self.resets.opened(opening)
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
        _ = self._published.changed()
        clock = asyncio.create_task(_time_of(opening))
        # Beside the wait: a ledger or a Vault that is away must not keep people from voting.
        beside = [
            asyncio.create_task(self._records.flush(f"gate {path} opened")),
            asyncio.create_task(self._control_groups.ask(opening)),
            asyncio.create_task(self.heads.read(opening)),
            asyncio.create_task(self._reminders.of(opening)),
        ]
        try:
            await asyncio.wait((clock, opening.over), return_when=asyncio.FIRST_COMPLETED)
        except asyncio.CancelledError:
            await stop(clock)
            self.resets.over(path)
            self._records.note("gate.closed", gate=path, opening=opening.number, why="cancelled")
            await self._end(opening, beside)
            raise
        # A vote of the moment in which time ran out has been told that it counts.
        answered = opening.over.done()
        self.resets.closed(opening, is_decided=answered or not opening.escalates)
        cancelled = await stop(clock)
        await self._end(opening, beside[1:])  # the record of the opening is let through
        if cancelled is not None:
            raise cancelled
        self.resets.require_whole(opening)
        return answered

    async def _end(self, opening: Opening, beside: Sequence[asyncio.Task[Any]]) -> None:
        """Take no more votes, stop what ran beside the wait, take back what will not be used."""
        del self.pending[opening.step.path]
        self._votes.close(opening)
        published = self._published.changed()
        for task in beside:
            await stop(task)
        await finish(published)
        if opening.is_void or opening.tally().verdict is not Verdict.PASSED:
            await self._control_groups.withdraw(opening)

    async def _close(self, opening: Opening, advice: Advice | None, *, answered: bool) -> str:
        summary = decision.of_opening(opening, answered=answered)
        await self._decided(opening.step.path, summary, opening.matter)
        self.resets.require_whole(opening)
        self.resets.over(opening.step.path)
        if opening.matter.question is not None and summary["verdict"] == decision.APPROVED:
            self.answers[opening.step.path] = answer_of(opening.votes)
        summary = decision.with_decisions(summary, advice)
        return self._outcome(summary, decision.approval_of(opening))

    async def _close_by_council(self, step: GateStep, matter: Matter, advice: Advice) -> str:
        summary = decision.of_council(step, advice)
        self.resets.decided_now(step.path)
        await self._decided(step.path, summary, matter)
        return self._outcome(decision.with_decisions(summary, advice), None)

    async def _decided(self, path: str, summary: dict[str, Any], matter: Matter) -> None:
        self.decided_ms[path] = now_ms()
        self._records.note("gate.decided", **summary, subject=matter.subject)
        # (4) on the ledger before anything behind it starts
        await self._records.flush(f"gate {path} {summary['verdict']}")

    def _outcome(self, summary: dict[str, Any], approval: messages.Approval | None) -> str:
        self.decided.append(summary)
        detail: str = summary["detail"]
        if summary["verdict"] != decision.APPROVED:
            raise failures.StageEndedError(
                failures.GATE_REJECTED, summary["gate"], StageStatus.REJECTED, detail
            )
        if approval is not None:
            self.approvals.append(approval)
        return detail


async def _time_of(opening: Opening) -> None:
    """Wait as long as the opening may; its timer is what the Web UI shows of a gate."""
    await workflow.sleep(
        timedelta(milliseconds=opening.timeout_ms),
        summary=Markdown.of(
            "WAITING FOR APPROVAL {} ({}); how to answer: User Metadata",
            opening.step.path,
            opening.wanted(),
        ),
    )


def _timeout_ms(step: GateStep, *, escalated: bool) -> int:
    return step.escalate_to.timeout_ms if escalated and step.escalate_to else step.timeout_ms
