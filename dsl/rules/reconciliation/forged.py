"""Answers in a history that the worker which took the work cannot have given.

Whoever may write to the namespace may complete any activity by its id. Up to T2 a workflow takes
that for the phase's answer, and both history and ledger then say the same. The rules:

1. Who answers is who took the work: both events name the client, and a worker has one name. A
   forger who names himself like the worker is not found by this. That a worker has died at it is
   said by the worker after it, and answers nothing.
2. An output that an answer names lies in the artefact store under its digest. One that was made up
   lies nowhere, whatever its author calls himself.

Neither proves that an answer is true: what acts at T3 believes none of them (docs/adr/0047).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Final

from dsl.rules.reconciliation.discrepancy import Discrepancy
from dsl.rules.reconciliation.history import (
    History,
    attributes,
    event_id,
    number_of,
    type_of,
)

_PHASES: Final = "agent."
OURS: Final = (
    _PHASES,
    "circuit.",
    "engine.",
    "gate.",
    "ledger.",
    "notify.",
    "pipeline.",
    "plan.",
    "revoke.",
    "run.",
    "tool.",
    "trust.",
)
_PUTS_OUT: Final = (_PHASES, "ledger.reuse")
_STARTED: Final = "ACTIVITY_TASK_STARTED"
_FAILED: Final = "ACTIVITY_TASK_FAILED"
_ANSWERED: Final = ("ACTIVITY_TASK_COMPLETED", _FAILED)
WORKER_DIED: Final = "WorkerDied"  # what a failure is that the worker after it tells


def forged(
    histories: Iterable[History], found_under: Callable[[str], str] | None = None
) -> Iterator[Discrepancy]:
    """Yield the answers that were forged, as far as that can be seen.

    Args:
        histories: of a run and its stages.
        found_under: what the artefact store has under a digest in place of its bytes; empty: it has
            them. None: it is not at hand.
    """
    for history in histories:
        yield from _of_strangers(history)
        if found_under is not None:
            yield from _of_nothing(history, found_under)


def _of_strangers(history: History) -> Iterator[Discrepancy]:
    names = {
        call.asked: f"{call.type} {call.id}"
        for call in history.activities
        if call.type.startswith(OURS)
    }
    took: dict[int, str] = {}
    for event in history.events:
        said = attributes(event)
        asked = number_of(said.get("scheduledEventId"))
        if asked not in names:
            continue
        if type_of(event) == _STARTED:
            took[asked] = str(said.get("identity", ""))
        elif (
            type_of(event) in _ANSWERED
            and str(said.get("identity", "")) != took.get(asked)
            and not _says_that_its_worker_died(event)
        ):
            yield Discrepancy(
                f"{names[asked]} to be answered by {took.get(asked) or 'the worker that takes it'}",
                f"the answer of {said.get('identity') or 'somebody without a name'}",
                _where(history, event_id(event)),
            )


def _says_that_its_worker_died(event: Mapping[str, Any]) -> bool:
    failure = attributes(event).get("failure") or {}
    told = failure.get("applicationFailureInfo") or {}
    return type_of(event) == _FAILED and told.get("type") == WORKER_DIED


def _of_nothing(history: History, found_under: Callable[[str], str]) -> Iterator[Discrepancy]:
    """Yield the outputs that nobody has kept (2); each once."""
    seen: set[str] = set()
    for call in history.activities:
        for digest in _outputs(call.result) if call.type.startswith(_PUTS_OUT) else ():
            found = "" if digest in seen else found_under(digest)
            if found:
                yield Discrepancy(
                    f"what {call.type} {call.id} has put out to be in the artefact store",
                    f"{found} under {digest}",
                    _where(history, call.ended),
                )
            seen.add(digest)


def _outputs(result: Any) -> Iterator[str]:
    outputs = result.get("outputs") if isinstance(result, Mapping) else None
    for each in outputs if isinstance(outputs, list) else ():
        if isinstance(each, Mapping) and isinstance(each.get("digest"), str):
            yield each["digest"]


def _where(history: History, event: int) -> str:
    return f"{history.workflow_id}, run {history.run_id}, event {event}"
