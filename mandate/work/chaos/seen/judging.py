"""The verdict on an experiment: everything is collected once, and every oracle is asked.

A judge that cannot look has nothing to say: that is no violation, and no acquittal either.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from dsl.chaos.catalogue import AGENTS
from dsl.rules.chaos.evidence import Watched
from dsl.rules.chaos.judge import judge
from mandate.work.chaos.ground.arena import ChaosArena
from mandate.work.chaos.ground.struck_run import StruckRun
from mandate.work.chaos.seen.collect import Sources, collect


async def judged(arena: ChaosArena, runs: Sequence[StruckRun]) -> list[str]:
    """Return every violation, in words; none is well.

    Raises:
        IntegrationError: not everything can be seen, so nothing can be judged.
    """
    sources = Sources(arena.client, arena.settings, arena.scratch, arena.register.reached)
    watched = [Watched(run.id, int(run.limit_s * 1000), AGENTS) for run in runs if run.began]
    ours = {each.workflow_id for each in watched}
    evidence = await collect(sources, watched)
    # The server serves all experiments of the stack.
    reached = {
        tool: tuple(each for each in calls if each.get("run") in ours)
        for tool, calls in evidence.reached.items()
    }
    return [str(each) for each in judge(replace(evidence, reached=reached))]
