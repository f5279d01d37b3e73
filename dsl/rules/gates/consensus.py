"""When is a gate decided, and by whom?

One pure function, recomputed from all votes whenever one arrives, by the workflow and again by
whoever mints a credential behind the gate. Votes come in any order, more than once, and from
people nobody asked. A vote that does not count is recorded with the reason and uses nothing
up. The rules, in the order applied:

1. Once a gate is decided no vote changes it.
2. Only an approver's vote counts: by name, or as a member of a group that is asked. Who is in a
   group is for the caller to know (``Vote.groups``); a claimed voter's word is no membership,
   and no voter is called ``group:…``.
3. Excluded persons do not vote, whatever name or group would let them.
4. A vote counts only if the gate accepts how its voter is known. A proof is accepted everywhere.
   The word of Slack or GitHub for whose account it was is accepted where the gate names that
   service, or takes claims: it is never a proof.
5. Where reasons are required, a vote without one does not count.
6. The first vote of a person counts. Votes under one name are one person's, and so are votes of
   one entity, whatever names led to it.
7. A rejection that counts rejects the gate, and so does a quorum that can no longer be reached.
   A group is unbounded: who is in it shows only when they vote.
8. ``quorum`` approvals by different persons and, of each group that has a count of its own, that
   many of its members pass the gate. One person may stand for several groups, never twice.
   Nothing else passes it: no vote means no approval, and there is no quorum below one.

What a vote is about (gate, opening, digests) is settled before it comes here, and so is time.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from dsl.people import GROUP_PREFIX, listed, quoted

CLAIMED: Final = "claimed"
VERIFIED: Final = "verified"
SLACK: Final = "slack"
GITHUB: Final = "github"
DOORS: Final = (SLACK, GITHUB)  # services that say whose account it was
IDENTITIES: Final = (CLAIMED, VERIFIED, *DOORS)
NAMES_SHOWN_MAX: Final = 8
REASON_SHOWN_MAX: Final = 100


def takes_word_of(door: str, identity: Iterable[str]) -> bool:
    """Tell whether a gate that takes ``identity`` takes that service's word for an account."""
    return not {CLAIMED, door}.isdisjoint(identity)


def is_reason(text: str) -> bool:
    """Tell whether ``text`` says anything: the dots of a line to copy do not."""
    return any(character.isalnum() for character in text)


class Decision(StrEnum):
    """What a voter says."""

    APPROVE = "approve"
    REJECT = "reject"


class Verdict(StrEnum):
    """The state of a gate."""

    PENDING = "pending"
    PASSED = "passed"
    REJECTED = "rejected"


@dataclass(frozen=True, slots=True)
class Vote:
    """One answer, as far as the caller could establish whose it is."""

    voter: str
    decision: Decision
    person: str | None = None  # the Vault entity; None: only the name is known
    groups: frozenset[str] = frozenset()  # memberships established, without "group:"
    proven: bool = False
    reason: str = ""
    door: str = ""  # the service that says whose account it was; empty: none does

    def __post_init__(self) -> None:
        if (self.proven or self.door) and not self.person:
            raise ValueError(f"a proven vote belongs to an entity, and {self.voter!r} has none")
        if self.door and (self.proven or self.door not in DOORS):
            raise ValueError(f"what {self.door!r} says is no proof")

    @property
    def known_by(self) -> str:
        """Return how its voter is known."""
        return VERIFIED if self.proven else self.door or CLAIMED


@dataclass(frozen=True, slots=True)
class Rules:
    """What a gate asks for.

    Raises:
        ValueError: nobody could answer it, or it would pass without an answer.
    """

    approvers: frozenset[str]  # names, and "group:<name>"
    quorum: int = 1
    groups: Mapping[str, int] = field(default_factory=dict)  # count by name, without "group:"
    identity: frozenset[str] = frozenset({CLAIMED})  # what is accepted; a proof is a claim, too
    reason_required: bool = False
    excluded: frozenset[str] = frozenset()  # names and entities

    def __post_init__(self) -> None:
        if not self.approvers and not self.groups:
            raise ValueError("a gate with no approvers and no groups can be answered by nobody")
        if self.quorum < 1 or any(count < 1 for count in self.groups.values()):
            raise ValueError(f"a quorum is at least 1, got {self.quorum} and {dict(self.groups)}")
        if not self.identity:
            raise ValueError("a gate that accepts no identity can be answered by nobody")

    def accepts(self, vote: Vote) -> bool:
        """Tell whether its voter is known in a way that is accepted (4)."""
        return vote.proven or not self.identity.isdisjoint({CLAIMED, vote.known_by})

    def names(self) -> frozenset[str]:
        """Return the approvers asked by name."""
        return frozenset(n for n in self.approvers if not n.startswith(GROUP_PREFIX))

    def asked_groups(self) -> frozenset[str]:
        """Return every group whose members may vote, without ``group:``."""
        named = (n for n in self.approvers if n.startswith(GROUP_PREFIX))
        return frozenset(self.groups).union(n.removeprefix(GROUP_PREFIX) for n in named)

    def asked(self) -> str:
        """Return who may vote, for people to read."""
        groups = [GROUP_PREFIX + name for name in sorted(self.asked_groups())]
        everyone = [*sorted(self.names()), *groups]
        shown = ", ".join(map(listed, everyone[:NAMES_SHOWN_MAX]))
        more = len(everyone) > NAMES_SHOWN_MAX
        return f"{shown}, … ({len(everyone)} in all)" if more else shown


