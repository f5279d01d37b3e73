"""What a report of a run is made of: values, gathered once, that a page can be drawn from.

1. What was done when is told by the histories, of the run and of its stages.
2. Who decided and by which proof is told by the run, and when, by the ledger.
3. What is not known is empty, and ``missing`` says in a sentence why.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from string import Formatter
from typing import Final

from dsl import actions
from dsl.core import AgentPhase, get_output_type_for_phase
from dsl.plan import Plan
from dsl.rules.reconciliation.history import History, HistoryCall
from dsl.rules.reconciliation.recorded import Recorded
from dsl.rules.reconciliation.stage_history import AGENT
from dsl.shown.heads import Head
from mandate.people.accounts import Account

GATE_OPENED: Final = "gate.opened"
GATE_DECIDED: Final = "gate.decided"
BOOTSTRAPPED: Final = f"agent.{AgentPhase.BOOTSTRAP.lower()}"
_PHASES: Final = {f"agent.{phase.lower()}": phase for phase in AgentPhase}

_STANDINGS: Final = {
    actions.AGENT_REGISTERED: "made known, holds {tier}",
    BOOTSTRAPPED: "identity proven, asks for {asked} and holds {held}",
    actions.AGENT_INTENDED: "try {attempt} at {at}, may read {secrets}",
    actions.AGENT_RETRIED: "try {attempt} at {at}, may read {secrets}",
    actions.AGENT_PROMOTED: "promoted from {was} to {now}",
    actions.AGENT_DEMOTED: "demoted from {was} to {now}, because {because}",
    actions.AGENT_VIOLATED: "violated its mandate: {kind}; {detail}",
    actions.AGENT_REVOKED: "revoked: {reason}",
    actions.AGENT_REBOUND: "bound to another program",
    actions.AGENT_ENDED: "ended {status}, its credentials with it",
}


@dataclass(frozen=True, slots=True)
class PhaseDone:
    """One try of a phase."""

    phase: AgentPhase
    began_ms: int
    ended_ms: int
    outcome: str

    @property
    def maturity(self) -> str:
        """What its outputs are, in a word."""
        kind = get_output_type_for_phase(self.phase)
        return kind.value if kind is not None else "none"


@dataclass(frozen=True, slots=True)
class LedgerVerdict:
    """What was found out of the ledger while the report was made."""

    is_sound: bool | None = None  # None: it was not looked at
    sentences: tuple[str, ...] = ()
    problems: tuple[str, ...] = ()
    is_compared: bool = True  # with the history of the run


@dataclass(frozen=True, slots=True)
class Standing:
    """One moment in the standing of an agent."""

    seq: int
    ts: str
    agent: str
    what: str


@dataclass(frozen=True)
class Findings:
    """All of it; what is looked up in the entries is looked for once."""

    account: Account
    made: datetime
    plan: Plan | None = None
    phases: Mapping[str, Sequence[PhaseDone]] = field(default_factory=dict)  # by path
    entries: Sequence[Recorded] = ()
    verdict: LedgerVerdict = field(default_factory=LedgerVerdict)
    previews: Mapping[str, Head] = field(default_factory=dict)  # by digest
    missing: Sequence[str] = ()

    def moment(self, action: str, gate: str, opening: int, name: str = "") -> str:
        """Return when the ledger has recorded something of a gate; empty: it has not."""
        return self._moments.get((action, gate, opening, name), "")

    def errors(self, stage: str) -> int:
        """Return how many errors the ledger has of a stage, by its workflow id."""
        return self._errors.get(stage, 0)

    @cached_property
    def _moments(self) -> dict[tuple[str, str, int, str], str]:
        """When what was first recorded of which gate; without a name: of whomever."""
        found: dict[tuple[str, str, int, str], str] = {}
        for entry in self.entries:
            gate, opening = entry.payload.get("gate"), entry.payload.get("opening")
            if isinstance(gate, str) and isinstance(opening, int):
                for name in ("", str(entry.payload.get("name", ""))):
                    found.setdefault((entry.action, gate, opening, name), entry.ts)
        return found

    @cached_property
    def _errors(self) -> Counter[str]:
        found: Counter[str] = Counter()
        for entry in self.entries:
            errors = entry.payload.get("errors")
            if entry.action == actions.AGENT_ENDED and isinstance(errors, int):
                found[entry.workflow_id] += errors
        return found


def phases_of(run: str, histories: Iterable[History]) -> dict[str, list[PhaseDone]]:
    """Return what each stage did when, by its path (1)."""
    found: dict[str, list[PhaseDone]] = {}
    for history in histories:
        if history.type == AGENT:
            path = history.workflow_id.removeprefix(f"{run}/")
            found.setdefault(path, []).extend(map(_done, _of_phases(history)))
    return found


def standings(entries: Iterable[Recorded]) -> Iterator[Standing]:
    """Yield what changed in what agents hold and may use, in the order of the ledger."""
    for entry in entries:
        what = _standing(entry)
        if what:
            yield Standing(entry.seq, entry.ts, entry.agent, what)


def _standing(entry: Recorded) -> str:
    sentence = _STANDINGS.get(entry.action)
    if sentence is None:
        return ""
    said = {name: str(value) for name, value in entry.payload.items()}
    secrets = entry.payload.get("secrets")
    names = ", ".join(map(str, secrets)) if isinstance(secrets, list) else ""
    words = {**said, "secrets": names or "no secret", "at": entry.tier}
    return "".join(_filled(sentence, words))


def _filled(sentence: str, words: Mapping[str, str]) -> Iterator[str]:
    """Yield a sentence with its blanks filled; what others wrote is never a sentence itself."""
    for text, name, _, _ in Formatter().parse(sentence):
        yield text
        if name is not None:
            yield words.get(name, "?")


def _of_phases(history: History) -> Iterator[HistoryCall]:
    return (call for call in history.activities if call.type in _PHASES)


def _done(call: HistoryCall) -> PhaseDone:
    began = call.began_ms or call.asked_ms
    return PhaseDone(_PHASES[call.type], began, max(began, call.ended_ms), call.outcome)
