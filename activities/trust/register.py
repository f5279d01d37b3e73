"""``trust.register``: make agents known to Vault, bound to what they were first seen as.

1. Harmless when repeated: what is known keeps its tier and its binding.
2. A new agent holds the initial tier, never T3 or T4.
"""

from __future__ import annotations

from temporalio import activity

from activities.contracts import specs
from activities.runtime.boundary import governed
from activities.runtime.programs import program_digest
from dsl.core import Tier
from integrations.vault.identity.registry import Registrar


class TrustActivities:
    """Speaks as the registrar; runs on the trust queue only."""

    def __init__(self, registrar: Registrar, initial_tier: Tier) -> None:
        self._registrar = registrar
        self._initial_tier = initial_tier

    @activity.defn(name=specs.register.name)
    @governed
    async def register(self, request: specs.RegisterRequest) -> specs.RegisterResult:
        """Return every agent as Vault knows it now."""
        return specs.RegisterResult(
            agents=tuple([await self._one(agent) for agent in request.agents])
        )

    async def _one(self, agent: specs.Registration) -> specs.Registered:
        binding = specs.Binding(
            pipeline=agent.pipeline,
            template=agent.template,
            program=program_digest(agent.program),
        )
        known = await self._registrar.register(
            agent.agent, initial_tier=self._initial_tier, binding=binding.model_dump()
        )
        return specs.Registered(
            agent=agent.agent,
            entity=known.entity_id,
            tier=known.tier,
            binding=specs.Binding(**known.binding),
            created=known.created,
        )
