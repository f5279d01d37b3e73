"""``run.feasible``: could these stages run, as far as can be known before they are begun?

Asked before people are. It promises nothing: what holds now may not hold when the stage begins, and
every phase looks for itself. In this order, of each stage:

1. Its template has a program, and what the program calls is installed beside this worker.
2. The machine reaches the sandbox that its tier demands. Up to T2: T3 and T4 run elsewhere.
3. Its agent may act: known to Vault, not disabled, bound to this, and holding the tier.
4. Its secrets are there. Looked up by their metadata, with the agent's own rights: no value is
   read before somebody has agreed. Up to T2: at T3 Vault shows nothing before an approval.
"""

from __future__ import annotations

import asyncio
from typing import Final

from temporalio import activity

from activities.contracts import feasibility_specs as ahead
from activities.phases.admission import require_fit, require_program
from activities.phases.equipment import Equipment
from activities.phases.machine import require_machine
from activities.runtime.boundary import governed
from activities.runtime.endings import run_of
from dsl.core import AgentPhase, Tier
from integrations.errors import DeniedError, NotFoundError, RevokedError
from integrations.vault.credentials.paths import SecretRef
from integrations.vault.identity.registry import Known

AT_ONCE_MAX: Final = 8  # stages looked at side by side
LOOK_TTL_S: Final = 60
_OBJECTIONS: Final = (DeniedError, NotFoundError, RevokedError)


class Feasibility:
    """Looks ahead, as the identity of the phase worker."""

    def __init__(self, equipment: Equipment) -> None:
        self._equipment = equipment

    @activity.defn(name=ahead.feasible.name)
    @governed
    async def run(self, request: ahead.FeasibleRequest) -> ahead.Feasible:
        """Return a sentence for each stage that could not run."""
        turn = asyncio.Semaphore(AT_ONCE_MAX)

        async def look(stage: ahead.StageAhead) -> ahead.Obstacle | None:
            async with turn:
                why = await self._objection(request.pipeline, stage)
            return ahead.Obstacle(path=stage.step.path, why=why) if why else None

        found = await asyncio.gather(*map(look, request.stages))
        return ahead.Feasible(obstacles=tuple(each for each in found if each))

    async def _objection(self, pipeline: str, stage: ahead.StageAhead) -> str | None:
        step = stage.step
        try:
            program = await require_program(self._equipment, step)  # (1) program and its tools
            if step.tier < Tier.T3:
                require_machine(self._equipment.settings, step)  # (2) the sandbox of the tier
            known = await self._equipment.registry.read(stage.agent)
            require_fit(stage.agent, known, pipeline, step, program.digest)  # (3) the agent may act
            if step.tier < Tier.T3 and step.secrets:
                await self._require_secrets(stage, known)  # (4) looked up, not read
        except _OBJECTIONS as error:
            return str(error)
        return None

    async def _require_secrets(self, stage: ahead.StageAhead, known: Known) -> None:
        places = {SecretRef.parse(ref) for ref in stage.step.secrets.values()}
        async with self._equipment.issuer.credential(
            stage.agent,
            known.entity_id,
            phase=AgentPhase.EXECUTE,  # whose rights those are
            tier=stage.step.tier,
            ttl_s=LOOK_TTL_S,
            meta=run_of(AgentPhase.PREFLIGHT),
        ) as credential:
            for place in sorted(places, key=str):
                await credential.require_secret(place)
