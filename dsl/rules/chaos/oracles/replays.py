"""A deep replay of every history of ours asks for the very same today.

1. Every run of ours was replayed: what was not looked at is not well. The work of somebody else,
   which a stage has started, is not ours.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from dsl.rules.chaos.evidence import Evidence
from dsl.rules.chaos.objection import Finding, Oracle
from dsl.rules.reconciliation.stage_history import AGENT


def _look(evidence: Evidence) -> Iterator[Finding]:
    replayed = {(each.workflow_id, each.run_id): each for each in evidence.replays}
    of_stages = {
        (history.workflow_id, history.run_id)
        for history in evidence.histories
        if history.type == AGENT
    }
    for history in evidence.histories:
        where = f"{history.workflow_id}, run {history.run_id}"
        found = replayed.get((history.workflow_id, history.run_id))
        if found is None and history.parent not in of_stages:  # (1) it was not looked at
            yield Finding("a deep replay", "none", where)
        for difference in found.differences if found is not None else ():
            yield Finding("the same activities with the same arguments", difference, where)


REPLAYS: Final = Oracle("replays", "A deep replay of every history asks for the very same.", _look)
