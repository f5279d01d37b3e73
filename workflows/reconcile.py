"""Reconcile: have the runs that have ended compared with the ledger. A schedule starts it.

1. It decides nothing: what agrees and what does not is for the ledger's worker to say.
2. It goes on where the one before it has ended, which the server tells it; the first begins with
   all that there is.
3. A run in dispute is put on the ledger, once for each time it was seen: who reads the ledger reads
   that as well.
4. It takes no input; whoever sends one is told so.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from temporalio import workflow
from temporalio.common import RawValue

from dsl.shown.surfaces import Markdown

with workflow.unsafe.imports_passed_through():
    from activities.contracts import attestation_specs as contract
    from activities.contracts import messages, specs
    from dsl import actions
    from dsl.core import Tier
    from workflows.ledger.facts import fact
    from workflows.runtime import failures


@workflow.defn(name=contract.RECONCILE_WORKFLOW, sandboxed=False)  # docs/adr/0008
class Reconcile:
    """One look."""

    @workflow.run
    async def run(self, payload: RawValue = None) -> dict[str, Any]:  # type: ignore[assignment]  # must be exactly RawValue
        """Return what was compared, and what is in dispute."""
        _refuse_input(payload)
        found = await contract.reconcile(
            contract.ReconcileRequest(since_ms=_since_ms()),
            activity_id="reconcile/reconcile#1",
            summary=Markdown("do histories and ledger agree?"),
        )
        if found.disputed:
            await specs.record(
                messages.RecordRequest(entries=tuple(map(_entry, found.disputed))),
                activity_id="reconcile/ledger#1",
                summary=Markdown.of("ledger: {} runs in dispute", len(found.disputed)),
            )
            said = [Markdown.of("- {}: {}", each.workflow, each.first) for each in found.disputed]
            workflow.set_current_details(Markdown.joined("\n", said))
        return found.model_dump(mode="json")


def _refuse_input(payload: RawValue | None) -> None:
    if payload is not None:  # (4) it takes none
        raise failures.invalid("a reconciliation takes no input: leave it out")


def _since_ms() -> int:
    """Return where the look before has ended (2); 0 where nothing of it can be read."""
    last = workflow.get_last_completion_result()
    since = last.get("until_ms") if isinstance(last, Mapping) else None
    return since if isinstance(since, int) and since > 0 else 0


def _entry(dispute: contract.Dispute) -> messages.EntryDraft:
    payload = fact(dispute.model_dump(mode="json"))
    return messages.EntryDraft(
        action=actions.RUN_DISPUTED, agent="-", tier=Tier.T0, payload=payload
    )
