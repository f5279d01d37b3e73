"""Runs and stages that began on the ledger and did not end on it: a fold over its entries.

Who is terminated records no end, and neither does who runs into a time limit of the server's. The
rules:

1. A run begins with ``run.started``, a stage with ``agent.intended``. Either is over with its end,
   whoever has recorded it in its stead.
2. An entry counts only if it still hashes to what was recorded with it.
"""

from __future__ import annotations

import json
import sqlite3
from dataclasses import dataclass
from typing import Any, Final

from dsl import actions
from dsl.core import Tier
from dsl.rules.trust.scorecard import OF_STAGE
from integrations.errors import CorruptError
from integrations.ledger.entries import Content, is_sound, read_payload
from integrations.ledger.errors import sqlite_faults

_BEGINS: Final = {
    actions.RUN_STARTED: actions.RUN_ENDED,
    actions.AGENT_INTENDED: actions.AGENT_ENDED,
}
_ENDS: Final = frozenset(_BEGINS.values())
_SELECT: Final = (
    "SELECT seq, ts, prev_hash, hash, idempotency_key, workflow_id, run_id, agent, tier, action, "
    "payload FROM ledger WHERE action IN (SELECT value FROM json_each(?)) ORDER BY seq"
)


@dataclass(frozen=True, slots=True)
class Begun:
    """One run or stage that has not ended on the ledger."""

    workflow: str
    run: str
    agent: str
    tier: Tier
    ts: str
    path: str  # of the stage; empty: it is a run
    ends_with: str  # the action


class Unended:
    """Written by one thread, read by any."""

    def __init__(self) -> None:
        self._begun: dict[tuple[str, str], Begun] = {}

    def all(self) -> tuple[Begun, ...]:
        """Return what has begun and not ended, the oldest first."""
        return tuple(self._begun.values())

    def take(self, ts: str, content: Content) -> None:
        """Take in one entry; harmless when repeated in order."""
        end = _BEGINS.get(content.action)
        if end is None and content.action not in _ENDS:
            return
        payload = read_payload(content.payload)
        place = _place(payload, content)
        if end is None:
            self._begun.pop(place, None)
            return
        path = payload.get("path")
        self._begun[place] = Begun(
            workflow=place[0],
            run=place[1],
            agent=content.agent,
            tier=Tier[content.tier],
            ts=ts,
            path=path if isinstance(path, str) else "",
            ends_with=end,
        )

    def rebuild(self, connection: sqlite3.Connection) -> None:
        """Take in every entry of the ledger.

        Raises:
            CorruptError: an entry that counts was altered (2).
        """
        with sqlite_faults("read the ledger"):
            for row in connection.execute(_SELECT, (json.dumps([*_BEGINS, *_ENDS]),)):
                seq, ts, prev, digest, *columns = row
                content = Content(*columns)
                # (2) as recorded, or it does not count
                if not is_sound(seq, ts, content, prev, digest):
                    raise CorruptError(f"entry {seq} was altered: verify the ledger")
                try:
                    self.take(ts, content)
                except ValueError as error:
                    raise CorruptError(f"entry {seq} is not ours: {error}") from error


def _place(payload: dict[str, Any], content: Content) -> tuple[str, str]:
    of = payload.get(OF_STAGE)
    if isinstance(of, dict):  # (1) recorded in its stead
        return str(of.get("workflow")), str(of.get("run"))
    return content.workflow_id, content.run_id
