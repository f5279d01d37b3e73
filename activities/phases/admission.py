"""May this agent act at all, as what it says it is, and at the tier asked?

In this order, because each is cheaper and more final than the next:

1. A template without a program has nothing to run, nor has one that lacks what it calls.
2. A stage of T3 or T4 has a warrant: see ``activities.proofs.warrant``.
3. Vault knows the agent, has not disabled it, and it is bound to this pipeline, template and
   program, whose file is what it was when this worker began.
4. It holds the tier the stage asks for.

BOOTSTRAP asks this of every agent. At T3 and T4 it is asked again before the program runs: who
forges requests leaves BOOTSTRAP out.
"""

from __future__ import annotations

from dataclasses import dataclass

from activities.contracts import specs
from activities.phases.equipment import Tools
from activities.proofs.warrant import Cleared
from activities.runtime.programs import program_digest
from dsl.plan import AgentStep
from dsl.rules.trust.admission import Binding, rebinding_line, refuse_binding, refuse_held
from integrations.agents.programs import catalogue
from integrations.errors import DeniedError, RevokedError
from integrations.vault.identity.registry import Known


@dataclass(frozen=True, slots=True)
class Admission:
    """An agent that may act, and for T3 and T4 by whose leave."""

    known: Known
    cleared: Cleared | None

    @property
    def approved_by(self) -> tuple[str, ...]:
        """Who has approved it, where somebody had to."""
        return self.cleared.approved_by if self.cleared else ()


async def admit(tools: Tools, request: specs.PhaseRequest) -> Admission:
    """Return what the agent is.

    Raises:
        DeniedError: it may not act.
        RevokedError: it is disabled.
        NotFoundError: it was never registered.
    """
    require_program(request.step.template, request.step.program)  # (1)
    cleared = await tools.high.warrants.require(request) if tools.high else None  # (2)
    known = await tools.registry.read(request.agent)
    require_fit(request.agent, known, request.pipeline, request.step)
    return Admission(known, cleared)


def require_program(template: str, program: str | None) -> None:
    """Refuse a template that nothing here can run (1).

    Raises:
        DeniedError: it has no program, or the program lacks what it calls.
    """
    if program is None:
        raise DeniedError(f"template {template!r} has no program yet: use default or code-review")
    missing = catalogue.missing(program)
    if missing:
        raise DeniedError(
            f"template {template!r} needs {' and '.join(missing)}, not installed beside the "
            f"worker: pip install {' '.join(missing)}"
        )


def require_fit(agent: str, known: Known, pipeline: str, step: AgentStep) -> None:
    """Refuse an agent that may not run the stage (3) (4).

    Raises:
        DeniedError: it is bound to something else, its program was changed, or it holds less.
        RevokedError: it is disabled.
    """
    if known.disabled:
        raise RevokedError(f"agent {agent!r} is disabled in Vault: reinstate it first")
    changed = catalogue.find(step.program).changed() if step.program else None
    if changed is not None:
        remedy = f"restart the workers, then {rebinding_line(agent, pipeline)}"
        raise DeniedError(f"agent {agent!r}: {changed}: {remedy}")
    seen = Binding(
        pipeline=known.binding.get("pipeline", ""),
        template=known.binding.get("template", ""),
        program=known.binding.get("program", ""),
    )
    asked = Binding(pipeline=pipeline, template=step.template, program=program_digest(step.program))
    refusal = refuse_binding(agent, seen, asked) or refuse_held(step.tier, known.tier)
    if refusal is not None:
        raise DeniedError(f"agent {agent!r}: {refusal}")
