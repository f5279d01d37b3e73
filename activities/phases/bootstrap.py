"""BOOTSTRAP: may this agent run at all, as what it says it is, and at the tier asked?

In this order, because each is cheaper and more final than the next:

1. A revoked agent does not start.
2. It is admitted: see ``activities.phases.admission``. At T3 and T4 it shows a warrant first.
3. It takes the lease; a cold or revoked guard refuses.
4. Its identity is proven: a credential is minted for it, compared, and revoked.
"""

from __future__ import annotations

from temporalio import activity

from activities.contracts import messages, specs
from activities.health.behind_circuits import behind_circuits
from activities.phases.admission import admit
from activities.phases.equipment import Equipment, enter, put_json, refuse_queue
from activities.runtime.boundary import governed
from activities.runtime.endings import run_of
from dsl.core import AgentPhase
from dsl.values.circuit_names import VAULT
from integrations.errors import RevokedError
from integrations.vault.identity.registry import Known

PHASE = AgentPhase.BOOTSTRAP
PROOF_TTL_S = 60


class Bootstrap:
    """Admits one agent."""

    def __init__(self, equipment: Equipment) -> None:
        self._equipment = equipment

    @activity.defn(name=specs.PHASES[PHASE].name)
    @governed
    @behind_circuits(PHASE)
    async def run(self, request: messages.PhaseRequest) -> messages.PhaseResult:
        """Admit the agent and take its lease."""
        refuse_queue(self._equipment, request)
        if request.authority.revoked:  # (1) a revoked agent does not start
            raise RevokedError(f"agent {request.agent!r} is revoked")
        async with self._equipment.breakers.attending(VAULT):
            admission = await admit(self._equipment, request)  # (2) it is admitted
        known = admission.known
        lease = await enter(self._equipment, request, PHASE)  # (3) a cold or revoked guard refuses
        await self._prove(request, known)  # (4) minted, compared, revoked
        admitted = {
            "agent": request.agent,
            "entity": known.entity_id,
            "held": known.tier.name,
            "asked": request.step.tier.name,
            "program": known.binding.get("program", ""),
            **({"approved_by": list(admission.approved_by)} if admission.approved_by else {}),
        }
        return messages.PhaseResult(
            outputs=(await put_json(self._equipment, PHASE, "admission.json", admitted),),
            fence=lease.fence,
            entity=known.entity_id,
            program=admission.program.digest,
            facts=admitted,
        )

    async def _prove(self, request: messages.PhaseRequest, known: Known) -> None:
        async with self._equipment.issuer.credential(
            request.agent,
            known.entity_id,
            phase=PHASE,
            tier=request.step.tier,
            ttl_s=PROOF_TTL_S,
            meta=run_of(PHASE),
        ):
            return
