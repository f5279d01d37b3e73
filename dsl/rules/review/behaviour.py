"""What a ledger, or histories, say of how agents and gates behave, and did not use to.

The last ``PERIOD_MS`` are compared with all before. Fewer than ``RUNS_MIN`` runs on either side are
not compared: two of anything are no habit. The rules:

1. Errors of an agent spike where each run has ``SPIKE`` times as many as before, and
   ``ERRORS_MIN`` in all.
2. A stage is slow where it takes ``SLOW`` times as long as before, in the middle of its runs, and
   ``SLOW_MS`` longer. It is timed from its intent to its end, as these are told.
3. It regresses where so much more of its runs fail: ``REGRESSION``.
4. A gate is stuck that has waited ``STUCK`` times as long as gates of that name took before, and
   an hour at least, and whose time is not up. One that was answered so late within the period is
   told as well, milder, where ``RUNS_MIN`` of its name were answered before.
5. A budget is nearly spent where ``SPENT`` of the errors it allows were made within its window.
6. Phases that the lifecycle does not have in that order are told of each run.
7. What an entry should say and does not is skipped: the ledger is read here, not judged.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from statistics import median
from typing import Any, Final

from dsl import actions
from dsl.core import AgentPhase
from dsl.review.anomaly import AnomalySeverity
from dsl.review.kinds import AnomalyKind
from dsl.review.sighting import Sighting
from dsl.rules.reconciliation.recorded import Recorded, entry_ms
from dsl.rules.run.lifecycle import check_order
from dsl.values.durations import render_duration

PERIOD_MS: Final = 7 * 86_400_000
RUNS_MIN: Final = 5
SPIKE: Final = 3
ERRORS_MIN: Final = 5
SLOW: Final = 2
SLOW_MS: Final = 5_000
REGRESSION: Final = 0.2
STUCK: Final = 4
STUCK_MS: Final = 3_600_000
SPENT: Final = 0.8
TOOL: Final = "ledger"
_FAILED: Final = ("failed", "revoked", "timed_out")
_ANSWERED: Final = ("gate.decided", "gate.closed", "gate.voided")
_SECOND_MS: Final = 1_000


@dataclass(slots=True)
class _Life:
    """One run of an agent's stage."""

    agent: str
    run: str
    began_ms: int
    ended_ms: int = 0
    status: str = ""
    errors: int = 0
    phases: str = ""


@dataclass(slots=True)
class _Wait:
    """One opening of a gate."""

    run: str
    gate: str
    opened_ms: int
    due_ms: int
    ended_ms: int = 0


@dataclass(slots=True)
class _Read:
    """What a ledger tells of it all."""

    lives: dict[tuple[str, str], _Life] = field(default_factory=dict)  # by workflow and run
    waits: dict[str, dict[str, _Wait]] = field(default_factory=dict)  # by run, then by gate
    budgets: dict[str, Mapping[str, Any]] = field(default_factory=dict)  # of each agent, the last
    erred_ms: dict[str, list[int]] = field(default_factory=lambda: defaultdict(list))


def behaviour(entries: Iterable[Recorded], now_ms: int, tool: str = TOOL) -> Iterator[Sighting]:
    """Yield what is not as it used to be, or as it should; ``tool`` is who tells of it."""
    return (replace(each, tool=tool) for each in _behaviour(entries, now_ms))


def _behaviour(entries: Iterable[Recorded], now_ms: int) -> Iterator[Sighting]:
    read = _Read()
    for entry in entries:
        _take(read, entry)
    since = now_ms - PERIOD_MS
    by_agent: dict[str, list[_Life]] = defaultdict(list)
    for life in read.lives.values():
        if life.ended_ms:
            by_agent[life.agent].append(life)
    for agent, lives in sorted(by_agent.items()):
        now = [life for life in lives if life.ended_ms > since]
        before = [life for life in lives if life.ended_ms <= since]
        if len(now) >= RUNS_MIN and len(before) >= RUNS_MIN:
            yield from _spike(agent, now, before)
            yield from _slow(agent, now, before)
            yield from _regression(agent, now, before)
        yield from _out_of_order(agent, lives)
    yield from _budgets(read, now_ms)
    waits = [wait for of_run in read.waits.values() for wait in of_run.values()]
    yield from _stuck(waits, now_ms)
    yield from _late(waits, since)


