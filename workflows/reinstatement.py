"""Reinstatement: a revoked agent comes back at T0, when its tokens have run out and two consent.

See ``workflows.trust.trust_change`` for how. What is special:

1. Vault first, then Dragonfly, then the record: until all is done the ledger says that the agent
   is revoked, and doing it again is harmless.
2. Dragonfly is told once more when the ledger has it: a guard that was seeded in between, by what
   the ledger said before, would keep the agent out.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

from temporalio import workflow
from temporalio.common import RawValue

from dsl.shown.surfaces import Markdown

with workflow.unsafe.imports_passed_through():
    from activities.contracts import trust_specs as trust
    from dsl.actions import AGENT_REINSTATED
    from dsl.rules.run.reserved import reinstatement_id
    from dsl.rules.trust.grant import GrantError, decode
    from workflows.messages.inputs import Wanted, read_reinstatement
    from workflows.runtime import failures
    from workflows.runtime.failures import RefusedError
    from workflows.trust.trust_change import TrustChange


@workflow.defn(name=trust.REINSTATEMENT_WORKFLOW, sandboxed=False)  # docs/adr/0008
class Reinstatement(TrustChange):
    """Let one revoked agent come back."""

    kind: ClassVar[str] = trust.REINSTATE
    refused_as: ClassVar[str] = failures.REINSTATEMENT_REFUSED

    @workflow.run
    async def run(self, payload: RawValue = None) -> dict[str, Any]:  # type: ignore[assignment]  # must be exactly RawValue
        """Return the tier now, and where the ledger says why."""
        return await self.answering(self.decide(payload))

    def read(self, args: Sequence[Any]) -> Wanted:
        """See base class."""
        return read_reinstatement(args)

    def id_of(self, agent: str) -> str:
        """See base class."""
        return reinstatement_id(agent)

    def objections(self, standing: trust.AgentStanding, wanted: Wanted) -> tuple[str, ...]:
        """See base class; the ledger alone says who is revoked, and since when."""
        return ()

    async def apply(self, wanted: Wanted, granted: trust.Granted) -> dict[str, Any]:
        """See base class (1)."""
        try:
            epoch = decode(granted.grant)[0].epoch
        except GrantError as error:
            raise RefusedError(str(error)) from None
        changed = await trust.reinstate(
            trust.ApplyGrant(grant=granted.grant),
            activity_id="trust/reinstate#1",
            summary=Markdown.of("{} comes back at {}", wanted.agent, wanted.to.name),
        )
        await self._lift(wanted, granted, 1)
        self.records.note_of(
            wanted.agent,
            changed.now,
            AGENT_REINSTATED,
            epoch=epoch,
            now=changed.now.name,
            grant=granted.entry,
        )
        await self.records.flush("agent reinstated")
        # (2) once more: a guard may be seeded meanwhile
        lifted = await self._lift(wanted, granted, 2)
        return {
            "was": changed.was.name,
            "now": changed.now.name,
            "epoch": epoch,
            "lines": [line.model_dump(mode="json") for line in lifted.lines],
        }

    async def _lift(self, wanted: Wanted, granted: trust.Granted, number: int) -> trust.Braked:
        return await trust.lift_guard(
            trust.LiftRequest(grant=granted.grant),
            activity_id=f"trust/lift#{number}",
            summary=Markdown.of("tell dragonfly that {} is back", wanted.agent),
        )
