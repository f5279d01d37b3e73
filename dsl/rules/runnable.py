"""What this release can compile but not run yet, so that nothing starts that cannot end.

1. T3 and T4 stages need proven voters and a worker that verifies them itself.
2. A gate that only takes verified voters could never be answered.
3. Agents do not vote at gates yet.
"""

from __future__ import annotations

from dsl.plan import AgentStep, GateStep, Plan, walk
from dsl.rules.admission import not_yet_runnable


def not_runnable(plan: Plan, gate_identity: str) -> list[str]:
    """Return a sentence for each step of ``plan`` that cannot run yet."""
    refused: list[str] = []
    for step in walk(plan.steps):
        if isinstance(step, AgentStep):
            why = not_yet_runnable(step.tier)  # (1)
            if why is not None:
                refused.append(f"stage {step.path!r}: {why}")
        elif isinstance(step, GateStep):
            if "claimed" not in (step.identity or (gate_identity,)):  # (2)
                refused.append(
                    f"gate {step.path!r} takes only verified voters, and this release cannot "
                    "verify any: say identity: [claimed]"
                )
            if step.members:  # (3)
                refused.append(f"gate {step.path!r} has members, and agents do not vote yet")
    return refused