def _take(read: _Read, entry: Recorded) -> None:
    if entry.action.startswith("gate.") or entry.action == actions.RUN_ENDED:
        _take_wait(read, entry)
        return
    key, at, says = (entry.workflow_id, entry.run_id), entry_ms(entry), entry.payload
    match entry.action:
        case actions.AGENT_INTENDED:
            read.lives.setdefault(key, _Life(entry.agent, entry.workflow_id, at))
            budget = says.get("error_budget")
            if isinstance(budget, Mapping):
                read.budgets[entry.agent] = budget
        case actions.AGENT_ENDED:
            life = read.lives.setdefault(key, _Life(entry.agent, entry.workflow_id, 0))
            life.ended_ms, life.status = at, str(says.get("status", ""))
            life.errors, life.phases = _number(says.get("errors")), str(says.get("phases", ""))
        case actions.AGENT_ERRED:
            errors = says.get("errors")
            count = len(errors) if isinstance(errors, Sequence | Mapping) else 1
            read.erred_ms[entry.agent] += [at] * count


def _take_wait(read: _Read, entry: Recorded) -> None:
    gate, at = str(entry.payload.get("gate", "")), entry_ms(entry)
    if entry.action == "gate.opened":
        due = _moment(entry.payload.get("due"))
        wait = _Wait(entry.workflow_id, gate, at, due)
        read.waits.setdefault(entry.workflow_id, {})[gate] = wait
    elif entry.action in _ANSWERED:
        found = read.waits.get(entry.workflow_id, {}).get(gate)
        if found is not None:
            found.ended_ms = at
    elif entry.action == actions.RUN_ENDED:
        for wait in read.waits.get(entry.workflow_id, {}).values():
            wait.ended_ms = wait.ended_ms or at


def _spike(agent: str, now: Sequence[_Life], before: Sequence[_Life]) -> Iterator[Sighting]:
    made = sum(life.errors for life in now)
    each, used = made / len(now), sum(life.errors for life in before) / len(before)
    if made >= ERRORS_MIN and each >= SPIKE * max(used, 1 / len(before)):  # (1) so many times
        says = f"{agent} errs {each:.1f} times a run, and did {used:.1f} times before"
        yield _seen(AnomalyKind.ERROR_SPIKE, AnomalySeverity.HIGH, agent, says)


def _slow(agent: str, now: Sequence[_Life], before: Sequence[_Life]) -> Iterator[Sighting]:
    times, used = _times(now), _times(before)
    if len(times) < RUNS_MIN or len(used) < RUNS_MIN:
        return
    middle, was = median(times), median(used)
    if middle >= SLOW * was and middle - was >= SLOW_MS:  # (2) in the middle of its runs
        says = f"{agent} takes {_shown(middle)}, and took {_shown(was)} before"
        yield _seen(AnomalyKind.SLOW_STAGE, AnomalySeverity.MEDIUM, agent, says)


def _regression(agent: str, now: Sequence[_Life], before: Sequence[_Life]) -> Iterator[Sighting]:
    fails, failed = _failing(now), _failing(before)
    if fails - failed >= REGRESSION:  # (3) so much more
        says = f"{fails:.0%} of the runs of {agent} fail, and {failed:.0%} did before"
        yield _seen(AnomalyKind.REGRESSION, AnomalySeverity.HIGH, agent, says)


