"""One time a gate is open: what it asks for, of whom, until when, and the answers so far.

1. An opening has a number of its own. Votes, proofs and reminders belong to it, and are void in
   the next one.
2. What it is about is fixed when it opens: the plan, the inputs of the run, and the digests of
   the outputs that are approved.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from activities.contracts.tool_specs import WaitingCall
from dsl.core import AgentOutput
from dsl.plan import GateStep
from dsl.rules.gates.consensus import CLAIMED, Rules, Tally, Verdict, Vote, tally
from dsl.rules.gates.council import Advice
from dsl.rules.gates.questions import Question
from dsl.rules.health.clarification import Clarification
from dsl.rules.proofs.proof import reason_digest
from dsl.values.canonical import digest_of
from workflows.messages.inputs import VoteMessage


@dataclass(frozen=True, slots=True)
class Matter:
    """What is approved (2)."""

    plan: str  # digest
    inputs: str  # digest
    subject: dict[str, dict[str, str]]  # digests of outputs, by stage and name
    outputs: tuple[tuple[str, AgentOutput], ...] = ()  # the same with their stages, by rank
    question: Question | None = None  # that an agent asks; ``subject`` has its digest
    call: WaitingCall | None = None  # of a tool; ``subject`` has the digest of the occurrence
    # Of a stage's plan, likewise: proposed where there is a question, else approved anew.
    clarification: Clarification | None = None

    @property
    def clarified(self) -> str:
        """Return the digest of the clarified plan that an approval is good for; empty: of none."""
        if self.clarification is None or self.question is not None:
            return ""
        return self.clarification.digest()


@dataclass(slots=True)
class ControlGroupState:
    """Vault's control groups over what waits behind the gate: see ``gate.request``."""

    state: str = "none"  # none, asking, filed, partly filed, nothing filed, not enforced, refused
    detail: str = ""
    requests: list[dict[str, str]] = field(default_factory=list)


@dataclass(slots=True)
class Opening:
    """One time a gate is open, and the votes it got."""

    step: GateStep
    number: int
    escalated: bool
    rules: Rules
    timeout_ms: int
    matter: Matter
    since: datetime
    votes: list[Vote] = field(default_factory=list)
    proofs: dict[int, str] = field(default_factory=dict)  # by position in ``votes``
    refusals: int = 0
    verifications: int = 0  # proofs given to ``ledger.prove``
    reminders: int = 0
    vault: ControlGroupState = field(default_factory=ControlGroupState)
    judging: list[asyncio.Task[str | None]] = field(default_factory=list)  # as they came
    closed_in: int = 0  # the workflow task in which it was decided, or its time ran out; 0: none
    is_void: bool = False  # the run was reset while it was open
    advice: Advice | None = None  # what members have said before people were asked
    over: asyncio.Future[None] = field(  # done once it is decided or void
        default_factory=lambda: asyncio.get_running_loop().create_future()
    )

    @property
    def due(self) -> datetime:
        """When time runs out."""
        return self.since + timedelta(milliseconds=self.timeout_ms)

    @property
    def escalates(self) -> bool:
        """Tell whether another opening follows when its time runs out."""
        step = self.step
        is_meant = step.on_timeout == "escalate" and step.escalate_to is not None
        return is_meant and not self.escalated

    def tally(self) -> Tally:
        """Decide from the votes received so far."""
        return tally(self.rules, self.votes, self.step.path)

    def count(self, vote: Vote) -> None:
        """Count one more vote, which may decide."""
        self.votes.append(vote)
        self.judge()

    def judge(self) -> None:
        """End the opening if it is decided."""
        if self.tally().verdict is not Verdict.PENDING:
            self._end()

    def void(self) -> None:
        """Take back everything: the run was reset."""
        self.is_void = True
        self._end()

    def _end(self) -> None:
        if not self.over.done():
            self.over.set_result(None)

    def wanted(self) -> str:
        """Name who may answer."""
        return self.rules.asked()

    def takes_claims(self) -> bool:
        """Tell whether a voter's word is enough here."""
        return CLAIMED in self.rules.identity

    def about(self, message: VoteMessage) -> dict[str, Any]:
        """Return what a proof of that vote has to be about, less what the server knows."""
        return {
            "gate": self.step.path,
            "opening": self.number,
            "escalated": self.escalated,
            "plan": self.matter.plan,
            "inputs": self.matter.inputs,
            "subject": digest_of(self.matter.subject),
            "decision": message.decision,
            "reason": reason_digest(message.reason),
        }

    def _decisions(self) -> dict[str, Any]:
        """Return what members have decided of what was suggested, where they were asked that."""
        if self.advice is None or not self.advice.decisions:
            return {}
        decisions = [each.on_record() for each in self.advice.decisions]
        return {"advice": self.advice.detail, "decisions": decisions}

    def row(self) -> dict[str, Any]:
        """Return what the queries show of it."""
        rules, now = self.rules, self.tally()
        question, clarification = self.matter.question, self.matter.clarification
        return {
            **({"question": question.model_dump(mode="json")} if question else {}),
            **({"call": _shown(self.matter.call)} if self.matter.call else {}),
            **({"clarification": clarification.model_dump(mode="json")} if clarification else {}),
            **self._decisions(),
            "gate": self.step.path,
            "opening": self.number,
            "escalated": self.escalated,
            "approvers": sorted(rules.approvers),
            "groups": dict(sorted(rules.groups.items())),
            "quorum": rules.quorum,
            "identity": sorted(rules.identity),
            "reason_required": rules.reason_required,
            "excluded": sorted(rules.excluded),
            "still_needed": now.needed,
            "still_needed_of": now.detail,
            "votes": len(now.counted),
            "voted": [
                {
                    "voter": vote.voter,
                    "decision": vote.decision.value,
                    "proven": vote.proven,
                    **({"door": vote.door} if vote.door else {}),
                }
                for vote in now.counted
            ],
            "refused": self.refusals,
            "reminders": self.reminders,
            "since": self.since.isoformat(timespec="seconds"),
            "due": self.due.isoformat(timespec="seconds"),
            "plan": self.matter.plan,
            "inputs": self.matter.inputs,
            "subject": self.matter.subject,
            "subject_digest": digest_of(self.matter.subject),
            "description": self.step.description,
            "vault": {
                "state": self.vault.state,
                "detail": self.vault.detail,
                "requests": self.vault.requests,
            },
        }


def _shown(waiting: WaitingCall) -> dict[str, Any]:
    """Return what people are shown of a call."""
    occurrence = waiting.occurrence
    call = occurrence.call
    return {
        "server": call.server,
        "tool": call.tool,
        "arguments": call.arguments,
        "purpose": call.purpose,
        "ordinal": occurrence.ordinal,
        "stage": occurrence.stage,
        "rule": waiting.why,
        "occurrence": occurrence.model_dump(mode="json", exclude={"call"}),
    }
