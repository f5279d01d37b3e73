"""The score cards of all agents: the fold of ``dsl.rules.trust.scorecard`` over a ledger.

The same fold in two places: over the file, by whoever can read it, and in the memory of the one
writer. Both take the entries as they are stored, so that both come to the same. The rules:

1. An entry counts only if it still hashes to what was recorded with it, and can be read.
2. In memory an entry counts once: what is given again is older than what was taken already.
3. The file is read in segments: see ``integrations.ledger.verify``.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import closing
from pathlib import Path
from typing import Any, Final

from dsl.core import Tier
from dsl.rules.trust.scorecard import ACTIONS, Card, Fact, advance, counts
from integrations.errors import CorruptError
from integrations.ledger.entries import Content, is_sound, read_payload
from integrations.ledger.errors import sqlite_faults
from integrations.ledger.store import open_reader
from integrations.ledger.verify import SEGMENT

_SELECT: Final = (
    "SELECT seq, ts, prev_hash, hash, idempotency_key, workflow_id, run_id, agent, tier, action, "
    "payload FROM ledger WHERE seq > ? AND action IN (SELECT value FROM json_each(?)) "
    "AND agent = coalesce(?, agent) AND seq <= coalesce(?, seq) ORDER BY seq LIMIT ?"
)
_BEFORE_ALL: Final = -(1 << 63)


class Cards:
    """One card per agent identity; written by one thread, read by any."""

    def __init__(self) -> None:
        self._cards: dict[str, Card] = {}
        self._seq = -1

    def card(self, agent: str) -> Card:
        """Return the card of ``agent``; an empty one when the ledger never heard of it."""
        return self._cards.get(agent) or Card(agent)

    def all(self) -> dict[str, Card]:
        """Return every card, by agent."""
        return dict(self._cards)

    def take(self, seq: int, ts: str, content: Content) -> None:
        """Take in one entry; harmless when repeated (2).

        Raises:
            CorruptError: it should count and cannot be read.
        """
        if seq <= self._seq:
            return
        self._seq = seq
        if counts(content.agent, content.action):
            card = self.card(content.agent)
            self._cards[content.agent] = _advanced(card, seq, ts, content)

    def rebuild(
        self, connection: sqlite3.Connection, agent: str | None = None, until: int | None = None
    ) -> None:
        """Take in every entry of the ledger, or those of one agent, or those until one of them.

        Raises:
            CorruptError: an entry that counts was altered (1).
        """
        with sqlite_faults("read the ledger"):
            for row in _rows(connection, agent, until):
                seq, ts, prev, digest, *columns = row
                content = Content(*columns)
                # (1) as recorded, or it does not count
                if not is_sound(seq, ts, content, prev, digest):
                    raise CorruptError(f"entry {seq} was altered: verify the ledger")
                self.take(seq, ts, content)


def cards(path: Path) -> dict[str, Card]:
    """Return the cards of all agents, from the file.

    Raises:
        NotFoundError: there is no such file.
        CorruptError: the file holds no ledger, or an entry that counts was altered.
        UnavailableError: the file cannot be read.
    """
    return _folded(path, None, None).all()


def card_of(path: Path, agent: str, until: int | None = None) -> Card:
    """Return the card of one agent as of entry ``until``, from the file; errors as ``cards``."""
    return _folded(path, agent, until).card(agent)


def _folded(path: Path, agent: str | None, until: int | None) -> Cards:
    folded = Cards()
    with closing(open_reader(path)) as connection:
        folded.rebuild(connection, agent, until)
    return folded


def _rows(
    connection: sqlite3.Connection, agent: str | None, until: int | None
) -> Iterator[tuple[Any, ...]]:
    last, names = _BEFORE_ALL, json.dumps(sorted(ACTIONS))
    while rows := connection.execute(  # (3) in segments
        _SELECT, (last, names, agent, until, SEGMENT)
    ).fetchall():
        yield from rows
        last = rows[-1][0]


def _advanced(card: Card, seq: int, ts: str, content: Content) -> Card:
    try:
        payload: Mapping[str, Any] = read_payload(content.payload)
        tier = Tier[content.tier]
        fact = Fact(
            seq,
            ts,
            content.workflow_id,
            content.run_id,
            content.agent,
            tier,
            content.action,
            payload,
        )
        return advance(card, fact)
    except (ValueError, KeyError) as error:
        raise CorruptError(f"entry {seq} ({content.action}) is not ours: {error}") from error
