"""What a person is about to sign, and the signing of it.

The statement names everything the signature is good for; see ``dsl.rules.proofs.proof``. It ends
ten minutes from now at the latest, and its nonce makes it good for one time.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from dsl.rules.proofs.proof import Proof, encode, reason_digest, statement_of
from mandate.people.gates.rows import GateRow
from mandate.people.login.session import Session

LIFE_S: Final = 590  # less than PROOF_LIFE_S_MAX: clocks differ
_NONCE_BYTES: Final = 16


@dataclass(frozen=True, slots=True)
class Signed:
    """A proof as it is sent, and what makes it one of a kind."""

    word: str
    nonce: str


def about_vote(
    row: GateRow, *, workflow: str, run: str, decision: str, reason: str
) -> dict[str, Any]:
    """Return what a vote at the gate of ``row`` is about."""
    return {
        "workflow": workflow,
        "run": run,
        "gate": row.gate,
        "opening": row.opening,
        "escalated": row.escalated,
        "plan": row.plan,
        "inputs": row.inputs,
        "subject": row.subject_digest,
        "decision": decision,
        "reason": reason_digest(reason),
    }


async def sign(session: Session, purpose: str, about: Mapping[str, Any]) -> Signed:
    """Sign a statement with the key of whoever is logged in.

    Raises:
        integrations.errors.IntegrationError: Vault does not sign.
    """
    nonce = secrets.token_hex(_NONCE_BYTES)
    statement = statement_of(
        purpose,
        about,
        entity=session.login.entity,
        expires=int(time.time()) + LIFE_S,
        nonce=nonce,
    )
    unsigned = Proof(statement, "")
    signature = await session.person.sign(unsigned.message())
    return Signed(encode(Proof(statement, signature)), nonce)
