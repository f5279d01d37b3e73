"""Promotion: one agent, one tier up, by evidence and with people's consent.

See ``workflows.trust.trust_change`` for how, and ``dsl/promotion.yaml`` for what has to hold.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

from temporalio import workflow
from temporalio.common import RawValue

from dsl.shown.surfaces import Markdown

with workflow.unsafe.imports_passed_through():
    from activities.contracts import trust_specs as trust
    from dsl.actions import AGENT_PROMOTED
    from dsl.rules.run.reserved import promotion_id
    from workflows.messages.inputs import Wanted, read_promotion
    from workflows.runtime import failures
    from workflows.trust.trust_change import TrustChange


@workflow.defn(name=trust.PROMOTION_WORKFLOW, sandboxed=False)  # docs/adr/0008
class Promotion(TrustChange):
    """Raise one agent by one tier."""

    kind: ClassVar[str] = trust.PROMOTE
    refused_as: ClassVar[str] = failures.PROMOTION_REFUSED

    @workflow.run
    async def run(self, payload: RawValue = None) -> dict[str, Any]:  # type: ignore[assignment]  # must be exactly RawValue
        """Return the tier before and now, and where the ledger says why."""
        return await self.answering(self.decide(payload))

    def read(self, args: Sequence[Any]) -> Wanted:
        """See base class."""
        return read_promotion(args)

    def id_of(self, agent: str) -> str:
        """See base class."""
        return promotion_id(agent)

    def objections(self, standing: trust.AgentStanding, wanted: Wanted) -> tuple[str, ...]:
        """See base class."""
        if standing.disabled:
            return (f"agent {wanted.agent!r} is revoked: reinstate it first",)
        return ()

    async def apply(self, wanted: Wanted, granted: trust.Granted) -> dict[str, Any]:
        """See base class."""
        changed = await trust.promote(
            trust.ApplyGrant(grant=granted.grant),
            activity_id="trust/promote#1",
            summary=Markdown.of("{} to {}", wanted.agent, wanted.to.name),
        )
        self.records.note_of(
            wanted.agent,
            changed.now,
            AGENT_PROMOTED,
            was=changed.was.name,
            now=changed.now.name,
            grant=granted.entry,
        )
        await self.records.flush("agent promoted")
        return {"was": changed.was.name, "now": changed.now.name}
