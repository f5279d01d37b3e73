"""Every call that was let through is made once, or nobody knows; none that nobody has let through.

What a run said of its calls is not looked at, but for what it asked activities to do. The rules:

1. ``tool.call`` is asked for once for an occurrence, but where its operator has said that to make
   it twice is to make it once. One that was not made, since its intent could not be recorded beside
   it, may be asked for again.
2. The table of the plan, asked anew as of the first call, lets it through. Where it has people
   asked, a gate of the run about this very occurrence was approved by votes that are counted anew,
   and its decision stood on the ledger before the intent.
3. In one life of a stage one gate asks about an occurrence, and no other.
4. What reached a server, where that was watched: each call that was answered, none that was not
   made, and one of which nobody knows at most once.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any, Final

from pydantic import ValidationError

from dsl.actions import TOOL_INTENDED
from dsl.limits import TOOL_ATTEMPTS_MAX
from dsl.plan import AgentStep, Plan, walk
from dsl.rules.chaos.evidence import Evidence
from dsl.rules.chaos.histories import plan_of
from dsl.rules.chaos.objection import Finding, Oracle
from dsl.rules.chaos.recount import Recount
from dsl.rules.gates.unnamed import own_of
from dsl.rules.reconciliation.history import History, HistoryCall
from dsl.rules.reconciliation.implied import CALL
from dsl.rules.reconciliation.stage_history import stages
from dsl.rules.reconciliation.tool_calls import was_left
from dsl.rules.tools.asked import APPROVAL, call_gate
from dsl.rules.tools.calls import Occurrence
from dsl.rules.tools.ruling import Caller, Ruling, ToolPolicy, rule_on
from dsl.values.canonical import canonical

_OPENED, _DECIDED = "gate.opened", "gate.decided"
_APPROVED: Final = "approved"
_ANSWERED: Final = ("ok", "error")
_NOT_MADE: Final = "not_made"


def _look(evidence: Evidence) -> Iterator[Finding]:
    runs = {(each.workflow_id, each.run_id): each for each in evidence.histories}
    recounts: dict[tuple[str, str], Recount] = {}
    for history in stages(evidence.histories):
        calls = [call for call in history.of_type(CALL) if not was_left(call)]
        if not calls:
            continue
        yield from _repeated(history, calls)
        run = runs.get(history.parent)
        plan = plan_of(run) if run is not None else None
        if run is None or plan is None:
            yield Finding("calls by a stage of a run with a plan", "no such run", _where(history))
            continue
        recount = recounts.setdefault(history.parent, Recount(run, plan, evidence))
        for call in calls:
            yield from _let_through(history, call, plan, recount, evidence)
    yield from _asked_twice(evidence)
    yield from _reached(evidence)


def _repeated(history: History, calls: list[HistoryCall]) -> Iterator[Finding]:
    """Yield the occurrences that were to be made more than once (1)."""
    request = history.request if isinstance(history.request, Mapping) else {}
    tools = request.get("tools") or {}
    times: Counter[str] = Counter()
    for call in calls:
        found = _occurrence(call)
        if found is None:
            yield Finding("a call that can be read", "none", _where(history, call))
            continue
        times[found.digest()] += 1
        known = tools.get(found.call.name) or {}
        most = TOOL_ATTEMPTS_MAX if known.get("idempotent") else 1
        if times[found.digest()] > most:
            said = f"{times[found.digest()]} times {found.call.name}, occurrence {found.digest()}"
            yield Finding(f"a call to be asked for {most} time(s)", said, _where(history, call))


def _let_through(
    history: History, call: HistoryCall, plan: Plan, recount: Recount, evidence: Evidence
) -> Iterator[Finding]:
    """Yield why a call was not let through, though it was made (2)."""
    found = _occurrence(call)
    if found is None:
        return
    step = next((each for each in walk(plan.steps) if each.path == found.stage), None)
    where = _where(history, call)
    if not isinstance(step, AgentStep):
        yield Finding("a call of a stage of the plan", f"stage {found.stage!r}", where)
        return
    ruling = _ruling(history, found, step)
    if ruling.policy is ToolPolicy.DENY:
        yield Finding(f"{found.call.name} to be let through by the plan", ruling.why, where)
    elif ruling.policy is ToolPolicy.APPROVE:
        why = _unapproved(found, step, ruling, recount, evidence)
        if why:
            yield Finding(f"{found.call.name} approved before it was made", why, where)


def _ruling(history: History, found: Occurrence, step: AgentStep) -> Ruling:
    request = history.request if isinstance(history.request, Mapping) else {}
    return rule_on(
        found.call,
        step.tools,
        caller=Caller(str(request.get("agent", "")), step.tier, step.path),
        inputs=request.get("run_inputs") or {},
        earlier=(),
        now_ms=0,
    )


def _unapproved(
    found: Occurrence, step: AgentStep, ruling: Ruling, recount: Recount, evidence: Evidence
) -> str:
    intents = [
        each
        for each in evidence.ledger
        if each.action == TOOL_INTENDED and each.payload.get("occurrence") == found.digest()
    ]
    if not intents:
        return "no intent on the ledger says at which gate"
    path = str(intents[0].payload.get("gate", ""))
    gate = call_gate(step, ruling.rule, own_of(path)[1], "", APPROVAL)
    if gate is None or gate.path != path:
        return f"no gate of the stage is called {path!r}"
    standing = recount.of_own(gate, {step.path: {gate.name: found.digest()}})
    if not standing.approved:
        return f"{path}: {standing.why}"
    decided = [
        each.seq
        for each in evidence.ledger
        if each.action == _DECIDED
        and each.workflow_id == found.run
        and each.payload.get("gate") == path
        and each.payload.get("verdict") == _APPROVED
        and _is_about(each.payload.get("subject"), step.path, gate.name, found.digest())
    ]
    if not decided or min(decided) > intents[0].seq:
        return f"the decision at {path} about this very call stands behind the intent"
    return ""


def _is_about(subject: Any, stage: str, name: str, digest: str) -> bool:
    told = subject.get(stage) if isinstance(subject, Mapping) else None
    return isinstance(told, Mapping) and told.get(name) == digest


def _asked_twice(evidence: Evidence) -> Iterator[Finding]:
    """Yield the occurrences about which more than one gate of a life has asked (3)."""
    lives = Counter((each.parent[0], each.workflow_id) for each in stages(evidence.histories))
    asked: dict[tuple[str, str, str], set[str]] = {}
    for entry in evidence.ledger:
        if entry.action != _OPENED:
            continue
        gate = str(entry.payload.get("gate", ""))
        stage, name, kind = own_of(gate)
        subject = entry.payload.get("subject")
        told = subject.get(stage) if isinstance(subject, Mapping) else None
        if kind == "call" and isinstance(told, Mapping):
            asked.setdefault((entry.workflow_id, stage, str(told.get(name))), set()).add(gate)
    for (run, stage, digest), gates in asked.items():
        if len(gates) > max(1, lives[(run, f"{run}/{stage}")]):
            said = f"{', '.join(sorted(gates))} about {digest}"
            yield Finding("one gate to ask about a call", said, f"{run}, stage {stage}")


def _reached(evidence: Evidence) -> Iterator[Finding]:
    """Compare what was asked of a server with what reached it (4)."""
    least: Counter[tuple[str, str]] = Counter()
    most: Counter[tuple[str, str]] = Counter()
    for history in stages(evidence.histories):
        for call in history.of_type(CALL):
            found = _occurrence(call)
            if found is None or found.call.name not in evidence.reached:
                continue
            key = found.call.name, canonical(found.call.arguments)
            status = _status(call)
            least[key] += status in _ANSWERED
            most[key] += status != _NOT_MADE
    for name, arguments in evidence.reached.items():
        came = Counter((name, canonical(each)) for each in arguments)
        for key in came.keys() | {each for each in most if each[0] == name}:
            if not least[key] <= came[key] <= most[key]:
                expected = f"{least[key]} to {most[key]} times {key[1]} to reach {name}"
                yield Finding(expected, f"{came[key]} times", f"server of {name}")


def _occurrence(call: HistoryCall) -> Occurrence | None:
    asked = call.request if isinstance(call.request, Mapping) else {}
    try:
        return Occurrence.model_validate(asked.get("occurrence"))
    except ValidationError:
        return None


def _status(call: HistoryCall) -> str:
    told = call.result if call.is_done and isinstance(call.result, Mapping) else {}
    answer = told.get("answer")
    return str(answer.get("status", "")) if isinstance(answer, Mapping) else ""


def _where(history: History, call: HistoryCall | None = None) -> str:
    place = f", event {call.asked}" if call is not None else ""
    return f"{history.workflow_id}, run {history.run_id}{place}"


TOOL_CALLS: Final = Oracle(
    "tool-calls",
    "Every call that was let through is made once or nobody knows, none besides, none asked twice.",
    _look,
)