@dataclass(frozen=True, slots=True)
class Tally:
    """Where a gate stands."""

    verdict: Verdict
    counted: tuple[Vote, ...]
    void: tuple[tuple[Vote, str], ...]  # with the reason, which names the voter
    needed: int  # the least number of further persons who could pass it; 0 once decided
    detail: str  # one sentence: why the verdict is what it is


def tally(rules: Rules, votes: Iterable[Vote], gate: str = "") -> Tally:
    """Decide a gate from all votes received so far, in the order they were received.

    ``gate`` is its name, for the reasons given with void votes.
    """
    count = _Count(rules, gate)
    void: list[tuple[Vote, str]] = []
    for vote in votes:
        objection = count.objection(vote)
        if objection is None:
            count.add(vote)
        else:
            void.append((vote, objection))
    needed = count.needed() if count.verdict is Verdict.PENDING else 0
    return Tally(count.verdict, tuple(count.counted), tuple(void), needed, count.detail())


def refuse(rules: Rules, gate: str, votes: Iterable[Vote], vote: Vote) -> str | None:
    """Say why ``vote`` would not count after ``votes``, naming its voter; None: it would."""
    count = _Count(rules, gate)
    for earlier in votes:
        if count.objection(earlier) is None:
            count.add(earlier)
    return count.objection(vote)


class _Count:
    """The votes that count, one after the other."""

    def __init__(self, rules: Rules, gate: str) -> None:
        self._rules = rules
        self._where = f"gate {gate!r}" if gate else "this gate"
        self._approvers = rules.names()
        self._groups = rules.asked_groups()
        self._voters: set[str] = set()
        self._persons: set[str] = set()
        self._missing = dict(rules.groups)  # members of each group still to be heard
        self.counted: list[Vote] = []
        # (7) it may be out of reach at once
        self.verdict = Verdict.PENDING if self._is_reachable() else Verdict.REJECTED

    def objection(self, vote: Vote) -> str | None:
        """Say why ``vote`` does not count."""
        if self.verdict is not Verdict.PENDING:  # (1) decided: no vote changes it
            return f"{quoted(vote.voter)} comes too late: {self._where} is already {self.verdict}"
        refusal = self._refuse_voter(vote)
        if refusal is not None:
            return refusal
        if self._rules.reason_required and not is_reason(vote.reason):  # (5) a reason is required
            return f"{quoted(vote.voter)} gives no reason, and {self._where} requires one"
        # (6) the first vote of a person counts
        if vote.voter in self._voters or vote.person in self._persons:
            return f"{quoted(vote.voter)} has already voted at {self._where}; the first vote counts"
        return None

    def _refuse_voter(self, vote: Vote) -> str | None:
        who = quoted(vote.voter)
        # (2) only an approver's counts
        if vote.voter not in self._approvers and not vote.groups & self._groups:
            return f"{who} is not an approver of {self._where}; approvers: {self._rules.asked()}"
        if self._rules.excluded & {vote.voter, vote.person}:  # (3) excluded by any name
            return f"{who} is excluded from {self._where}"
        if not self._rules.accepts(vote):  # (4) as the gate accepts
            if vote.door:
                return f"{who} is known by {vote.door} alone, and {self._where} demands a proof"
            return f"{who} has not proven who they are, and {self._where} demands it"
        return None

    def add(self, vote: Vote) -> None:
        """Count a vote to which there is no objection."""
        self.counted.append(vote)
        self._voters.add(vote.voter)
        if vote.person is not None:
            self._persons.add(vote.person)
        if vote.decision is Decision.REJECT:  # (7) one rejection rejects
            self.verdict = Verdict.REJECTED
            return
        for group in self._missing.keys() & vote.groups:
            self._missing[group] -= 1
        if self.needed() == 0:  # (8) nothing else passes it
            self.verdict = Verdict.PASSED

    def needed(self) -> int:
        """Return the least number of further approvals; one may serve several groups (8)."""
        return max(0, self._rules.quorum - len(self.counted), *self._missing.values())

    def detail(self) -> str:
        """Return one sentence about the verdict."""
        if self.verdict is Verdict.PENDING:
            return f"waiting for {self.needed()} more of: {self._rules.asked()}"
        if self.verdict is Verdict.PASSED:
            return f"approved by {_voters(self.counted)}"
        rejections = [vote for vote in self.counted if vote.decision is Decision.REJECT]
        if rejections:
            return f"rejected by {_voters(rejections)}"
        quorum = self._rules.quorum
        return f"a quorum of {quorum} is out of reach of: {self._rules.asked()}"

    def _is_reachable(self) -> bool:
        """Tell whether enough people exist; while nobody rejects, votes do not change that."""
        possible = len(self._approvers - self._rules.excluded)
        return bool(self._groups) or possible >= self._rules.quorum


def _voters(votes: Sequence[Vote]) -> str:
    shown = [_with_reason(vote) for vote in votes[:NAMES_SHOWN_MAX]]
    more = len(votes) > NAMES_SHOWN_MAX
    return ", ".join(shown) + (f", … ({len(votes)} in all)" if more else "")


def _with_reason(vote: Vote) -> str:
    reason = " ".join(vote.reason.split())[:REASON_SHOWN_MAX]
    return f"{listed(vote.voter)} ({reason})" if reason else listed(vote.voter)
