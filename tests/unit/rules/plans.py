"""Plans for the rules about T3 and T4, also such as the linter would refuse."""

from __future__ import annotations

from dsl.compiler import compile_text
from dsl.plan import Plan
from tests.unit.dsl.documents import document
from tests.unit.dsl.stages import seen


def plan_of(*each: str) -> Plan:
    """Return the plan of these stages; tiers from 3 on are put in behind the linter's back."""
    text = document(seen(*each))
    for tier in (3, 4):
        text = text.replace(f"tier: {tier}", f"tier: 2, timeout: {tier}0s")
    plan = compile_text(text, "p.yaml").plan
    dumped = plan.model_dump_json()
    for tier in (3, 4):
        dumped = dumped.replace(
            f'"tier":2,"timeout_ms":{tier}0000', f'"tier":{tier},"timeout_ms":{tier}0000'
        )
    return Plan.model_validate_json(dumped)
