"""Nothing of a revoked agent is accepted afterwards, and every store says that it is revoked.

1. From the moment its guard was read back as revoked, no phase of the agent but EXIT and REVOKED
   begins and answers, until it is reinstated. A phase that was under way may still answer. Where
   no guard was read back, it is the moment of the ledger's entry.
2. What it had put out is handed to nobody after that.
3. Where the ledger says revoked, Vault has its identity disabled, and Dragonfly's guard, where
   there is one, says so at that epoch or a later one; it holds no lock.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from dsl.actions import AGENT_REINSTATED, AGENT_REVOKED
from dsl.core import AgentPhase, RedisKeys, is_terminal_phase
from dsl.rules.chaos.evidence import Evidence
from dsl.rules.chaos.histories import agents_of
from dsl.rules.chaos.objection import Finding, Oracle
from dsl.rules.reconciliation.history import History
from dsl.rules.reconciliation.recorded import Recorded, entry_ms
from dsl.rules.reconciliation.stage_history import agent_of, phases, stages

_GUARD: Final = "revoke.guard"


@dataclass(frozen=True, slots=True)
class _Revoked:
    """From when to when an agent was revoked."""

    agent: str
    epoch: int
    since_ms: int
    until_ms: int | None
    entry: int


def _look(evidence: Evidence) -> Iterator[Finding]:
    for each in _revoked(evidence):
        for history in stages(evidence.histories):
            if agent_of(history) == each.agent:
                yield from _accepted(history, each)
                yield from _handed_on(history, each, evidence)
        if each.until_ms is None:
            yield from _stores(each, evidence)


def _revoked(evidence: Evidence) -> Iterator[_Revoked]:
    guards = {
        history.workflow_id: call.ended_ms
        for history in evidence.histories
        for call in history.of_type(_GUARD)
        if call.is_done
    }
    ours = agents_of(evidence.histories)
    for entry in evidence.ledger:
        if entry.action == AGENT_REVOKED and entry.agent in ours:
            epoch = int(entry.payload.get("epoch") or 0)
            until = _reinstated(evidence, entry)
            since = guards.get(entry.workflow_id) or entry_ms(entry)
            yield _Revoked(entry.agent, epoch, since, until, entry.seq)


def _reinstated(evidence: Evidence, revoked: Recorded) -> int | None:
    later = (
        entry_ms(entry)
        for entry in evidence.ledger
        if (entry.action, entry.agent) == (AGENT_REINSTATED, revoked.agent)
        and entry.seq > revoked.seq
    )
    return next(later, None)


def _accepted(history: History, revoked: _Revoked) -> Iterator[Finding]:
    """Look for what was begun after the revocation, and accepted (1)."""
    for phase, call in phases(history):
        began = call.began_ms or call.asked_ms
        if not is_terminal_phase(phase) and call.is_done and _is_within(began, revoked):
            where = f"{history.workflow_id}, run {history.run_id}, event {call.ended}"
            found = f"{phase}, begun {began - revoked.since_ms} ms after"
            yield Finding(_nothing(revoked), found, where)


def _handed_on(revoked_stage: History, revoked: _Revoked, evidence: Evidence) -> Iterator[Finding]:
    """Look for outputs of a stage that was left by REVOKED in what others were given (2)."""
    if all(phase is not AgentPhase.REVOKED for phase, _ in phases(revoked_stage)):
        return
    digests = {
        output["digest"]
        for _, call in phases(revoked_stage)
        if isinstance(call.result, Mapping)
        for output in call.result.get("outputs") or ()
    }
    for history in stages(evidence.histories):
        given = history.request.get("given") if isinstance(history.request, Mapping) else None
        path = revoked_stage.workflow_id.removeprefix(f"{history.parent[0]}/")
        for output in (given or {}).get(path, ()):
            if history.parent == revoked_stage.parent and output.get("digest") in digests:
                where = f"{history.workflow_id}, run {history.run_id}, event 1"
                yield Finding(_nothing(revoked), f"its {output.get('name')} was handed on", where)


def _stores(revoked: _Revoked, evidence: Evidence) -> Iterator[Finding]:
    where = f"entry {revoked.entry}"
    for agent in evidence.agents:
        if agent.agent == revoked.agent and not agent.is_disabled:  # (3) disabled in Vault
            found = f"entity {agent.entity} of {agent.agent} enabled"
            yield Finding("the identity disabled in vault", found, where)
    guard: Any = evidence.cache.get(RedisKeys.agent_guard(revoked.agent))
    if guard is not None and not _says_revoked(guard.value, revoked.epoch):
        key = RedisKeys.agent_guard(revoked.agent)
        yield Finding(f"a guard revoked at {revoked.epoch} or later", str(guard.value), key)
    lock = RedisKeys.agent_lock(revoked.agent)
    if lock in evidence.cache:
        yield Finding(f"no lock of {revoked.agent}", str(evidence.cache[lock].value), lock)


def _says_revoked(guard: Any, epoch: int) -> bool:
    return isinstance(guard, Mapping) and (
        str(guard.get("revoked")) == "1" and int(guard.get("epoch") or 0) >= epoch
    )


def _is_within(at_ms: int, revoked: _Revoked) -> bool:
    return at_ms > revoked.since_ms and (revoked.until_ms is None or at_ms < revoked.until_ms)


def _nothing(revoked: _Revoked) -> str:
    return f"nothing of {revoked.agent} after its revocation at entry {revoked.entry}"


REVOCATIONS: Final = Oracle(
    "revocations", "Nothing of a revoked agent is accepted afterwards; every store says so.", _look
)
