"""What this release can compile but not run, so that nothing starts that cannot end.

1. A rule that is written down and not enforced is worse than none: fields that this release
   reads and does not act upon are refused.
2. Whoever only claims a name belongs to no group: a gate that takes nothing but claims, and that
   groups alone can pass, could never be answered. The same holds for its escalation.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from dsl.people import GROUP_PREFIX
from dsl.plan import AgentStep, GateStep, Plan, walk
from dsl.rules.gates.consensus import VERIFIED
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
            refused += [f"stage {step.path!r}: {why}" for why in _agent(step)]
        elif isinstance(step, GateStep):
            refused += [f"gate {step.path!r}: {why}" for why in _gate(step, gate_identity)]
    return refused


def _agent(step: AgentStep) -> Iterator[str]:
    if step.clarifications > 0:
        # (1) worse than none
        yield "clarifications is not enforced in this release: leave it out"
    if step.tools:
        # (1) worse than none
        yield "tools are not called in this release: leave config.tools out"
    if step.error_budget is not None and step.runtime is not None:
        # (1) its errors are heard by nobody here
        yield f"error_budget is not enforced where {step.runtime} does the work: leave it out"


def _gate(step: GateStep, gate_identity: str) -> Iterator[str]:
    if VERIFIED in (step.identity or (gate_identity,)):
        return
    # (2) claims belong to no group
    if has_people(step) and (step.groups or not _suffice(step.approvers, step.quorum)):
        yield _UNANSWERABLE.format("it")
    target = step.escalate_to
    # (2) nor at its escalation
    if target is not None and not _suffice(target.approvers, target.quorum):
        yield _UNANSWERABLE.format("its escalation")


def _suffice(approvers: Sequence[str], quorum: int) -> bool:
    names = {name for name in approvers if not name.startswith(GROUP_PREFIX)}
    return len(names) >= quorum
