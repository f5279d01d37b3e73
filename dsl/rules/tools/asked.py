"""The gate at which people are asked about a call: as the plan's table says, and nobody else.

Pure: the run that opens it and the worker of T3 that verifies its votes make it alike.
"""

from __future__ import annotations

from typing import Any, Final

from dsl.plan import AgentStep, GateStep

APPROVAL: Final = "approve"
OUTCOME: Final = "outcome"


def call_gate(step: AgentStep, rule: int, name: str, about: str, kind: str) -> GateStep | None:
    """Return the gate ``name`` of ``step``; None: nobody is asked there.

    ``rule`` counts from one; ``kind`` says what is asked: may it be made, or was it.
    """
    found = step.tools[rule - 1] if 0 < rule <= len(step.tools) else None
    people = None if found is None else found.approve
    asked: dict[str, Any] = {}
    if people is not None:
        asked = {field: getattr(people, field) for field in type(people).model_fields}
    elif kind == OUTCOME and step.questions is not None:
        asked = step.questions.asked()
    if not asked:
        return None
    return GateStep(
        path=f"{step.path}/{name}", name=name, description=about, gate_type="approval", **asked
    )
