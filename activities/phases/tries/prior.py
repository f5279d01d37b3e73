"""What a program finds of what was put out before: copied by digest, and no more than it may see.

1. Earlier outputs of its stage, and those its stage was given, are copied into its private
   directory; the copy is hashed, the copy is used.
2. A request can be forged: a name in it becomes no path outside that directory.
3. At T3 and T4 it gets of its own stage only what EXECUTE put out, for VERIFY to look at, and under
   no plan but this one: what an earlier phase put out could be a forged completion, and nobody has
   approved it.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from activities.contracts import messages
from activities.phases.equipment import Equipment
from dsl.core import AgentOutput, AgentPhase, Tier
from integrations.errors import DeniedError


def prior_of(
    equipment: Equipment, request: messages.PhaseRequest, phase: AgentPhase, directory: Path
) -> Mapping[str, Any]:
    """Return what the program is told of what was put out before, copied to ``directory`` (1).

    Raises:
        DeniedError: a name leads out of it (2).
        NotFoundError, CorruptError: the store has not what was put.
    """
    outputs = [(output.name, "prior", output) for output in _own(request, phase)]
    for path, given in sorted(request.given.items()):
        outputs += [(f"{path}/{output.name}", "given", output) for output in given]
    prior: dict[str, Any] = {}
    for name, folder, output in outputs:
        target = Path(os.path.normpath(directory / folder / name))
        if not target.is_relative_to(directory / folder):  # (2) a forged name leaves no directory
            raise DeniedError(f"output {name[:80]!r} leaves the private directory")
        target.parent.mkdir(parents=True, exist_ok=True)
        equipment.artifacts.copy_to(output.digest, target)
        prior[name] = {
            "path": str(target.relative_to(directory)),
            "digest": output.digest,
            "media_type": output.media_type,
        }
    return prior


def _own(request: messages.PhaseRequest, phase: AgentPhase) -> Iterable[AgentOutput]:
    """Return those outputs of earlier phases that the program may see (3)."""
    if request.step.tier < Tier.T3:
        return request.prior
    if phase is not AgentPhase.VERIFY:
        return ()
    executed = (output for output in request.prior if output.phase is AgentPhase.EXECUTE)
    return tuple(output for output in executed if not output.plan)
