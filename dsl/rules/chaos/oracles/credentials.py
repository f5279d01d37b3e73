"""No credential is alive ``DEAD_AFTER_MS`` after its stage was left, or its agent revoked.

1. A token names the run it was minted for. Where that run has been through EXIT or REVOKED so long
   ago, it is dead; one that asks for an approval is dead when its pipeline has ended so long ago.
2. A revoked agent has none at all.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from dsl.core import is_terminal_phase
from dsl.rules.chaos.evidence import Evidence
from dsl.rules.chaos.objection import Finding, Oracle
from dsl.rules.reconciliation.stage_history import phases, stages

DEAD_AFTER_MS: Final = 5_000


def _look(evidence: Evidence) -> Iterator[Finding]:
    left = _left(evidence)
    disabled = {each.entity for each in evidence.agents if each.is_disabled}
    for token in evidence.tokens:
        run = token.run
        since = left.get(run) or left.get((run[0], ""))
        about = f"a token of {token.meta.get('phase') or 'a request'}, {token.age_s} s old"
        where = f"vault, accessor {token.accessor}, run {run[0]} {run[1]}".rstrip()
        if token.entity in disabled:  # (2) none at all
            yield Finding("no token of a revoked agent", about, where)
        elif since is not None and evidence.looked_ms - since > DEAD_AFTER_MS:
            found = f"{about}, alive {evidence.looked_ms - since} ms after"
            yield Finding(f"no credential {DEAD_AFTER_MS} ms after the end", found, where)


def _left(evidence: Evidence) -> dict[tuple[str, str], int]:
    """Return when each run was left (1)."""
    left: dict[tuple[str, str], int] = {}
    for history in stages(evidence.histories):
        ended = [
            call.ended_ms
            for phase, call in phases(history)
            if is_terminal_phase(phase) and call.ended
        ]
        if ended:
            left[history.workflow_id, history.run_id] = max(ended)
    for history in evidence.histories:
        if history.end is not None:
            left.setdefault((history.workflow_id, history.run_id), history.end.at_ms)
    return left


CREDENTIALS: Final = Oracle(
    "credentials",
    f"No credential is alive {DEAD_AFTER_MS // 1000} s after EXIT or REVOKED.",
    _look,
)
