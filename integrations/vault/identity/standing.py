"""How an agent stands in Vault, read and written as a whole: the metadata of its entity.

1. Vault replaces the whole map. So everything that belongs there is written each time: tier and
   zones, binding, the place of the last grant, the last lowerings. What does not belong is gone.
2. What was written is read back, and whatever differs is an error.
3. Vault compares nothing before it writes. Two changes of one agent never overlap in a process,
   also when the caller of one is cancelled: its thread goes on, and keeps the turn until it ends.
   Between two processes they may: the later write wins, and its reader does not see it. Raising
   and lowering at the same millisecond can so lose the lowering. Run one worker of the trust
   queue; the ledger names both changes in any case, and a second violation lowers again.
4. Values hold no '/', '*' or '+', which would break every request of that entity.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final, TypeVar
from weakref import WeakValueDictionary

import hvac

from dsl.core import Tier
from integrations.errors import CorruptError, DeniedError, NotFoundError, UnavailableError
from integrations.vault import naming
from integrations.vault.client import Identity, Vault
from integrations.vault.identity import tiers
from integrations.vault.identity.registry import BINDING_FIELDS, entity_path, known_of, read_entity
from integrations.vault.transport import REPLY_S

T = TypeVar("T")

LOWERINGS_MAX: Final = 8  # remembered, so that a retry lowers nothing twice
NO_GRANT: Final = -1
_GRANT: Final = "grant"
_LOWERED: Final = "lowered"
_PLACE: Final = re.compile(r"[0-9]{1,18}")
_LOWERING: Final = re.compile(r"(?P<key>[0-9a-f]{12})\.(?P<was>T[0-4])")

# Weak: a turn is as old as the changes that wait for it (3).
_turns: WeakValueDictionary[str, threading.Lock] = WeakValueDictionary()


@dataclass(frozen=True, slots=True)
class Held:
    """An agent as Vault holds it now."""

    entity_id: str
    tier: Tier
    disabled: bool
    metadata: Mapping[str, str]
    grant: int  # place on the ledger of the last grant that was applied, or ``NO_GRANT``
    lowered: Mapping[str, Tier]  # what it was lowered from, by the key of the lowering


@dataclass(frozen=True, slots=True)
class Change:
    """What became of a tier; ``changed`` is False where it was so before."""

    was: Tier
    now: Tier
    changed: bool


async def read_standing(vault: Vault, login: Identity, agent: str) -> Held:
    """Return how the agent stands now.

    Raises:
        NotFoundError: it was never registered.
        CorruptError: somebody else has written its entity.
        DeniedError: we may not.
        UnavailableError: Vault does not answer.
    """
    name = naming.entity_name(agent)
    return await vault.run_as(login, lambda client: _held(client, agent, name))


async def change_standing(
    vault: Vault, login: Identity, agent: str, change: Callable[[hvac.Client, Held], T]
) -> T:
    """Return what ``change`` makes of how the agent stands, alone in this process (3).

    Raises:
        IntegrationError: as ``read_standing``, and what ``change`` raises.
    """
    name = naming.entity_name(agent)
    turn = _turns.setdefault(agent, threading.Lock())

    def ask(client: hvac.Client) -> T:
        if not turn.acquire(timeout=REPLY_S):
            raise UnavailableError(f"another change of agent {agent!r} has not ended yet")
        try:
            return change(client, _held(client, agent, name))
        finally:
            turn.release()

    return await vault.run_as(login, ask)


def write_standing(client: hvac.Client, agent: str, held: Held, *, enable: bool = False) -> None:
    """Write tier, grant and lowerings of ``held``, with the binding it has (1) (2).

    Args:
        client: of an identity that may.
        agent: its id.
        held: as read within this turn, with what is to change.
        enable: lift "disabled" by the same write.

    Raises:
        CorruptError: Vault holds something else afterwards.
    """
    name = naming.entity_name(agent)
    metadata = _metadata(held)
    order: dict[str, Any] = {"metadata": metadata}
    client.adapter.post(entity_path(name), json=order | ({"disabled": False} if enable else {}))
    expected = replace(held, metadata=metadata, disabled=held.disabled and not enable)
    found = _held(client, agent, name)
    if found != expected:
        raise CorruptError(
            f"agent {agent!r} was written as {_shown(expected)} and reads {_shown(found)}: "
            "somebody else changes it; look at vault's audit log"
        )


def refuse_other(agent: str, held: Held, entity_id: str) -> None:
    """Refuse a grant that is for another entity of that name.

    Raises:
        DeniedError: it is.
    """
    if held.entity_id != entity_id:
        raise DeniedError(
            f"the grant for agent {agent!r} is for entity {entity_id!r}, "
            f"vault holds {held.entity_id!r}: ask for a new one"
        )


def refuse_used(agent: str, held: Held, grant: int) -> None:
    """Refuse a grant that is not later than the last one applied.

    Raises:
        DeniedError: it is not.
    """
    if grant <= held.grant:
        raise DeniedError(
            f"grant {grant} for agent {agent!r} is used up: the last one applied is "
            f"{held.grant}; ask for a new one"
        )


def _held(client: hvac.Client, agent: str, name: str) -> Held:
    entity = read_entity(client, name)
    if entity is None:
        raise NotFoundError(f"agent {agent!r} is not registered")
    known = known_of(agent, entity)
    metadata = dict(entity["metadata"])
    grant = metadata.get(_GRANT, "")
    if grant and _PLACE.fullmatch(grant) is None:
        raise CorruptError(f"agent {agent!r}: expected {_GRANT!r} to be a place, got {grant!r}")
    return Held(
        entity_id=known.entity_id,
        tier=known.tier,
        disabled=known.disabled,
        metadata=metadata,
        grant=int(grant) if grant else NO_GRANT,
        lowered=_lowered(agent, metadata.get(_LOWERED, "")),
    )


def _lowered(agent: str, text: str) -> dict[str, Tier]:
    found = [_LOWERING.fullmatch(part) for part in text.split("-")] if text else []
    if not all(found):
        raise CorruptError(f"agent {agent!r}: {_LOWERED!r} holds what is no lowering: {text!r}")
    return {each["key"]: Tier[each["was"]] for each in found if each}


def _metadata(held: Held) -> dict[str, str]:
    binding = {key: held.metadata[key] for key in BINDING_FIELDS if key in held.metadata}
    last = list(held.lowered.items())[-LOWERINGS_MAX:]
    lowered = "-".join(f"{key}.{was.name}" for key, was in last)
    return {
        **tiers.zone_metadata(held.tier),
        **binding,
        **({} if held.grant == NO_GRANT else {_GRANT: str(held.grant)}),
        **({_LOWERED: lowered} if lowered else {}),
    }


def _shown(held: Held) -> str:
    return f"{held.tier.name}{' (disabled)' if held.disabled else ''} {dict(held.metadata)}"
