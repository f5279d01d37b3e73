"""VERIFY: are the outputs there, and what they claim to be?

1. Every output is read back from the store and hashed again; one that is missing or changed ends
   the stage.
2. What the template says that EXECUTE produces must be there. Another try delivers no other: it
   fails for good.
3. A program that takes part in VERIFY checks its own work as well.
"""

from __future__ import annotations

import asyncio

from temporalio import activity

from activities.contracts import messages, specs
from activities.health.behind_circuits import behind_circuits
from activities.health.places import at_a_place
from activities.phases.agent_program import ask
from activities.phases.equipment import Equipment, enter, put_json
from activities.runtime.boundary import governed
from dsl.agent_protocol.messages import RESERVED_NAMES
from dsl.core import AgentOutput, AgentPhase
from integrations.agents.contract.protocol import FAILED, AgentError
from integrations.errors import CorruptError

PHASE = AgentPhase.VERIFY


class Verify:
    """Checks what EXECUTE delivered."""

    def __init__(self, equipment: Equipment) -> None:
        self._equipment = equipment

    @activity.defn(name=specs.PHASES[PHASE].name)
    @governed
    @at_a_place(PHASE)
    @behind_circuits(PHASE)
    async def run(self, request: messages.PhaseRequest) -> messages.PhaseResult:
        """Return the verification as an output."""
        lease = await enter(self._equipment, request, PHASE)
        refuse_missing(request)  # (2) another try delivers no other
        await asyncio.to_thread(self._check, request.prior)
        verified = {"outputs": {output.name: output.digest for output in request.prior}}
        own = await put_json(self._equipment, PHASE, "verification.json", verified)
        facts = {"verified": len(request.prior)}
        if PHASE not in request.step.phases:
            return messages.PhaseResult(outputs=(own,), fence=lease.fence, facts=facts)
        answer = await ask(self._equipment, request, lease, PHASE)
        return messages.PhaseResult(
            outputs=(*answer.outputs, own),
            fence=lease.fence,
            facts={**facts, **answer.facts},
            violations=answer.violations,
            asked=answer.asked,
        )

    def _check(self, outputs: tuple[AgentOutput, ...]) -> None:
        for output in outputs:
            data = self._equipment.artifacts.get(output.digest)
            if len(data) != output.size:
                raise CorruptError(
                    f"output {output.name!r} has {len(data)} bytes, expected {output.size}"
                )


def refuse_missing(request: messages.PhaseRequest) -> None:
    """Refuse what lacks something that the template produces (2).

    Raises:
        AgentError: it does.
    """
    made = {each.name for each in request.prior if each.phase is AgentPhase.EXECUTE}
    missing = [name for name in request.step.produces if name not in made]
    own = ", ".join(sorted(made - RESERVED_NAMES)) or "nothing"
    if missing:
        raise AgentError(
            FAILED,
            f"template {request.step.template!r} says that it produces {', '.join(missing)}, and "
            f"EXECUTE has put out: {own}; announce it as an artifact, or take it out of "
            "produces",
            retryable=False,
        )
