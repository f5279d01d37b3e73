"""BOOTSTRAP: may this agent run at all, as what it says it is, and at the tier asked?

In this order, because each is cheaper and more final than the next:

1. A revoked agent does not start.
2. A template without a program has nothing to run.
3. Vault knows the agent; it is bound to this pipeline, template and program.
4. It holds the tier the stage asks for.
5. It takes the lease; a cold or revoked guard refuses.
6. Its identity is proven: a credential is minted for it, compared, and revoked.
"""

from __future__ import annotations

from temporalio import activity

from activities import contracts
from activities.boundary import governed
from activities.phases.tools import Tools, publish, put_json, take_lease
from activities.programs import program_digest
from dsl.core import AgentPhase
from dsl.rules.admission import Binding, refuse_binding, refuse_held
from integrations.errors import DeniedError, RevokedError
from integrations.vault.registry import Known

PHASE = AgentPhase.BOOTSTRAP
PROOF_TTL_S = 60


class Bootstrap:
    """Admits one agent."""

    def __init__(self, tools: Tools) -> None:
        self._tools = tools

    @activity.defn(name=contracts.PHASES[PHASE].name)
    @governed
    async def run(self, request: contracts.PhaseRequest) -> contracts.PhaseResult:
        """Admit the agent and take its lease."""
        if request.authority.revoked:  # (1)
            raise RevokedError(f"agent {request.agent!r} is revoked")
        known = await self._known(request)
        lease = await take_lease(self._tools, request)  # (5)
        await self._prove(request, known)  # (6)
        await publish(self._tools, request, lease, PHASE, "running")
        admitted = {
            "agent": request.agent,
            "entity": known.entity_id,
            "held": known.tier.name,
            "asked": request.step.tier.name,
            "program": known.binding.get("program", ""),
        }
        return contracts.PhaseResult(
            outputs=(await put_json(self._tools, PHASE, "admission.json", admitted),),
            fence=lease.fence,
            entity=known.entity_id,
            facts=admitted,
        )

    async def _known(self, request: contracts.PhaseRequest) -> Known:
        step = request.step
        if step.program is None:  # (2)
            raise DeniedError(
                f"template {step.template!r} has no program yet: use default or code-review"
            )
        known = await self._tools.registry.read(request.agent)
        if known.disabled:
            raise RevokedError(f"agent {request.agent!r} is disabled in Vault")
        seen = Binding(
            pipeline=known.binding.get("pipeline", ""),
            template=known.binding.get("template", ""),
            program=known.binding.get("program", ""),
        )
        asked = Binding(
            pipeline=request.pipeline,
            template=step.template,
            program=program_digest(step.program),
        )
        refusal = refuse_binding(seen, asked) or refuse_held(step.tier, known.tier)  # (3) (4)
        if refusal is not None:
            raise DeniedError(f"agent {request.agent!r}: {refusal}")
        return known

    async def _prove(self, request: contracts.PhaseRequest, known: Known) -> None:
        async with self._tools.issuer.credential(
            request.agent,
            known.entity_id,
            phase=PHASE,
            tier=request.step.tier,
            ttl_s=PROOF_TTL_S,
            meta={"phase": PHASE.value, "run": activity.info().workflow_id or ""},
        ):
            return
