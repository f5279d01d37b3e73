"""Entries to record in tests, and the raw file behind a ledger."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from dsl.core import Tier
from integrations.ledger.entries import Draft


def draft(n: int, **changes: Any) -> Draft:
    """Return the n-th of a series of entries."""
    plain = Draft(f"w/r/{n}", "w", "r", "agent-1", Tier.T1, "run.started", {"n": n, "é": "ü"})
    return replace(plain, **changes)


def lease(n: int, agent: str, fence: int) -> Draft:
    """Return the record of a lease."""
    return draft(n, agent=agent, action="lease.granted", payload={"fence": fence})


def mark(n: int, agent: str, epoch: int, *, revoked: bool) -> Draft:
    """Return the record of a revocation or reinstatement."""
    action = "agent.revoked" if revoked else "agent.reinstated"
    return draft(n, agent=agent, action=action, payload={"epoch": epoch})


@contextmanager
def intruder(path: Path) -> Iterator[sqlite3.Connection]:
    """Open the file as somebody would who has it and no scruples."""
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        yield connection
