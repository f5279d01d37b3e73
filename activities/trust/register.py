"""``trust.register``: make agents known to Vault, bound to what they were first seen as.

1. Harmless when repeated: what is known keeps its tier and its binding.
2. A new agent holds the initial tier, never T3 or T4.
"""

from __future__ import annotations

import asyncio

from temporalio import activity

from activities.contracts import messages, specs
from activities.runtime.boundary import governed
from dsl.core import Tier
from integrations.agents.programs.catalogue import Programs
from integrations.vault.identity.registry import Registrar


class RegisterActivities:
    """Speaks as the registrar; runs on the trust queue only."""

    def __init__(self, registrar: Registrar, initial_tier: Tier, programs: Programs) -> None:
        self._registrar = registrar
        self._programs = programs
        self._initial_tier = initial_tier

    @activity.defn(name=specs.register.name)
    @governed
    async def register(self, request: messages.RegisterRequest) -> messages.RegisterResult:
        """Return every agent as Vault knows it now."""
        return messages.RegisterResult(
            agents=tuple([await self._one(agent) for agent in request.agents])
        )

    async def _one(self, agent: messages.Registration) -> messages.Registered:
        binding = messages.Binding(
            pipeline=agent.pipeline,
            template=agent.template,
            program=await asyncio.to_thread(self._programs.digest, agent.template),
        )
        known = await self._registrar.register(
            agent.agent, initial_tier=self._initial_tier, binding=binding.model_dump()
        )
        return messages.Registered(
            agent=agent.agent,
            entity=known.entity_id,
            tier=known.tier,
            binding=messages.Binding(**known.binding),
            created=known.created,
        )
