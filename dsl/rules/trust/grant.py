"""A grant: the ledger's word that an agent may be raised, or may come back.

It is a statement over canonical JSON, signed with the key of the ledger's head after criteria and
votes were checked there. Nothing here knows a key: whoever applies a grant has the signature
checked. The rules:

1. A grant is for one kind of act, one agent, one entity, and one change of tier.
2. A promotion is one tier, and never beyond T4. T3 and T4 are not for agents of inline plans.
3. A reinstatement leads to T0, under an epoch of its own; nothing else has one.
4. It ends ``GRANT_LIFE_S_MAX`` after it was granted, and names the end. A clock may be
   ``CLOCK_SKEW_S`` off.
5. It names its place on the ledger: whoever applies grants takes no earlier one than the last.
6. A rebinding raises nobody, keeps T2 at most, and names what the agent is bound to by digest;
   nothing else names that.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from dsl.core import Tier
from dsl.rules.proofs.proof import CLOCK_SKEW_S, ENTITY_PATTERN
from dsl.rules.proofs.signed import SignedError, read_word, word_of
from dsl.rules.trust.admission import is_inline
from dsl.rules.trust.rebinding import KEPT_MAX
from dsl.values.agent_ids import is_agent_identity
from dsl.values.canonical import DIGEST_PATTERN, INTEGER_MAX, canonical

GRANT: Final = "mandate/grant/1"
PROMOTE: Final = "promote"
REINSTATE: Final = "reinstate"
REBIND: Final = "rebind"
KINDS: Final = (PROMOTE, REINSTATE, REBIND)
GRANT_LIFE_S_MAX: Final = 600
GRANT_LENGTH_MAX: Final = 4_096  # characters

_ENTITY: Final = re.compile(ENTITY_PATTERN)
_DIGEST: Final = re.compile(DIGEST_PATTERN)
_NUMBERS: Final = ("was", "now", "entry", "granted", "expires", "epoch")
_FIELDS: Final = frozenset({"purpose", "kind", "agent", "entity", *_NUMBERS})


class GrantError(ValueError):
    """What was sent is no grant; one sentence, which quotes nothing of it."""


@dataclass(frozen=True, slots=True)
class Grant:
    """One change of one agent that was granted (1)."""

    kind: str
    agent: str
    entity: str
    was: Tier
    now: Tier
    entry: int  # its place on the ledger (5)
    granted: int  # ms since 1970
    expires: int  # s since 1970
    epoch: int = 0
    binding: str = ""  # digest of what the agent is bound to from now on (6)

    def message(self) -> bytes:
        """Return the bytes that are signed."""
        return canonical(_statement(self)).encode()


def encode(grant: Grant, signature: str) -> str:
    """Return the grant as one word."""
    return word_of(_statement(grant), signature)


def decode(word: str) -> tuple[Grant, str]:
    """Return the grant in ``word``, and its signature, which is not checked here.

    Raises:
        GrantError: there is none.
    """
    try:
        statement, signature = read_word(word, "grant", GRANT_LENGTH_MAX)
    except SignedError as error:
        raise GrantError(str(error)) from None
    if set(statement) != _fields_of(statement.get("kind")) or statement["purpose"] != GRANT:
        raise GrantError("the grant states nothing that is known here: is it of another release?")
    if not _is_of_somebody(statement) or statement["kind"] not in KINDS:
        raise GrantError("the grant names no kind, agent or entity that can be one")
    if not _has_numbers(statement):
        raise GrantError("the grant names no tier, place or time that can be one")
    tiers = {name: Tier(statement[name]) for name in ("was", "now")}
    fields: dict[str, Any] = {**statement, **tiers}
    del fields["purpose"]
    return Grant(**fields), signature


def refuse(grant: Grant, *, kind: str, now_s: float) -> str | None:
    """Say why the grant is not good for an act of ``kind`` at ``now_s``; None when it is."""
    if grant.kind != kind:
        return f"the grant is to {grant.kind}, not to {kind}"
    return _OBJECTIONS[kind](grant) or _refuse_others(grant) or _refuse_time(grant, now_s)


def _refuse_promotion(grant: Grant) -> str | None:  # (2) one tier, within T4
    if grant.now != grant.was + 1:
        return f"the grant leads from {grant.was.name} to {grant.now.name}: one tier at a time"
    if grant.now >= Tier.T3 and is_inline(grant.agent):
        return f"the agent is of an inline plan, and {grant.now.name} needs a registered one"
    return None


def _refuse_reinstatement(grant: Grant) -> str | None:  # (3) T0, under its own epoch
    if grant.now is not Tier.T0:
        return f"the grant leads back to {grant.now.name}: whoever was revoked comes back at T0"
    if grant.epoch == 0:
        return "the grant is of a reinstatement and names no epoch"
    return None


def _refuse_rebinding(grant: Grant) -> str | None:  # (6) it raises nobody
    if grant.now > min(grant.was, KEPT_MAX):
        return (
            f"the grant leads from {grant.was.name} to {grant.now.name}: a rebinding raises nobody"
        )
    if _DIGEST.fullmatch(grant.binding) is None:
        return "the grant is of a rebinding and does not say to what"
    return None


def _refuse_others(grant: Grant) -> str | None:
    if grant.epoch and grant.kind != REINSTATE:  # (3) nothing else has an epoch
        return f"the grant is to {grant.kind} and names an epoch"
    return None


def _refuse_time(grant: Grant, now_s: float) -> str | None:  # (4) it names its end
    if grant.expires > grant.granted // 1000 + GRANT_LIFE_S_MAX:
        return f"the grant is good for more than {GRANT_LIFE_S_MAX} s"
    if now_s > grant.expires + CLOCK_SKEW_S:
        return f"the grant expired {int(now_s - grant.expires)} s ago: ask for another"
    if grant.granted > (now_s + CLOCK_SKEW_S) * 1000:
        return "the grant was given in the future: compare the clocks"
    return None


def _statement(grant: Grant) -> dict[str, Any]:
    return {
        "purpose": GRANT,
        "kind": grant.kind,
        "agent": grant.agent,
        "entity": grant.entity,
        "was": int(grant.was),
        "now": int(grant.now),
        "entry": grant.entry,
        "granted": grant.granted,
        "expires": grant.expires,
        "epoch": grant.epoch,
        **({"binding": grant.binding} if grant.kind == REBIND else {}),
    }


def _fields_of(kind: Any) -> frozenset[str]:
    return _FIELDS | {"binding"} if kind == REBIND else _FIELDS  # (6) nothing else names a binding


def _is_of_somebody(statement: Mapping[str, Any]) -> bool:
    entity, kind = statement["entity"], statement["kind"]
    is_known = isinstance(entity, str) and _ENTITY.fullmatch(entity) is not None
    is_known &= isinstance(statement.get("binding", ""), str)
    return is_known and isinstance(kind, str) and is_agent_identity(statement["agent"])


def _has_numbers(statement: Mapping[str, Any]) -> bool:
    numbers = [statement[name] for name in _NUMBERS]
    if not all(type(each) is int and 0 <= each <= INTEGER_MAX for each in numbers):
        return False
    return all(statement[name] in iter(Tier) for name in ("was", "now"))


_OBJECTIONS: Final[Mapping[str, Callable[[Grant], str | None]]] = {
    PROMOTE: _refuse_promotion,
    REINSTATE: _refuse_reinstatement,
    REBIND: _refuse_rebinding,
}
