"""What a person signs, and whether what was signed is about the matter at hand.

A proof is a *statement* and the signature of one person's key over its canonical JSON. It names
everything it is good for, so it is harmless where it can be read and useless anywhere else.
Nothing here knows a key: whoever holds the statement has the signature checked. The rules:

1. A statement says for which purpose it was made. One made for a vote starts nothing.
2. It names its matter completely: what is asked of a vote, a start, a registration is listed in
   ``MATTERS``. One field that differs and the statement is about something else.
3. It ends: at most ``PROOF_LIFE_S_MAX`` after it was made, and it names the end. A clock may be
   ``CLOCK_SKEW_S`` off. A vote and a start belong to a run, and are looked at again as long as that
   may last: then only a proof that could not have been made within it is refused.
4. It has a nonce, so that whoever keeps the record can refuse to take it twice.
5. Reasons and inputs stand in it as digests: what was said can be proved, and need not be told.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from dsl.rules.proofs.signed import SignedError, read_word, word_of
from dsl.values.canonical import canonical, digest_of

VOTE: Final = "mandate/vote/1"
START: Final = "mandate/start/1"
PLAN: Final = "mandate/plan/1"
REVOKE: Final = "mandate/revoke/1"
REBIND: Final = "mandate/rebind/1"
CIRCUIT: Final = "mandate/circuit/1"
REVIEW: Final = "mandate/review/1"
# A vote that Slack or GitHub says somebody's account has given: whoever serves that door signs it,
# and not the person. It is about all that a vote is about.
VOUCHED: Final = "mandate/vouched/1"
# How it is known whose word an order is, as it is recorded.
CLAIMED: Final = "claimed"
PROVEN: Final = "proven"
_OF_VOTES: Final = (
    *("workflow", "run", "gate", "opening", "escalated"),
    *("plan", "inputs", "subject", "decision", "reason"),
)

# What a statement of each purpose is about (2), beside who signed it and until when.
MATTERS: Final[Mapping[str, tuple[str, ...]]] = {
    VOTE: _OF_VOTES,
    VOUCHED: (*_OF_VOTES, "door", "account"),
    START: ("workflow", "plan", "inputs"),
    PLAN: ("plan", "name", "version"),
    REVOKE: ("agent", "reason"),
    REBIND: ("agent", "pipeline", "template", "program", "reason"),
    CIRCUIT: ("circuit", "order", "reason"),
    REVIEW: ("suggestion", "outcome", "reason"),
}
PROOF_LIFE_S_MAX: Final = 600
CLOCK_SKEW_S: Final = 30
PROOF_LENGTH_MAX: Final = 8_192  # characters
ENTITY_PATTERN: Final = r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"
NONCE_PATTERN: Final = r"[0-9a-f]{32}"
_SHOWN_MAX: Final = 80  # characters of a value in a refusal

_ENTITY = re.compile(ENTITY_PATTERN)
_NONCE = re.compile(NONCE_PATTERN)


class ProofError(ValueError):
    """What was sent is no proof; one sentence, which quotes nothing of it."""


@dataclass(frozen=True, slots=True)
class Proof:
    """A statement and its signature, as sent; nothing of it is checked but its shape."""

    statement: Mapping[str, Any]
    signature: str  # as Vault writes it, vault:v<key version>:<base64>; or a door

    @property
    def purpose(self) -> str:
        """What it was made for."""
        return str(self.statement["purpose"])

    @property
    def entity(self) -> str:
        """Who says to have signed it: the Vault entity whose key must fit."""
        return str(self.statement["entity"])

    @property
    def nonce(self) -> str:
        """What makes it one of a kind."""
        return str(self.statement["nonce"])

    @property
    def expires(self) -> int:
        """When it ends, in seconds since 1970."""
        return int(self.statement["expires"])

    def matter(self) -> dict[str, Any]:
        """What it is about (2)."""
        return {name: self.statement[name] for name in MATTERS[self.purpose]}

    def message(self) -> bytes:
        """Return the bytes that were signed."""
        return canonical(dict(self.statement)).encode()


def statement_of(
    purpose: str, about: Mapping[str, Any], *, entity: str, expires: int, nonce: str
) -> dict[str, Any]:
    """Return what is to be signed.

    Raises:
        ValueError: ``about`` is not exactly what a statement of that purpose is about.
    """
    if set(about) != set(MATTERS[purpose]):
        raise ValueError(f"{purpose}: expected {sorted(MATTERS[purpose])}, got {sorted(about)}")
    ends = {"entity": entity, "expires": expires, "nonce": nonce}
    return {"purpose": purpose, **about, **ends}


def encode(proof: Proof) -> str:
    """Return the proof as one word that fits any shell, form and JSON."""
    return word_of(proof.statement, proof.signature)


def decode(word: str) -> Proof:
    """Return the proof in ``word``.

    Raises:
        ProofError: there is none.
    """
    try:
        statement, signature = read_word(word, "proof", PROOF_LENGTH_MAX)
    except SignedError as error:
        raise ProofError(str(error)) from None
    matter = MATTERS.get(str(statement.get("purpose")))
    if matter is None or set(statement) != {*matter, "purpose", "entity", "expires", "nonce"}:
        raise ProofError("the proof states nothing that is known here: is it of another release?")
    if not _is_signed_by_somebody(statement):
        raise ProofError("the proof names no entity, end or nonce that can be one")
    try:
        _refuse_nesting(statement)
        canonical(statement)
    except ValueError:
        raise ProofError("the statement of the proof has no canonical form") from None
    return Proof(statement, signature)


def _refuse_nesting(statement: Mapping[str, Any]) -> None:
    """Refuse anything but plain words and numbers: only those can be compared and shown."""
    if not all(isinstance(value, str | int) for value in statement.values()):
        raise ValueError("a statement holds words and numbers")


def _is_signed_by_somebody(statement: Mapping[str, Any]) -> bool:
    entity, nonce, expires = (statement[name] for name in ("entity", "nonce", "expires"))
    return (
        isinstance(entity, str)
        and _ENTITY.fullmatch(entity) is not None
        and isinstance(nonce, str)
        and _NONCE.fullmatch(nonce) is not None
        and type(expires) is int
    )


def refuse_matter(proof: Proof, purpose: str, about: Mapping[str, Any]) -> str | None:
    """Say what else the proof is about than ``about``; None when it is that (1) (2)."""
    if proof.purpose != purpose:
        return f"the proof was made for {_shown(proof.purpose)}, not for {purpose}"
    for name in MATTERS[purpose]:
        found, expected = proof.statement[name], about[name]
        # JSON tells 1 from true, and so does whoever signed it.
        if type(found) is not type(expected) or found != expected:
            return f"the proof is for {name} {_shown(found)}, and this is {_shown(expected)}"
    return None


def refuse_time(proof: Proof, now: float) -> str | None:
    """Say why the proof is not good at ``now``, seconds since 1970; None when it is (3)."""
    if now > proof.expires + CLOCK_SKEW_S:
        return f"the proof expired {int(now - proof.expires)} s ago: make it anew"
    if proof.expires > now + PROOF_LIFE_S_MAX + CLOCK_SKEW_S:
        return f"the proof is good for more than {PROOF_LIFE_S_MAX} s: make it anew"
    return None


def refuse_age(proof: Proof, run_lasts_s: float, now: float) -> str | None:
    """Say why the proof cannot belong to a run that is under way ``now``; None when it can (3)."""
    if now > proof.expires + run_lasts_s + CLOCK_SKEW_S:
        ago = int(now - proof.expires)
        return f"the proof expired {ago} s ago, and no run of this plan lasts as long"
    if proof.expires > now + PROOF_LIFE_S_MAX + CLOCK_SKEW_S:
        return f"the proof is good for more than {PROOF_LIFE_S_MAX} s, and none may be"
    return None


def reason_digest(reason: str) -> str:
    """Return what stands in a statement for ``reason`` (5)."""
    return digest_of(reason)


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= _SHOWN_MAX else f"{text[:_SHOWN_MAX]}…"
