"""A clarified plan that a stage works by, compared with the ledger and with the plan of its run.

1. It can be read, and is one of that stage.
2. It is on the ledger: of that run, stage and number, by the digest that the stage was given.
3. It takes the place of the plan that was there before it: the run's, or the clarified one before.
4. It is no wider than the stage, and its number is none that the stage does not allow.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from pydantic import ValidationError

from dsl.actions import STAGE_CLARIFIED
from dsl.plan import AgentStep, Plan, walk
from dsl.rules.chaos.objection import Finding
from dsl.rules.health.clarification import Clarification, scope_of
from dsl.rules.reconciliation.history import History
from dsl.rules.reconciliation.recorded import Recorded


def clarified_of(told: Any) -> Clarification | None:
    """Return the clarification that a stage was started with; None where it cannot be read."""
    try:
        return Clarification.model_validate(told)
    except ValidationError:
        return None


def unrecorded(
    history: History, path: str, plan: Plan, entries: Sequence[Recorded], where: str
) -> Iterator[Finding]:
    """Yield what is not as it has to be of the plan that a stage was started with."""
    request = history.request if isinstance(history.request, Mapping) else {}
    clarified = clarified_of(request.get("clarified"))
    if clarified is None or clarified.stage != path:  # (1) of that stage
        found = "none" if clarified is None else f"one of {clarified.stage!r}"
        yield Finding(f"a clarified plan of {path!r}", found, where)
        return
    own = {
        int(each.payload.get("number") or 0): each.payload
        for each in entries
        if each.action == STAGE_CLARIFIED
        and each.run_id == history.parent[1]
        and each.payload.get("path") == path
    }
    recorded = own.get(clarified.number, {}).get("plan")
    if recorded != clarified.digest():  # (2) on the ledger
        expected = f"clarification {clarified.number} of {path!r} on the ledger as it was given"
        yield Finding(expected, f"{recorded}, given was {clarified.digest()}", where)
    first = clarified.number == 1
    before = request.get("plan") if first else own.get(clarified.number - 1, {}).get("plan")
    if clarified.before != before:  # (3) in the place of the one before
        yield Finding(f"a plan in the place of {before}", f"of {clarified.before}", where)
    for step in walk(plan.steps):
        if isinstance(step, AgentStep) and step.path == path:
            wider = sorted({*clarified.plan.scope} - {*scope_of(step)})
            if wider or clarified.number > step.clarifications:  # (4) no wider, no more
                found = f"clarification {clarified.number} with {wider} besides"
                allowed = f"{step.clarifications} clarifications of {path!r}, none wider than it"
                yield Finding(allowed, found, where)
