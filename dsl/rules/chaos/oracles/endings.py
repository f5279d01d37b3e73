"""Every run ends within its limit, and no workflow task of it failed for a fault of ours.

1. A run that is watched has ended, and no later than its limit.
2. Whatever it has started has ended as well: a stage that outlives its run holds on to something.
3. Temporal reports no problems of a run, and no workflow task has failed but by a reset, or
   because something came while it was under way.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from dsl.rules.chaos.evidence import Evidence, Watched
from dsl.rules.chaos.objection import Finding, Oracle
from dsl.rules.reconciliation.history import attributes, event_id, type_of

_CAUSE: Final = "WORKFLOW_TASK_FAILED_CAUSE_"
# What fails a workflow task and is nobody's fault (3).
_HARMLESS: Final = frozenset(
    {"RESET_WORKFLOW", "UNHANDLED_COMMAND", "FORCE_CLOSE_COMMAND", "RESET_STICKY_TASK_QUEUE"}
)


def _look(evidence: Evidence) -> Iterator[Finding]:
    for watched in evidence.watched:
        yield from _ended(watched, evidence)
    for history in evidence.histories:
        where = f"{history.workflow_id}, run {history.run_id}"
        if history.end is None:  # (2) it outlives its run
            reported = evidence.wedged.get(history.workflow_id) or "nothing"
            yield Finding("every run to end", f"under way; temporal reports {reported}", where)
        for event in history.events:
            cause = str(attributes(event).get("cause", "")).removeprefix(_CAUSE)
            # (3) by a fault of ours, and not by a reset or a race
            if type_of(event) == "WORKFLOW_TASK_FAILED" and cause not in _HARMLESS:
                failed = f"{cause}: {_message(event)}"
                place = f"{where}, event {event_id(event)}"
                yield Finding("no workflow task that fails", failed, place)


def _ended(watched: Watched, evidence: Evidence) -> Iterator[Finding]:
    runs = evidence.runs_of(watched.workflow_id)
    if not runs:
        yield Finding("a history of every run", "none", watched.workflow_id)
        return
    first, last = runs[0], runs[-1]
    took = (last.end.at_ms if last.end else evidence.looked_ms) - first.began_ms
    if took > watched.limit_ms:  # (1) no later than its limit
        found = f"{took} ms"
        yield Finding(f"an end within {watched.limit_ms} ms", found, watched.workflow_id)


def _message(event: object) -> str:
    failure = attributes(event).get("failure") if isinstance(event, dict) else None
    return str((failure or {}).get("message", ""))


ENDINGS: Final = Oracle(
    "endings", "Every run ends within its limit, and no workflow task of it fails.", _look
)
