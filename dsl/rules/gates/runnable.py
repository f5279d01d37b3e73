"""What this release can compile but not run, so that nothing starts that cannot end.

1. A rule that is written down and not enforced is worse than none: fields that this release
   reads and does not act upon are refused.
2. Whoever only claims a name belongs to no group: a gate that takes nothing but claims, and that
   groups alone can pass, could never be answered. The same holds for its escalation, and for what
   an agent asks and how its plan is clarified.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from dsl.people import GROUP_PREFIX
from dsl.plan import AgentStep, GateStep, PeoplePlan, Plan, walk
from dsl.rules.gates.consensus import DOORS, VERIFIED
from dsl.rules.gates.gate_rules import has_people

_UNANSWERABLE: Final = (
    "only members of groups can pass {}, and a claimed voter is a member of none: "
    "say identity: [verified], or name as many approvers as the quorum asks for"
)


def not_runnable(plan: Plan, gate_identity: str) -> list[str]:
    """Return a sentence for each step of ``plan`` that cannot run.

    ``gate_identity`` is how voters are known where a gate does not say.
    """
    refused: list[str] = []
    for step in walk(plan.steps):
        if isinstance(step, AgentStep):
            refused += [f"stage {step.path!r}: {why}" for why in _agent(step, gate_identity)]
        elif isinstance(step, GateStep):
            refused += [f"gate {step.path!r}: {why}" for why in _asked(step, gate_identity, "it")]
    return refused


def _agent(step: AgentStep, gate_identity: str) -> Iterator[str]:
    if step.error_budget is not None and step.runtime is not None:
        # (1) its errors are heard by nobody here
        yield f"error_budget is not enforced where {step.runtime} does the work: leave it out"

    for people, what in ((step.questions, "questions"), (step.clarifiers, "clarifiers")):
        if people is not None:
            yield from _asked(people, gate_identity, what)
    for number, rule in enumerate(step.tools, start=1):
        if rule.approve is not None:
            yield from _asked(rule.approve, gate_identity, f"calls of rule {number}")


def _asked(people: PeoplePlan, gate_identity: str, what: str) -> Iterator[str]:
    if not {VERIFIED, *DOORS}.isdisjoint(people.identity or (gate_identity,)):
        return
    # (2) claims belong to no group
    if has_people(people) and (people.groups or not _suffice(people.approvers, people.quorum)):
        yield _UNANSWERABLE.format(what)
    target = people.escalate_to
    # (2) nor at its escalation
    if target is not None and not _suffice(target.approvers, target.quorum):
        yield _UNANSWERABLE.format(
            "its escalation" if what == "it" else f"the escalation of {what}"
        )


def _suffice(approvers: Sequence[str], quorum: int) -> bool:
    names = {name for name in approvers if not name.startswith(GROUP_PREFIX)}
    return len(names) >= quorum
