"""Of runs that are over nothing is left: no process, no token, no lease.

1. A process of an agent is over when its stage is; the keeper ends it with its worker.
2. A token whose run is over has been revoked, or swept.
3. A lease whose owner is over was given back, or has run out: where its run could give nothing
   back, because it was terminated or revoked, or the store was away, it lives as long as a lease.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from dsl.limits import LEASE_TTL_MS
from dsl.rules.chaos.evidence import Evidence
from dsl.rules.chaos.objection import Finding, Oracle

_LOCK: Final = ":lock"


def _look(evidence: Evidence) -> Iterator[Finding]:
    over = {
        (history.workflow_id, history.run_id): history.end.at_ms
        for history in evidence.histories
        if history.end is not None
    }
    if len(over) == len(evidence.histories):
        for process in evidence.processes:  # (1) over with its stage
            found = f"process {process.pid} of {process.agent or 'an agent'}: {process.command}"
            yield Finding("no process of an agent", found, f"pid {process.pid}")
    for token in evidence.tokens:
        if token.run in over:  # (2) revoked, or swept
            where = f"vault, accessor {token.accessor}"
            yield Finding("no token of a run that is over", f"one of {token.run[0]}", where)
    for key, held in sorted(evidence.cache.items()):
        owner = held.value.get("owner") if isinstance(held.value, Mapping) else None
        if not key.endswith(_LOCK) or owner is None:
            continue
        workflow, _, run = str(owner).rpartition("/")
        ended = over.get((workflow, run))
        if ended is not None and evidence.looked_ms - ended > _may_live(evidence, workflow, run):
            found = f"held by {owner}, {held.ttl_ms} ms left"
            yield Finding("no lease of a run that is over", found, f"dragonfly, {key}")


def _may_live(evidence: Evidence, workflow: str, run: str) -> int:
    """Return how long after its owner's end a lease may live (3)."""
    owner = next(
        each for each in evidence.histories if (each.workflow_id, each.run_id) == (workflow, run)
    )
    last = [c for c in owner.activities if c.type in ("agent.exit", "agent.revoked")]
    told = last[-1].result if last and last[-1].is_done else None
    gave_back = isinstance(told, Mapping) and told.get("fence") and not told.get("unreleased")
    return 0 if gave_back else LEASE_TTL_MS


LEFTOVERS: Final = Oracle(
    "leftovers", "Of runs that are over there is no process, no token, no lease.", _look
)
