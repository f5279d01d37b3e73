"""The verdict on an experiment: everything is collected once, and every oracle is asked."""

from __future__ import annotations

from collections.abc import Sequence

from mandate.work.chaos.arena import ChaosArena
from mandate.work.chaos.journal import FaultRecord
from mandate.work.chaos.struck_run import StruckRun


async def judged(
    arena: ChaosArena, runs: Sequence[StruckRun], faults: Sequence[FaultRecord]
) -> list[str]:
    """Return every violation, in words; none is well."""
    return [
        f"ended: expected {run.id} to end within {run.limit_s:g} s, found it running"
        for run in runs
        if not run.is_over
    ]
