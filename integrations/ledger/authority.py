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
6. Authority belongs to identities; an instance has none of its own.
7. An error counts once, as it was told first. Of each agent the newest are kept, as many as the
   largest error budget allows.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final, TypeAlias

from dsl.actions import (
    AGENT_ERRED,
    AGENT_REBOUND,
    AGENT_REGISTERED,
    AGENT_REINSTATED,
    AGENT_REVOKED,
)
from dsl.limits import ERROR_BUDGET_MAX
from dsl.rules.trust.admission import INSTANCE_SEPARATOR, Binding
from dsl.values.canonical import INTEGER_MAX
from integrations.errors import CorruptError
from integrations.ledger.entries import Content, is_sound, read_payload
from integrations.ledger.errors import sqlite_faults

LEASE_GRANTED: Final = "lease.granted"
PLAN_REGISTERED: Final = "plan.registered"
NO_AGENT: Final = "-"
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


@dataclass(frozen=True, slots=True)
class Registration:
    """A plan a proven person, or the installation itself, has vouched for."""

    digest: str
    name: str
    version: str
    author: str | None
    how: str
    entity: str = ""  # whose proof it is; empty: the installation itself vouches
    proof: str = ""


@dataclass(frozen=True, slots=True)
class Granted:
    """A lease was granted under this fence."""

    agent: str
    fence: int


@dataclass(frozen=True, slots=True)
class Marked:
    """The agent was revoked or reinstated."""

    agent: str
    epoch: int
    revoked: bool


@dataclass(frozen=True, slots=True)
class Bound:
    """The agent was seen for the first time."""

    agent: str
    binding: Binding


@dataclass(frozen=True, slots=True)
class Rebound:
    """The agent was bound to something else, by a grant."""

    agent: str
    binding: Binding


@dataclass(frozen=True, slots=True)
class Counted:
    """The agent has erred."""

    agent: str
    errors: tuple[tuple[str, int], ...]


Event: TypeAlias = Granted | Marked | Bound | Rebound | Counted | Registration


def read_event(agent: str, action: str, payload: Mapping[str, Any]) -> Event | None:
    """Return what an entry changes here, None when nothing.

    Raises:
        ValueError: the action is one of ours and its payload cannot be read (4).
    """
    reader = _READERS.get(action)
    return reader(agent, payload) if reader else None


class Fold:
    """The present state of all agents and plans; written by one thread, read by any."""

    def __init__(self) -> None:
        self._agents: dict[str, Authority] = {}
        self._plans: dict[str, tuple[Registration, ...]] = {}

    def authority(self, agent: str) -> Authority:
        """Return what stands on the ledger about ``agent``; all zeros when nothing does."""
        return self._agents.get(agent, Authority())

    def registrations(self, digest: str) -> tuple[Registration, ...]:
        """Return who vouched for the plan, the first one first; empty when nobody did."""
        return self._plans.get(digest, ())

    def apply(self, event: Event) -> None:
        """Take in one entry; harmless when repeated."""
        if isinstance(event, Registration):
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
            for row in connection.execute(_SELECT, (json.dumps(list(_READERS)),)):
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
            return replace(authority, errors=_newest(authority.errors, event.errors))  # (7) once


def _newest(
    known: tuple[tuple[str, int], ...], told: tuple[tuple[str, int], ...]
) -> tuple[tuple[str, int], ...]:
    found = dict(told) | dict(known)
    newest = sorted(found.items(), key=lambda each: (each[1], each[0]))[-ERROR_BUDGET_MAX:]
    return tuple(newest)


def _registered(agent: str, payload: Mapping[str, Any]) -> Bound:
    return Bound(_identity(agent), _binding(payload))


def _rebound(agent: str, payload: Mapping[str, Any]) -> Rebound:
    return Rebound(_identity(agent), _binding(payload))


def _binding(payload: Mapping[str, Any]) -> Binding:
    return Binding(
        pipeline=_text(payload, "pipeline"),
        template=_text(payload, "template"),
        program=_optional_text(payload, "program"),
    )


def _revoked(agent: str, payload: Mapping[str, Any]) -> Marked:
    return Marked(_identity(agent), _count(payload, "epoch"), revoked=True)


def _reinstated(agent: str, payload: Mapping[str, Any]) -> Marked:
    return Marked(_identity(agent), _count(payload, "epoch"), revoked=False)


def _granted(agent: str, payload: Mapping[str, Any]) -> Granted:
    return Granted(_identity(agent), _count(payload, "fence"))


def _erred(agent: str, payload: Mapping[str, Any]) -> Counted:
    errors = payload.get("errors")
    if not isinstance(errors, dict) or len(errors) > ERROR_BUDGET_MAX:
        raise ValueError(f"'errors' must be times by id, {ERROR_BUDGET_MAX} at most")
    return Counted(_identity(agent), tuple((each, _count(errors, each)) for each in errors))


def _plan(_agent: str, payload: Mapping[str, Any]) -> Registration:
    return Registration(
        digest=_text(payload, "digest"),
        name=_text(payload, "name"),
        version=_text(payload, "version"),
        author=_optional_text(payload, "author"),
        how=_text(payload, "how"),
        entity=_optional_text(payload, "entity") or "",
        proof=_optional_text(payload, "proof") or "",
    )


_READERS: Final[Mapping[str, Callable[[str, Mapping[str, Any]], Event]]] = {
    AGENT_REGISTERED: _registered,
    AGENT_REBOUND: _rebound,
    AGENT_REVOKED: _revoked,
    AGENT_REINSTATED: _reinstated,
    LEASE_GRANTED: _granted,
    AGENT_ERRED: _erred,
    PLAN_REGISTERED: _plan,
}


def _identity(agent: str) -> str:
    if agent == NO_AGENT or INSTANCE_SEPARATOR in agent:  # (6) an instance has none of its own
        raise ValueError(f"expected the identity of an agent, got {agent!r}")
    return agent


def _count(payload: Mapping[str, Any], name: str) -> int:
    value = payload.get(name)
    if type(value) is not int or not 0 <= value <= INTEGER_MAX:
        raise ValueError(f"{name!r} must be an integer from 0, got {value!r}")
    return value


def _text(payload: Mapping[str, Any], name: str) -> str:
    value = payload.get(name)
    if not isinstance(value, str) or not value:
        raise ValueError(f"{name!r} must be text, got {value!r}")
    return value


def _optional_text(payload: Mapping[str, Any], name: str) -> str | None:
    value = payload.get(name)
    if value is not None and not isinstance(value, str):
        raise ValueError(f"{name!r} must be text or null, got {value!r}")
    return value or None
