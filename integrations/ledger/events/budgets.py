"""The error budget of one agent, as the ledger's file tells it; also while its writer runs.

What a phase under way has erred is not on it yet: that stands in Dragonfly, see
``integrations.dragonfly.budgets``. The rules:

1. The budget is the one that the agent was last begun under; none where that declared none.
2. An error counts once, as it was told first, and of each agent the newest are kept, as many as
   the largest error budget allows.
3. What was altered since it was recorded is no evidence, and is refused.
"""

from __future__ import annotations

import json
from contextlib import closing
from pathlib import Path
from typing import Any, Final

from pydantic import ValidationError

from dsl.actions import AGENT_ERRED, AGENT_INTENDED, AGENT_RETRIED
from dsl.core import ErrorBudget
from dsl.limits import ERROR_BUDGET_MAX
from dsl.rules.health.budget import BudgetReading, read_budget
from integrations.errors import CorruptError
from integrations.ledger.entries import Content, is_sound, read_payload
from integrations.ledger.errors import sqlite_faults
from integrations.ledger.events.reading import Counted, read_event
from integrations.ledger.store import open_reader

DECLARED: Final = "error_budget"  # in what is recorded before an agent begins
_BEGUN: Final = (AGENT_INTENDED, AGENT_RETRIED)
_SELECT: Final = (
    "SELECT seq, ts, prev_hash, hash, idempotency_key, workflow_id, run_id, agent, tier, action, "
    "payload FROM ledger WHERE agent = ? AND action IN (SELECT value FROM json_each(?)) "
    "ORDER BY seq"
)


def budget_of(path: Path, agent: str, now_ms: int) -> BudgetReading | None:
    """Return what is used up of the agent's budget at ``now_ms``; None: it has none (1).

    Raises:
        NotFoundError: there is no such file.
        CorruptError: the file holds no ledger, or an entry that counts was altered (3).
        UnavailableError: the file cannot be read.
    """
    declared: Any = None
    errors: tuple[tuple[str, int], ...] = ()
    wanted = json.dumps([*_BEGUN, AGENT_ERRED])
    with closing(open_reader(path)) as connection, sqlite_faults(f"read the ledger {path}"):
        for row in connection.execute(_SELECT, (agent, wanted)):
            seq, ts, prev, digest, *columns = row
            content = Content(*columns)
            if not is_sound(seq, ts, content, prev, digest):  # (3) no evidence
                raise CorruptError(f"entry {seq} was altered: verify the ledger")
            payload = read_payload(content.payload)
            if content.action in _BEGUN:
                declared = payload.get(DECLARED)
                continue
            event = read_event(content.agent, content.action, payload)
            if isinstance(event, Counted):
                errors = newest(errors, event.errors)  # (2) once
    budget = _budget(declared)
    if budget is None:
        return None
    return read_budget(dict(errors).values(), now_ms, budget)


def newest(
    known: tuple[tuple[str, int], ...], told: tuple[tuple[str, int], ...]
) -> tuple[tuple[str, int], ...]:
    """Return the newest errors, ids and times, of those that are ``known`` and now ``told`` (2)."""
    found = dict(told) | dict(known)
    newest = sorted(found.items(), key=lambda each: (each[1], each[0]))[-ERROR_BUDGET_MAX:]
    return tuple(newest)


def _budget(declared: Any) -> ErrorBudget | None:
    try:
        return ErrorBudget.model_validate(declared) if declared is not None else None
    except ValidationError:
        return None
