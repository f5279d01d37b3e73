"""May this agent act at all, as what it says it is, and at the tier asked?

In this order, because each is cheaper and more final than the next:

1. There is a program, it may be executed here, and what it calls is installed. Or it is an activity
   or a workflow of somebody else's: then the template still says the one that the plan has, and the
   stage asks for no more than that can hold to.
2. A stage of T3 or T4 has a warrant: see ``activities.proofs.warrant``.
3. Vault knows the agent, has not disabled it, and it is bound to this pipeline, template and
   program.
4. It holds the tier the stage asks for.

BOOTSTRAP asks this of every agent. At T3 and T4 it is asked again before the program runs: who
forges requests leaves BOOTSTRAP out.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from activities.contracts import messages
from activities.phases.equipment import Equipment
from activities.proofs.warrant import Cleared
from dsl.compiler import runtime_of
from dsl.plan import AgentStep
from dsl.rules.trust.admission import Binding, refuse_binding, refuse_held
from dsl.stages.runtime import DELEGATED_TIER_MAX, WHY_NOT_HIGHER
from integrations.agents.programs.needs import require_runnable
from integrations.agents.programs.program import Delegated, Program
from integrations.errors import DeniedError, RevokedError
from integrations.vault.identity.registry import Known


@dataclass(frozen=True, slots=True)
class Admission:
    """An agent that may act, and for T3 and T4 by whose leave."""

    known: Known
    program: Program | Delegated
    cleared: Cleared | None

    @property
    def approved_by(self) -> tuple[str, ...]:
        """Who has approved it, where somebody had to."""
        return self.cleared.approved_by if self.cleared else ()


async def admit(equipment: Equipment, request: messages.PhaseRequest) -> Admission:
    """Return what the agent is.

    Raises:
        DeniedError: it may not act.
        RevokedError: it is disabled.
        NotFoundError: it was never registered.
    """
    program = await require_program(
        equipment, request.step
    )  # (1) there is one, and it may be executed
    # (2) T3 and T4 show a warrant
    cleared = await equipment.high.warrants.require(request) if equipment.high else None
    known = await equipment.registry.read(request.agent)
    require_fit(request.agent, known, request.pipeline, request.step, program.digest)
    return Admission(known, program, cleared)


async def require_program(equipment: Equipment, step: AgentStep) -> Program | Delegated:
    """Return the program of a stage, if this machine can run it (1).

    Raises:
        DeniedError: it has none, or the program or what it needs is not there.
        NotFoundError: this worker does not know the template.
    """
    return await asyncio.to_thread(_found, equipment, step)  # it looks at files


def _found(equipment: Equipment, step: AgentStep) -> Program | Delegated:
    runtime = runtime_of(equipment.programs.template(step.template).template)
    if step.runtime != runtime:
        raise DeniedError(
            f"template {step.template!r} is {runtime or 'a process'} on this worker, and "
            f"{step.runtime or 'a process'} in the plan: start the run again"
        )
    if runtime is not None:
        refuse_delegation(step)
        return Delegated(step.template, equipment.programs.digest(step.template))
    return require_runnable(
        equipment.programs, step.template, lambda: equipment.settings.hidden_from_agents
    )


def refuse_delegation(step: AgentStep) -> None:
    """Refuse to delegate what no document could ask for; a request can be forged.

    Raises:
        DeniedError: it is of T3 or T4, or has secrets.
    """
    if step.tier > DELEGATED_TIER_MAX:
        raise DeniedError(
            f"{step.runtime} takes at most {DELEGATED_TIER_MAX.name}, and the stage asks for "
            f"{step.tier.name}: {WHY_NOT_HIGHER}"
        )
    if step.secrets:
        raise DeniedError(f"{step.runtime} gets no secret, and the stage names some")


def require_fit(agent: str, known: Known, pipeline: str, step: AgentStep, program: str) -> None:
    """Refuse an agent that may not run ``program``, a digest, in the stage (3) (4).

    Raises:
        DeniedError: it is bound to something else, or holds less.
        RevokedError: it is disabled.
    """
    if known.disabled:
        raise RevokedError(f"agent {agent!r} is disabled in Vault: reinstate it first")
    seen = Binding(
        pipeline=known.binding.get("pipeline", ""),
        template=known.binding.get("template", ""),
        program=known.binding.get("program", ""),
    )
    asked = Binding(pipeline=pipeline, template=step.template, program=program)
    refusal = refuse_binding(agent, seen, asked) or refuse_held(step.tier, known.tier)
    if refusal is not None:
        raise DeniedError(f"agent {agent!r}: {refusal}")
