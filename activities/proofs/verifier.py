"""Whose proof is this? Asked of Vault by the T3 worker itself, whatever a workflow says of it.

1. A proof is about exactly the matter at hand, made for exactly this purpose.
2. Its time is looked at where the matter has one: a vote and a start belong to a run, and no run
   lasts longer than its plan allows. A proof that could not have been made within that is refused.
3. The signature is checked with the key of the entity it names; then that entity is read. Whoever
   is disabled, unknown, or no person vouches for nothing. Nothing is remembered.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable, Mapping
from typing import Any

from dsl.rules.proofs.proof import (
    CLOCK_SKEW_S,
    PROOF_LIFE_S_MAX,
    Proof,
    ProofError,
    decode,
    refuse_matter,
)
from integrations.errors import DeniedError
from integrations.vault.signing.voters import Voter, Voters


class Witness:
    """Verifies proofs with the T3 worker's own login."""

    def __init__(self, voters: Voters) -> None:
        self._voters = voters

    async def hear(
        self,
        word: str,
        purpose: str,
        about: Mapping[str, Any],
        *,
        run_lasts_s: float | None,
        groups: Iterable[str] = (),
    ) -> Voter:
        """Return who has signed ``word`` about ``about``.

        Args:
            word: the proof as sent.
            purpose: one of ``dsl.rules.proofs.proof``.
            about: the matter it has to be about.
            run_lasts_s: how long the run may last that it belongs to; None: it does not age.
            groups: those of which membership matters.

        Raises:
            DeniedError: it is no proof of that, by nobody who may give one.
            UnavailableError: Vault does not answer.
        """
        proof = _read(word)
        refusal = refuse_matter(proof, purpose, about)  # (1)
        if refusal is None and run_lasts_s is not None:
            refusal = _refuse_age(proof, run_lasts_s, time.time())
        if refusal is not None:
            raise DeniedError(refusal)
        is_signed, voter = await asyncio.gather(  # (3): side by side, for a brake waits for it
            self._voters.verify(proof.entity, proof.message(), proof.signature),
            self._voters.read(proof.entity, groups),
        )
        if not is_signed:
            raise DeniedError("the signature is not made with the key of the person it names")
        if voter is None:
            raise DeniedError("the proof names a person whom vault does not know")
        if voter.disabled:
            raise DeniedError(f"{voter.name!r} is disabled in vault")
        return voter


def _read(word: str) -> Proof:
    try:
        return decode(word)
    except ProofError as error:
        raise DeniedError(str(error)) from None


def _refuse_age(proof: Proof, run_lasts_s: float, now: float) -> str | None:
    """Say why the proof cannot belong to a run that is under way (2)."""
    if now > proof.expires + run_lasts_s + CLOCK_SKEW_S:
        ago = int(now - proof.expires)
        return f"the proof expired {ago} s ago, and no run of this plan lasts as long"
    if proof.expires > now + PROOF_LIFE_S_MAX + CLOCK_SKEW_S:
        return f"the proof is good for more than {PROOF_LIFE_S_MAX} s, and none may be"
    return None
