"""Was the objective reached? Looked at in what the agents put out, and claimed in Dragonfly.

1. An agent is ready for the objective where its last output is in the artefact store, whole, and
   says the very version that everybody worked for.
2. Readiness is claimed as any member of a project claims it: with a lease, by a write that is
   fenced. Then one question is asked of all of them, answered at one instant.
3. The diagnostic agent has said the same of the two others, or there is no unity.
"""

from __future__ import annotations

import asyncio
import time
from typing import Final

from dsl.actions import STAGE_CLARIFIED
from dsl.chaos.catalogue import AGENTS
from dsl.values import strict_json
from integrations.artifacts.store import Artifacts
from integrations.dragonfly.guard_seed import GuardSeed
from integrations.dragonfly.guards import AgentGuards
from integrations.dragonfly.leases import Leases
from integrations.dragonfly.readiness import Readiness
from integrations.dragonfly.states import States
from integrations.errors import IntegrationError
from integrations.ledger.verify import TAIL_MAX, tail
from mandate.work.chaos.ground.arena import ChaosArena
from mandate.work.chaos.ground.struck_run import StruckRun

HALF, DIAGNOSIS = "half.json", "diagnosis.json"
FRESH_MS: Final = 30_000
_LEASE_MS: Final = 10_000
_BYTES_MAX: Final = 1 << 16


async def ready_for(arena: ChaosArena, run: StruckRun) -> bool:
    """Tell whether all agents of a run are ready for its objective, together."""
    project = f"objective-{run.id}"
    ready = [name for name in AGENTS if await asyncio.to_thread(_has_delivered, arena, run, name)]
    if len(ready) < len(AGENTS):
        return False
    try:
        return await _claim(arena, run, project)
    except IntegrationError:
        return False


def clarifications(arena: ChaosArena, run: StruckRun) -> int:
    """Return how often a plan of the run was clarified, as the ledger has it."""
    entries = tail(arena.settings.ledger, TAIL_MAX)
    return sum((each.workflow_id, each.action) == (run.id, STAGE_CLARIFIED) for each in entries)


async def _claim(arena: ChaosArena, run: StruckRun, project: str) -> bool:
    """Claim it for every agent, ask once, and leave the project again (2)."""
    guards, leases = AgentGuards(arena.dragonfly), Leases(arena.dragonfly)
    states = States(arena.dragonfly)
    now = int(time.time() * 1000)
    seed, held = GuardSeed(fence=now, epoch=0, revoked=False), []
    try:
        for name in AGENTS:
            agent = f"{project}.{name}"
            await guards.seed(agent, seed)
            lease = await leases.acquire(
                agent=agent,
                holder=agent,
                owner=run.id,
                nonce=name,
                begun_ms=now,
                authority=seed,
                project=project,
                ttl_ms=_LEASE_MS,
            )
            held.append(lease)
            await states.write(
                lease, op_id="ready", fields={"status": "ready"}, ready=run.objective
            )
        return (await Readiness(arena.dragonfly).of(project, FRESH_MS, run.objective)).is_ready
    finally:
        for lease in held:
            await leases.release(lease)


def _has_delivered(arena: ChaosArena, run: StruckRun, name: str) -> bool:
    """Tell whether what an agent has put out is there, and of the right version (1)."""
    stage = run.report.get("stages", {}).get(name, {})
    wanted = DIAGNOSIS if name == AGENTS[-1] else HALF
    digests = [each["digest"] for each in stage.get("outputs", ()) if each.get("name") == wanted]
    if not digests:
        return False
    try:
        content = Artifacts(arena.settings.artifacts).get(digests[-1])
        said = strict_json.read(content, bytes_max=_BYTES_MAX)
    except (IntegrationError, ValueError):
        return False
    agrees = name != AGENTS[-1] or said.get("agrees") is True  # (3) no unity without it
    return agrees and said.get("objective") == run.objective
