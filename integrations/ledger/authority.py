"""What the ledger says of agents and plans: a fold over its entries.

The ledger is the authority and Dragonfly a copy, so this is what an emptied Dragonfly is
seeded from. The rules:

1. The floor of an agent's fences is the highest one on the ledger.
2. The highest epoch rules. Where a revocation and a reinstatement have the same epoch, the
   revocation wins, whatever their order.
3. What an agent is bound to is what was recorded first, until a rebinding is. A plan keeps
   everybody who has vouched for it, the first ones first, up to ``AUTHORS_MAX``: vouching again
   does not make an author a stranger.
4. An entry that should move the fold and cannot be read is refused when it is appended; one
   that stands on the ledger all the same means that the file was altered.
5. When rebuilt, an entry counts only if it still hashes to what was recorded with it.
6. An error counts once, as it was told first. Of each agent the newest are kept, as many as the
   largest error budget allows.
7. Of what people have ordered of a circuit the order that was given last holds, in whichever
   sequence they were recorded. Before it is carried out it holds nothing; but the last of proven
   persons to hold it open is known, until that or a later one is carried out.
"""

from __future__ import annotations

import json
import sqlite3
from dataclasses import dataclass, replace
from typing import Final

from dsl.rules.health.orders import holds_open
from dsl.rules.trust.admission import Binding
from integrations.errors import CorruptError
from integrations.ledger.entries import Content, is_sound, read_payload
from integrations.ledger.errors import sqlite_faults
from integrations.ledger.events.budgets import newest
from integrations.ledger.events.reading import (
    READ,
    Bound,
    Counted,
    Event,
    Granted,
    Marked,
    Ordered,
    Rebound,
    Registration,
    read_event,
)

AUTHORS_MAX: Final = 20

_SELECT: Final = (
    "SELECT seq, ts, prev_hash, hash, idempotency_key, workflow_id, run_id, agent, tier, action, "
    "payload FROM ledger WHERE action IN (SELECT value FROM json_each(?)) ORDER BY seq"
)


@dataclass(frozen=True, slots=True)
class Authority:
    """The terms on which an agent may hold anything."""

    fence: int = 0  # floor: every fence granted from now on is above it
    epoch: int = 0  # milliseconds since 1970 of the last revocation or reinstatement; 0 for none
    revoked: bool = False
    binding: Binding | None = None  # None: never registered
    errors: tuple[tuple[str, int], ...] = ()  # the newest, for budgets: ids, when they were made


class Fold:
    """The present state of all agents and plans; written by one thread, read by any."""

    def __init__(self) -> None:
        self._agents: dict[str, Authority] = {}
        self._plans: dict[str, tuple[Registration, ...]] = {}
        self._orders: dict[str, Ordered] = {}
        self._awaited: dict[str, Ordered] = {}

    def authority(self, agent: str) -> Authority:
        """Return what stands on the ledger about ``agent``; all zeros when nothing does."""
        return self._agents.get(agent, Authority())

    def registrations(self, digest: str) -> tuple[Registration, ...]:
        """Return who vouched for the plan, the first one first; empty when nobody did."""
        return self._plans.get(digest, ())

    def orders(self) -> tuple[Ordered, ...]:
        """Return the order that holds for each circuit that was ever ordered about (7)."""
        return tuple(self._orders.values())

    def standing(self, circuit: str) -> Ordered | None:
        """Return whose order nobody may pass over by a claim, carried out or not (7)."""
        done, awaited = self._orders.get(circuit), self._awaited.get(circuit)
        if awaited is None or (done is not None and done.given_ms >= awaited.given_ms):
            return done
        return awaited

    def apply(self, event: Event) -> None:
        """Take in one entry; harmless when repeated."""
        if isinstance(event, Ordered):
            orders = self._orders if event.is_done else self._awaited
            known_order = orders.get(event.circuit)
            is_last = known_order is None or known_order.given_ms < event.given_ms
            holds = event.is_done or holds_open(event.order, is_proven=event.is_proven)
            if is_last and holds:  # (7) given last
                orders[event.circuit] = event
        elif isinstance(event, Registration):
            known = self._plans.get(event.digest, ())
            if len(known) < AUTHORS_MAX and event.entity not in {each.entity for each in known}:
                self._plans[event.digest] = (*known, event)  # (3) it keeps everybody who vouched
        else:
            self._agents[event.agent] = _advance(self.authority(event.agent), event)

    def rebuild(self, connection: sqlite3.Connection) -> None:
        """Take in every entry of the ledger.

        Raises:
            CorruptError: an entry that matters here was altered (4, 5).
        """
        with sqlite_faults("read the ledger"):
            for row in connection.execute(_SELECT, (json.dumps(sorted(READ)),)):
                seq, ts, prev, digest, *columns = row
                content = Content(*columns)
                # (5) as recorded, or it does not count
                if not is_sound(seq, ts, content, prev, digest):
                    raise CorruptError(f"entry {seq} was altered: verify the ledger")
                self._take(seq, content)

    def _take(self, seq: int, content: Content) -> None:
        try:
            event = read_event(content.agent, content.action, read_payload(content.payload))
        except ValueError as error:
            raise CorruptError(f"entry {seq} ({content.action}) is not ours: {error}") from error
        if event is not None:
            self.apply(event)


def _advance(
    authority: Authority, event: Granted | Marked | Bound | Rebound | Counted
) -> Authority:
    match event:
        case Granted():
            # (1) the highest one
            return replace(authority, fence=max(authority.fence, event.fence))
        case Marked():
            # (2) a revocation wins a tie
            if (event.epoch, event.revoked) <= (authority.epoch, authority.revoked):
                return authority
            return replace(authority, epoch=event.epoch, revoked=event.revoked)
        case Bound():
            # (3) what was recorded first
            return replace(authority, binding=authority.binding or event.binding)
        case Rebound():
            return replace(authority, binding=event.binding)  # (3) until a rebinding
        case Counted():
            return replace(authority, errors=newest(authority.errors, event.errors))  # (6) once
