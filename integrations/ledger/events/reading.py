"""What an entry changes of what the ledger says of agents, plans and circuits.

1. An entry of ours that cannot be read is an error: it is refused when it is appended, and where it
   stands all the same the file was altered.
2. Authority belongs to identities; an instance has none of its own.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final, TypeAlias

from dsl.actions import (
    AGENT_ERRED,
    AGENT_REBOUND,
    AGENT_REGISTERED,
    AGENT_REINSTATED,
    AGENT_REVOKED,
    CIRCUIT_CHANGED,
    CIRCUIT_ORDERED,
)
from dsl.limits import ERROR_BUDGET_MAX
from dsl.rules.health.breaker import CircuitOrder
from dsl.rules.proofs.proof import PROVEN
from dsl.rules.trust.admission import INSTANCE_SEPARATOR, Binding
from dsl.values.canonical import INTEGER_MAX

LEASE_GRANTED: Final = "lease.granted"
PLAN_REGISTERED: Final = "plan.registered"
NO_AGENT: Final = "-"


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


@dataclass(frozen=True, slots=True)
class Ordered:
    """A person has ordered something of a circuit."""

    circuit: str
    order: CircuitOrder
    given_ms: int
    by: str = ""
    how: str = ""  # how that is known
    is_done: bool = True  # False: it is on record, and not carried out yet

    @property
    def is_proven(self) -> bool:
        """Whether that was proven."""
        return self.how == PROVEN


Event: TypeAlias = Granted | Marked | Bound | Rebound | Counted | Registration | Ordered


def read_event(agent: str, action: str, payload: Mapping[str, Any]) -> Event | None:
    """Return what an entry changes here, None when nothing.

    Raises:
        ValueError: the action is one of ours and its payload cannot be read (1).
    """
    reader = _READERS.get(action)
    return reader(agent, payload) if reader else None


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


def _awaited(agent: str, payload: Mapping[str, Any]) -> Ordered | None:
    order = _ordered(agent, payload)
    return None if order is None else replace(order, is_done=False)


def _ordered(_agent: str, payload: Mapping[str, Any]) -> Ordered | None:
    if "given_ms" not in payload:  # recorded before orders were told again from here
        return None
    order = CircuitOrder(_text(payload, "order"))
    by, how = (_optional_text(payload, name) or "" for name in ("by", "how"))
    return Ordered(_text(payload, "circuit"), order, _count(payload, "given_ms"), by, how)


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


_READERS: Final[Mapping[str, Callable[[str, Mapping[str, Any]], Event | None]]] = {
    AGENT_REGISTERED: _registered,
    AGENT_REBOUND: _rebound,
    AGENT_REVOKED: _revoked,
    AGENT_REINSTATED: _reinstated,
    LEASE_GRANTED: _granted,
    AGENT_ERRED: _erred,
    CIRCUIT_ORDERED: _awaited,
    CIRCUIT_CHANGED: _ordered,
    PLAN_REGISTERED: _plan,
}


def _identity(agent: str) -> str:
    if agent == NO_AGENT or INSTANCE_SEPARATOR in agent:  # (2) an instance has none of its own
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


READ: Final = frozenset(_READERS)  # actions that change something here
