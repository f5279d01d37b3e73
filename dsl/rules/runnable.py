"""What this release can compile but not run yet, so that nothing starts that cannot end.

1. T3 and T4 stages need proven voters and a worker that verifies them itself.
2. A gate that only takes verified voters could never be answered.
3. Agents do not vote at gates yet.
4. Whoever only claims a name belongs to no group: a gate that groups alone can pass is refused.
5. A rule that is written down and not enforced is worse than none: fields that this release
   reads and does not act upon are refused.
"""

from __future__ import annotations

from collections.abc import Iterator

from dsl.plan import AgentStep, GateStep, Plan, walk
from dsl.rules.admission import not_yet_runnable
from dsl.rules.consensus import GROUP_PREFIX


def not_runnable(plan: Plan, gate_identity: str) -> list[str]:
    """Return a sentence for each step of ``plan`` that cannot run yet."""
    refused: list[str] = []
    for step in walk(plan.steps):
        if isinstance(step, AgentStep):
            refused += [f"stage {step.path!r}: {why}" for why in _agent(step)]
        elif isinstance(step, GateStep):
            refused += [f"gate {step.path!r}: {why}" for why in _gate(step, gate_identity)]
    return refused


def _agent(step: AgentStep) -> Iterator[str]:
    why = not_yet_runnable(step.tier)
    if why is not None:
        yield why  # (1)
    for field, is_used in (
        ("error_budget", step.error_budget is not None),
        ("clarifications", step.clarifications > 0),
        ("on_revoked", step.on_revoked != "fail"),
    ):
        if is_used:
            yield f"{field} is not enforced in this release: leave it out"  # (5)


def _gate(step: GateStep, gate_identity: str) -> Iterator[str]:
    if "claimed" not in (step.identity or (gate_identity,)):
        yield (  # (2)
            "it takes only verified voters, and this release cannot verify any: "
            "say identity: [claimed]"
        )
    if step.members:
        yield "it has members, and agents do not vote yet"  # (3)
    escalation = step.escalate_to.approvers if step.escalate_to else ()
    for asked, quorum in (
        (step.approvers, step.quorum),
        *([(escalation, step.escalate_to.quorum)] if step.escalate_to else []),
    ):
        names = [name for name in asked if not name.startswith(GROUP_PREFIX)]
        if len(names) < quorum or step.groups:
            yield (  # (4)
                "only members of groups can pass it, and a claimed voter is a member of none: "
                "name as many approvers as the quorum asks for"
            )
            break
    for field, is_used in (
        ("exclude", bool(step.exclude)),
        ("remind_every", step.remind_every_ms is not None),
    ):
        if is_used:
            yield f"{field} is not enforced in this release: leave it out"  # (5)
