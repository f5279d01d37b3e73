"""How the plan of a stage was clarified, made anew from what came.

1. What was proposed follows from the report of the life before it, which has spent its budget, and
   from the plan that it worked by. Without people or a council that is the plan.
2. Else people have approved exactly what was proposed, at a gate of the run, and the plan is what
   they have answered. Where a council alone has approved, nobody was asked, and the plan is what
   was proposed; what its members say is not counted again here.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from pydantic import ValidationError

from dsl.core import ClarifiedPlan
from dsl.plan import AgentStep
from dsl.rules.chaos.clarified import clarified_of
from dsl.rules.chaos.objection import Finding
from dsl.rules.chaos.recount import Recount
from dsl.rules.health.clarification import (
    Clarification,
    ClarificationError,
    answered,
    clarification_gate,
    clarification_name,
    drafted,
)
from dsl.rules.reconciliation.history import History


def misanswered(
    history: History, step: AgentStep, recount: Recount, where: str
) -> Iterator[Finding]:
    """Yield where a stage works by another plan than follows from what people have said."""
    request = history.request if isinstance(history.request, Mapping) else {}
    clarified, path = clarified_of(request.get("clarified")), step.path
    if clarified is None or clarified.stage != path:
        return  # which is told of already
    expected = f"clarification {clarified.number} of {path!r} as it follows from what was said"
    spent = _spent(recount.run, history, clarified.number)
    if spent is None:
        yield Finding(expected, "no life before it has spent its budget", where)
        return
    worked_by, report = spent
    reasons = [str(each) for each in report.get("reasons") or ()]
    draft = clarified.model_copy(
        update={
            "plan": drafted(step, worked_by, reasons),
            "errors_until_ms": int(report.get("errors_until_ms") or 0),
        }
    )
    made, why = _made(step, draft, recount)
    if made is None:
        yield Finding(f"clarification {clarified.number} of {path!r} approved", why, where)
    elif draft.model_copy(update={"plan": made}) != clarified:
        yield Finding(expected, f"{clarified.plan.model_dump()}, and {why}", where)


def _made(
    step: AgentStep, draft: Clarification, recount: Recount
) -> tuple[ClarifiedPlan | None, str]:
    """Return the plan that people make of a draft, and why it is that; None: they make none."""
    if step.clarify is None or step.clarifiers is None:  # (1) that is the plan
        return draft.plan, "nobody was to be asked"
    gate = clarification_gate(step, draft)
    if gate.members and not recount.was_opened(gate):  # (2) nobody was asked
        return draft.plan, "its council alone was asked"
    subject = {step.path: {clarification_name(draft.number): draft.digest()}}
    standing = recount.of_own(gate, subject, draft)
    if not standing.approved:
        return None, f"{gate.path}: {standing.why}"
    try:
        return answered(draft.plan, standing.answer), f"{standing.answer!r} was answered"
    except ClarificationError as error:
        return None, f"{gate.path}: {error}"


def _spent(
    run: History, history: History, number: int
) -> tuple[ClarifiedPlan | None, Mapping[str, Any]] | None:
    """Return by which plan the life before worked, and how it has spent its budget (1)."""
    for call in reversed(run.children):
        told = call.request if isinstance(call.request, Mapping) else {}
        said = call.result if isinstance(call.result, Mapping) else {}
        if call.id != history.workflow_id or not 0 < call.ended < history.parent_event:
            continue
        try:
            given = told.get("clarified")
            before = Clarification.model_validate(given) if given else None
        except ValidationError:
            continue
        if said.get("spent") and (before.number if before else 0) == number - 1:
            return (before.plan if before else None), said["spent"]
    return None
