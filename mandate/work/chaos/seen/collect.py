"""One look at everything an experiment has left, for ``dsl.rules.chaos`` to judge.

Nothing is asked of the engine: histories come from Temporal, entries from the ledger's file, tokens
and people from Vault, keys from Dragonfly, processes from the kernel. The rules:

1. What may still be ending is looked at until it is gone, or until ``SETTLE_S`` after the last run
   has ended; then it counts.
2. A store that does not answer is an error: of what was not seen nothing is claimed.
3. Only what is the experiment's is judged, so a stack may be shared; the ledger is read whole.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from temporalio.client import Client

from dsl.actions import AGENT_REVOKED
from dsl.limits import TOOL_ARGUMENTS_BYTES_MAX
from dsl.rules.chaos.evidence import Evidence, LeftProcess, LiveToken, Watched
from dsl.rules.chaos.histories import agents_of, digests_of, ended_ms, groups_of, proofs_of
from dsl.rules.reconciliation.recorded import Recorded, entry_ms
from dsl.values import strict_json
from integrations.settings import Settings
from mandate.work.chaos.seen.histories import Gathered, gather
from mandate.work.chaos.seen.processes import processes_left
from mandate.work.chaos.seen.stores import Stores

SETTLE_S: Final = 5.0  # after the end of a run nothing of it may be alive
_LOOK_EVERY_S: Final = 0.25


@dataclass(frozen=True, slots=True)
class Sources:
    """Where to look: a client, the settings of the workers, and their temporary directory."""

    client: Client
    settings: Settings
    scratch: Path  # TMPDIR of the workers: agents' processes live below it
    # By tool, a file with a line of JSON for the arguments of each call that reached its server.
    reached: Mapping[str, Path] = field(default_factory=dict)


async def collect(sources: Sources, watched: Sequence[Watched]) -> Evidence:
    """Look at everything the runs ``watched`` have left.

    Raises:
        UnavailableError: a store does not answer (2).
        NotFoundError: there is no such run, or no ledger.
        CorruptError: the ledger cannot be read as one.
    """
    found = Gathered()
    await gather(sources.client, [each.workflow_id for each in watched], found)
    agents = sorted(agents_of(found.histories))
    async with Stores(sources.settings) as stores:
        entries = await asyncio.to_thread(stores.entries)
        await gather(sources.client, _revocations(entries, found), found)
        entities = await stores.entities(agents)
        proofs = await stores.proofs(proofs_of(found.histories))
        tokens, processes = await _settled(sources, stores, found)
        return Evidence(
            looked_ms=int(time.time() * 1000),
            namespace=sources.client.namespace,
            watched=tuple(watched),
            histories=tuple(found.histories),
            ledger=await asyncio.to_thread(stores.entries),
            tokens=tokens,
            agents=entities,
            people=await stores.people(
                (each.proof for each in proofs if each.is_signed), groups_of(found.histories)
            ),
            proofs=proofs,
            cache=await stores.cache(),
            processes=processes,
            artifacts=await asyncio.to_thread(
                stores.artifacts, sorted(digests_of(found.histories))
            ),
            reached=await asyncio.to_thread(_reached, sources.reached),
            replays=tuple(found.replays),
            wedged=found.wedged,
        )


def _reached(files: Mapping[str, Path]) -> dict[str, tuple[Any, ...]]:
    return {
        name: tuple(
            strict_json.read(line, bytes_max=TOOL_ARGUMENTS_BYTES_MAX)
            for line in (file.read_text().splitlines() if file.exists() else ())
        )
        for name, file in files.items()
    }


def _revocations(entries: Iterable[Recorded], found: Gathered) -> set[str]:
    """Return the workflows that have revoked agents of the experiment since it began."""
    agents, began = agents_of(found.histories), min(each.began_ms for each in found.histories)
    return {
        entry.workflow_id
        for entry in entries
        if entry.action == AGENT_REVOKED and entry.agent in agents and entry_ms(entry) >= began
    }


async def _settled(
    sources: Sources, stores: Stores, found: Gathered
) -> tuple[tuple[LiveToken, ...], tuple[LeftProcess, ...]]:
    """Return what is left of the runs when it no longer may be (1)."""
    workflows = {each.workflow_id for each in found.histories}
    until = max((ended_ms(each) or 0 for each in found.histories), default=0) / 1000 + SETTLE_S
    while True:
        tokens = tuple(
            token
            for token in await stores.tokens()
            if {token.meta.get("run"), token.meta.get("workflow")} & workflows
        )
        processes = processes_left(sources.scratch)
        held = await stores.leases_held(workflows)
        if not (tokens or processes or held) or time.time() > until:
            return tokens, processes
        await asyncio.sleep(_LOOK_EVERY_S)
