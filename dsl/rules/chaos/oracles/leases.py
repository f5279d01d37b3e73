"""A lease has one holder at any fence, and fences only rise.

1. No fence of an agent was given twice: neither to two phases nor to two runs.
2. Within a run, a phase that is accepted holds a higher fence than every one accepted before it.
3. Dragonfly's guard of an agent is not behind what was accepted; where the store was emptied it
   may be gone. No lock is ahead of its guard.
4. Two runs of an agent with ``concurrency: 1`` never execute at the same time.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import pairwise
from typing import Any, Final

from dsl.core import AgentPhase, RedisKeys
from dsl.rules.chaos.evidence import CacheValue, Evidence
from dsl.rules.chaos.objection import Finding, Oracle
from dsl.rules.reconciliation.history import History, HistoryCall
from dsl.rules.reconciliation.stage_history import agent_of, phases, stages, step_of

_Held = tuple[int, str]  # a fence, and where it was accepted


def _look(evidence: Evidence) -> Iterator[Finding]:
    of_agents: dict[str, list[_Held]] = {}
    for history in stages(evidence.histories):
        held = list(_fences(history))
        yield from _rising(held)
        of_agents.setdefault(agent_of(history), []).extend(held)
    for agent, held in sorted(of_agents.items()):
        yield from _once(agent, held)
        yield from _guarded(agent, held, evidence.cache)
    yield from _alone(evidence)


def _fences(history: History) -> Iterator[_Held]:
    for phase, call in phases(history):
        told = call.result if call.is_done and isinstance(call.result, Mapping) else {}
        fence = told.get("fence")
        if isinstance(fence, int) and fence > 0:
            place = f"{history.workflow_id}, run {history.run_id}, event {call.ended}, {phase}"
            yield fence, place


def _rising(held: list[_Held]) -> Iterator[Finding]:
    for (earlier, _), (later, where) in pairwise(held):
        if later <= earlier:  # (2) higher than every one before
            yield Finding(f"a fence above {earlier}", str(later), where)


def _once(agent: str, held: list[_Held]) -> Iterator[Finding]:
    seen: dict[int, str] = {}
    for fence, where in held:
        if fence in seen:  # (1) given once
            yield Finding(f"fence {fence} of {agent} given once", f"also at {seen[fence]}", where)
        seen[fence] = where


def _guarded(agent: str, held: list[_Held], cache: Mapping[str, CacheValue]) -> Iterator[Finding]:
    key = RedisKeys.agent_guard(agent)
    guard = _field(cache, key, "fence")
    if guard is None:  # (3) it was emptied
        return
    highest = max((fence for fence, _ in held), default=0)
    if guard < highest:
        yield Finding(f"the guard at {highest} or above", str(guard), f"dragonfly, {key}")
    lock = _field(cache, RedisKeys.agent_lock(agent), "fence")
    if lock is not None and lock > guard:
        place = f"dragonfly, {RedisKeys.agent_lock(agent)}"
        yield Finding(f"a lock at {guard} or below", str(lock), place)


def _field(cache: Mapping[str, CacheValue], key: str, name: str) -> int | None:
    found: Any = cache[key].value if key in cache else None
    value = found.get(name) if isinstance(found, Mapping) else None
    return int(value) if value is not None else None


def _alone(evidence: Evidence) -> Iterator[Finding]:
    """Look at those who take the lock of the identity (4)."""
    at_work: dict[str, list[tuple[int, int, str]]] = {}
    for history in stages(evidence.histories):
        if step_of(history).get("concurrency") != 1:
            continue
        for phase, call in phases(history):
            if phase is AgentPhase.EXECUTE and _span(call):
                where = f"{history.workflow_id}, run {history.run_id}, event {call.asked}"
                span = (call.began_ms, call.ended_ms, where)
                at_work.setdefault(agent_of(history), []).append(span)
    for agent, spans in sorted(at_work.items()):
        for (_, until, one), (since, _, other) in pairwise(sorted(spans)):
            if since < until:
                found = f"{other} began {until - since} ms before {one} had ended"
                yield Finding(f"one run of {agent} at a time", found, other)


def _span(call: HistoryCall) -> bool:
    return call.is_done and bool(call.began_ms)


LEASES: Final = Oracle(
    "leases", "A lease has one holder at any fence, and fences of an agent only rise.", _look
)
