"""What a gate of a plan asks for: its consensus rules, as the workflow and the T3 worker see them.

Both take them from here, so that neither lets pass what the other would refuse. The rules:

1. Escalation puts other people in the place of those asked first: groups with a count of their
   own belong to the first opening only.
2. Whatever else a gate says holds for both: how voters are known, who is excluded, whether a
   reason is required.
3. A gate that asks people first escalates only where its time runs out and it says so. A gate of
   agents alone asks nobody until it escalates.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from dsl.plan import EscalationPlan, GateStep, PeoplePlan
from dsl.rules.gates.consensus import Rules

# What those who vote are told where nothing was put out before the gate.
NO_OUTPUT: Final = "no output, only the plan and the inputs of the run"


def has_people(asked: PeoplePlan) -> bool:
    """Tell whether a gate of these asks people when it opens, and not agents alone."""
    return bool(asked.approvers or asked.groups)


def rules_of(
    step: GateStep, *, escalated: bool, identity: Iterable[str], excluded: Iterable[str]
) -> Rules:
    """Return what an opening of ``step`` asks for.

    ``identity`` is how voters may be known where the gate stands; ``excluded`` are the names and
    entities of those the gate excludes.

    Raises:
        ValueError: such an opening cannot be: nobody is asked, or nothing escalates it.
    """
    people = _escalation(step) if escalated else step
    # (1) the first opening only
    groups = {} if escalated else {group.name: group.quorum for group in step.groups}
    return Rules(
        approvers=frozenset(people.approvers),
        groups=groups,
        quorum=people.quorum,
        identity=frozenset(identity),
        reason_required=step.reason == "required",  # (2) holds for both
        excluded=frozenset(excluded),
    )


def _escalation(step: GateStep) -> EscalationPlan:
    if step.escalate_to is None:
        raise ValueError(f"gate {step.path!r} escalates to nobody: it has no escalate_to")
    # (3) people first: only where it says so
    if has_people(step) and step.on_timeout != "escalate":
        raise ValueError(f"gate {step.path!r} never escalates: on_timeout is {step.on_timeout}")
    return step.escalate_to
