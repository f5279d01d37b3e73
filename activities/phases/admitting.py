"""May this agent act at all, as what it says it is, and at the tier asked?

In this order, because each is cheaper and more final than the next:

1. A template without a program has nothing to run.
2. A stage of T3 or T4 has a warrant: see ``activities.warrant``.
3. Vault knows the agent, has not disabled it, and it is bound to this pipeline, template and
   program.
4. It holds the tier the stage asks for.

BOOTSTRAP asks this of every agent. At T3 and T4 it is asked again before the program runs: who
forges requests leaves BOOTSTRAP out.
"""

from __future__ import annotations

from dataclasses import dataclass

from activities import contracts
from activities.phases.tools import Tools
from activities.programs import program_digest
from activities.warrant import Cleared
from dsl.rules.admission import Binding, refuse_binding, refuse_held
from integrations.errors import DeniedError, RevokedError
from integrations.vault.registry import Known


@dataclass(frozen=True, slots=True)
class Admission:
    """An agent that may act, and for T3 and T4 by whose leave."""

    known: Known
    cleared: Cleared | None

    @property
    def approved_by(self) -> tuple[str, ...]:
        """Who has approved it, where somebody had to."""
        return self.cleared.approved_by if self.cleared else ()


async def admit(tools: Tools, request: contracts.PhaseRequest) -> Admission:
    """Return what the agent is.

    Raises:
        DeniedError: it may not act.
        RevokedError: it is disabled.
        NotFoundError: it was never registered.
    """
    if request.step.program is None:  # (1)
        raise DeniedError(
            f"template {request.step.template!r} has no program yet: use default or code-review"
        )
    cleared = await tools.high.warrants.require(request) if tools.high else None  # (2)
    known = await tools.registry.read(request.agent)
    if known.disabled:  # (3)
        raise RevokedError(f"agent {request.agent!r} is disabled in Vault")
    seen = Binding(
        pipeline=known.binding.get("pipeline", ""),
        template=known.binding.get("template", ""),
        program=known.binding.get("program", ""),
    )
    asked = Binding(
        pipeline=request.pipeline,
        template=request.step.template,
        program=program_digest(request.step.program),
    )
    refusal = refuse_binding(seen, asked) or refuse_held(request.step.tier, known.tier)  # (4)
    if refusal is not None:
        raise DeniedError(f"agent {request.agent!r}: {refusal}")
    return Admission(known, cleared)