def _out_of_order(agent: str, lives: Sequence[_Life]) -> Iterator[Sighting]:
    for life in lives:
        try:
            breach = check_order([AgentPhase(word) for word in life.phases.split()])
        except ValueError:
            continue  # (7) not judged here
        if breach is not None:  # (6) the lifecycle does not have it
            says = f"{life.run}: {breach}"
            kind = AnomalyKind.PHASES_OUT_OF_ORDER
            yield _seen(kind, AnomalySeverity.CRITICAL, agent, says, life.run)


def _budgets(read: _Read, now_ms: int) -> Iterator[Sighting]:
    for agent, budget in sorted(read.budgets.items()):
        allowed, window = _number(budget.get("errors")), _number(budget.get("window_ms"))
        made = sum(1 for at in read.erred_ms.get(agent, ()) if at > now_ms - window)
        if allowed and made >= SPENT * allowed:  # (5) nearly spent
            says = f"{agent} has made {made} of {allowed} errors within {_shown(window)}"
            yield _seen(AnomalyKind.BUDGET_NEARLY_SPENT, AnomalySeverity.MEDIUM, agent, says)


def _stuck(waits: Sequence[_Wait], now_ms: int) -> Iterator[Sighting]:
    usually = {gate: median(times) for gate, times in _took(waits, now_ms).items()}
    for wait in waits:
        if wait.ended_ms or (wait.due_ms and wait.due_ms < now_ms):
            continue
        usual = usually.get(wait.gate, 0)
        waited = now_ms - wait.opened_ms
        if waited >= max(STUCK_MS, STUCK * usual):  # (4) far longer than such gates do
            says = f"gate {wait.gate} of {wait.run} has waited {_shown(waited)}"
            yield _seen_of_gate(wait, AnomalySeverity.MEDIUM, says)


def _late(waits: Sequence[_Wait], since: int) -> Iterator[Sighting]:
    took = _took(waits, since)
    for wait in waits:
        before = took.get(wait.gate, [])
        if wait.ended_ms <= since or len(before) < RUNS_MIN:
            continue
        waited = wait.ended_ms - wait.opened_ms
        if waited >= max(STUCK_MS, STUCK * median(before)):  # (4) answered so late
            usual = _shown(median(before))
            says = f"gate {wait.gate} of {wait.run} took {_shown(waited)}, and such gates {usual}"
            yield _seen_of_gate(wait, AnomalySeverity.LOW, says)


def _took(waits: Iterable[_Wait], until_ms: int) -> dict[str, list[int]]:
    """Return how long gates of each name took that were answered until then."""
    took: dict[str, list[int]] = defaultdict(list)
    for wait in waits:
        if 0 < wait.ended_ms <= until_ms:
            took[wait.gate].append(wait.ended_ms - wait.opened_ms)
    return took


def _seen_of_gate(wait: _Wait, severity: AnomalySeverity, says: str) -> Sighting:
    kind, path = AnomalyKind.STUCK_GATE, f"runs/{wait.run}"
    return Sighting(kind, severity, 0.8, path, 0, says, TOOL, kind.value, symbol=wait.gate)


def _seen(
    kind: AnomalyKind, severity: AnomalySeverity, agent: str, says: str, mark: str = ""
) -> Sighting:
    path = f"agents/{agent}"
    return Sighting(kind, severity, 0.8, path, 0, says, TOOL, kind.value, symbol=agent, mark=mark)


def _times(lives: Iterable[_Life]) -> list[int]:
    return [life.ended_ms - life.began_ms for life in lives if life.began_ms]


def _failing(lives: Sequence[_Life]) -> float:
    return sum(life.status in _FAILED for life in lives) / len(lives)


def _number(value: object) -> int:
    return value if isinstance(value, int) and not isinstance(value, bool) and value > 0 else 0


def _moment(value: object) -> int:
    try:
        return int(datetime.fromisoformat(str(value)).timestamp() * 1_000)
    except ValueError:
        return 0


def _shown(ms: float) -> str:
    return render_duration(max(_SECOND_MS, int(ms) // _SECOND_MS * _SECOND_MS))
