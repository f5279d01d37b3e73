"""Plans that somebody vouches for, as the T3 worker finds them out for itself.

1. A plan is found by its digest, and the digest is that of its own canonical text: what is stored
   under it cannot be another plan. It is hashed again, as text and as what was read of it.
2. Somebody vouches for it: a member of the authors' group, by a proof over digest, name and
   version; or the installation itself, where its settings say so and its own catalogue holds the
   very same plan.
3. Who vouched once has vouched; how old the proof is does not matter. Who is disabled by now
   vouches for nothing.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from pydantic import ValidationError

from activities.proofs.verifier import ProofVerifier
from dsl.catalogue import Catalogue, UnknownPipelineError
from dsl.errors import DslError
from dsl.plan import Plan
from dsl.rules.proofs.proof import PLAN
from integrations.artifacts.store import Artifacts
from integrations.errors import CorruptError, DeniedError, NotFoundError
from integrations.vault.signing.voters import Voter

AUTHORS_HEARD_MAX: Final = 20


@dataclass(frozen=True, slots=True)
class RegisteredPlan:
    """A plan, and the people who vouch for it; nobody: the installation does."""

    plan: Plan
    digest: str
    authors: tuple[Voter, ...]


class RegisteredPlans:
    """Finds plans by digest, and asks who vouches for them."""

    def __init__(
        self,
        artifacts: Artifacts,
        verifier: ProofVerifier,
        catalogue: Catalogue | None,
        group: str,
    ) -> None:
        """Prepare it.

        Args:
            artifacts: where plans are found by digest.
            verifier: of the proofs of authors.
            catalogue: the one the installation vouches for, None if it does not.
            group: of which authors are members.
        """
        self._artifacts = artifacts
        self._verifier = verifier
        self._catalogue = catalogue
        self._group = group

    async def find(self, digest: str, proofs: Sequence[str]) -> RegisteredPlan:
        """Return the plan of that digest.

        Raises:
            DeniedError: there is none, or nobody vouches for it.
            UnavailableError: Vault or the artefact store does not answer.
        """
        plan = await asyncio.to_thread(self._read, digest)  # (1) hashed again
        authors, refusal = await self._authors(plan, digest, proofs)
        if not authors and not await asyncio.to_thread(self._is_ours, plan, digest):
            why = f" ({refusal})" if refusal else ""
            raise DeniedError(
                f"nobody vouches for plan {digest}{why}: T3 and T4 need a registered plan, "
                "register it: mandate register FILE"
            )
        return RegisteredPlan(plan, digest, authors)

    def _read(self, digest: str) -> Plan:
        try:
            plan = Plan.model_validate_json(self._artifacts.get(digest))
        except NotFoundError:
            raise DeniedError(
                f"the artefact store has no plan {digest}: start the pipeline again, which puts "
                "it there; workers of mandate and mandate-t3 share MANDATE_ARTIFACTS"
            ) from None
        except (ValidationError, ValueError):
            raise DeniedError(f"what the artefact store holds as {digest} is no plan") from None
        if plan.digest() != digest:
            raise CorruptError(f"plan {digest} does not read back as what was stored")
        return plan

    async def _authors(
        self, plan: Plan, digest: str, proofs: Sequence[str]
    ) -> tuple[tuple[Voter, ...], str]:
        """Return everybody who vouches for it, and why the first of the others does not (2)."""
        about = {"plan": digest, "name": plan.name, "version": plan.version}
        authors: list[Voter] = []
        refusal = ""
        for proof in proofs[:AUTHORS_HEARD_MAX]:
            try:
                verified = await self._verifier.verify(
                    proof, PLAN, about, of_time=None, groups=(self._group,)
                )
            except DeniedError as error:  # (3) disabled by now, or no author
                refusal = refusal or str(error)
                continue
            author = verified.person
            if self._group in author.groups:
                authors.append(author)
            else:  # (2) of the authors' group
                refusal = refusal or f"{author.name!r} is not in group {self._group!r}"
        return tuple(authors), refusal

    def _is_ours(self, plan: Plan, digest: str) -> bool:
        if self._catalogue is None:
            return False
        try:
            return self._catalogue.load(plan.name).digest == digest
        except (UnknownPipelineError, DslError):
            return False
