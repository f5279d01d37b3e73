"""Whose proof is this, and is it good for the matter at hand? Verified here and nowhere else.

Each worker asks Vault with its own login, whatever a workflow says of the proof. In this order;
every refusal is one sentence:

1. The proof is about exactly the matter at hand, made for exactly this purpose.
2. It is of the right time, as a rule of ``dsl.rules.proofs.proof`` or of the caller says: what is
   decided now takes a proof that was good when it came, a stage of a run that waits for days one
   that was good in that run.
3. The signature is made with the key of the entity it names, or, where a door vouches for an
   account, with the key of the door; and that entity is a person whom
   Vault knows and has not disabled. Nothing is remembered. Vault away: no answer.
4. Whether it was used before is for the ledger to say: a proof is recorded under ``Verified.key``,
   and the same key with other content is refused there. Who verifies a second time, because it
   trusts nobody who did before, records nothing.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from temporalio import activity

from dsl.rules.proofs.proof import VOUCHED, Proof, ProofError, decode, refuse_matter, refuse_time
from integrations.doors.key import DoorKey
from integrations.errors import DeniedError
from integrations.ledger.entries import entry_key
from integrations.vault.signing.voters import Voter, Voters

USED_BEFORE: Final = "the proof was used before: every proof is good for one time, make another"

TimeRule = Callable[[Proof], str | None]  # says why the proof is of the wrong time


class ProofRefusedError(DeniedError):
    """It is no proof of that, by nobody who may give one."""


@dataclass(frozen=True, slots=True)
class Verified:
    """The person who has signed, as Vault knows them now."""

    person: Voter
    nonce: str

    @property
    def key(self) -> str:
        """The key under which the ledger takes this proof once (4)."""
        return entry_key("proof", self.person.entity, self.nonce)


class ProofVerifier:
    """Verifies proofs with the login of one worker."""

    def __init__(self, voters: Voters, door: DoorKey | None = None) -> None:
        """Verify as ``voters`` may ask; ``door``: whose word is taken for accounts elsewhere."""
        self._voters = voters
        self._door = door

    async def verify(
        self,
        sent: str,
        purpose: str,
        about: Mapping[str, Any],
        *,
        of_time: TimeRule | None,
        groups: Iterable[str] = (),
    ) -> Verified:
        """Return who has signed ``sent`` about ``about``.

        Args:
            sent: the proof, as it came.
            purpose: one of ``dsl.rules.proofs.proof``.
            about: the matter it has to be about.
            of_time: says why it is of the wrong time; None: it does not age.
            groups: those of which membership matters.

        Raises:
            ProofRefusedError: it is no proof of that.
            DeniedError: Vault does not let us ask.
            UnavailableError: Vault does not answer.
        """
        try:
            proof = decode(sent)
        except ProofError as error:
            raise ProofRefusedError(str(error)) from None
        refusal = refuse_matter(proof, purpose, about)  # (1) about this matter
        if refusal is None and of_time is not None:
            refusal = of_time(proof)  # (2) of the right time
        if refusal is not None:
            raise ProofRefusedError(refusal)
        return Verified(await self._person(proof, groups), proof.nonce)

    async def _person(self, proof: Proof, groups: Iterable[str]) -> Voter:
        is_signed, voter = await asyncio.gather(  # (3) side by side: a brake waits for it
            self._signed(proof),
            self._voters.read(proof.entity, groups),
        )
        if not is_signed:
            whose = "the door" if proof.purpose == VOUCHED else "the person it names"
            raise ProofRefusedError(f"the signature is not made with the key of {whose}")
        if voter is None:
            raise ProofRefusedError("the proof names a person whom vault does not know")
        if voter.disabled:
            raise ProofRefusedError(f"{voter.name!r} is disabled in vault")
        return voter

    async def _signed(self, proof: Proof) -> bool:
        if proof.purpose != VOUCHED:
            return await self._voters.verify(proof.entity, proof.message(), proof.signature)
        if self._door is None:
            raise ProofRefusedError("no door is known here: name its key in MANDATE_DOOR_KEY_FILE")
        return await asyncio.to_thread(self._door.is_signed, proof.message(), proof.signature)


def good_when_it_came(proof: Proof) -> str | None:
    """Say why ``proof`` was not good when the asking activity was scheduled (2).

    It does not age while Vault or the ledger is away.
    """
    return refuse_time(proof, min(time.time(), activity.info().scheduled_time.timestamp()))
