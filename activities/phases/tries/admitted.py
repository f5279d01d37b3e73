"""The program of a try, and by whose leave it runs.

1. It is the one that was admitted. At T3 and T4 that is what the agent is bound to; below, the
   workflow's word is enough. Who replaces it meanwhile has the stage refused.
2. At T3 and T4 the agent is admitted anew each time, with its warrant.
"""

from __future__ import annotations

import asyncio

from activities.contracts import messages
from activities.phases.admission import admit
from activities.phases.equipment import Equipment
from activities.proofs.warrant import Cleared
from integrations.agents.programs.program import Program
from integrations.errors import DeniedError


async def clear(
    equipment: Equipment, request: messages.PhaseRequest
) -> tuple[Cleared | None, Program]:
    """Return the program that runs (1), and by whose leave: T3 and T4 are admitted anew (2)."""
    if equipment.high is None:
        return None, await _program(equipment, request)
    admission = await admit(equipment, request)
    if admission.known.entity_id != request.entity:
        raise DeniedError(
            f"agent {request.agent!r} is entity {admission.known.entity_id}, and "
            f"{request.entity[:64]!r} was asked for"
        )
    if not isinstance(admission.program, Program):
        raise DeniedError(f"stage {request.step.path!r} has no program of ours")
    return admission.cleared, admission.program


async def _program(equipment: Equipment, request: messages.PhaseRequest) -> Program:
    """Return the program, which is the one that BOOTSTRAP has admitted."""
    found = await asyncio.to_thread(equipment.programs.find, request.step.template)
    if request.program and found.digest != request.program:
        raise DeniedError(
            f"the program of template {request.step.template!r} is {found.digest}, and the run "
            f"began with {request.program}: it was changed meanwhile; start the run again"
        )
    return found
