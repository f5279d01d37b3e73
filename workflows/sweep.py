"""Sweep: end what agents were given for runs that are over. A schedule starts it.

1. It decides nothing: what is left behind is for the trust worker to say, which asks Vault and the
   engine itself.
2. What was ended is put on the ledger, by digest; where there was nothing, nothing is written.
3. It takes no input; whoever sends one is told so.
4. Ends that nobody could record are recorded as well; which, is for the ledger's worker to say. It
   waits for no Vault, and Vault waits for no ledger.
5. Looking gives up when the next sweep is due, so that they do not pile up while Vault is away.
   What was ended waits for the ledger as long as it takes, and holds up no other sweep.
"""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any, Final

from temporalio import workflow
from temporalio.common import RawValue

from dsl.shown.surfaces import Markdown

with workflow.unsafe.imports_passed_through():
    from activities.contracts import messages, specs, trust_specs
    from dsl.core import Tier
    from dsl.values.canonical import digest_of_bytes
    from workflows.ledger.facts import fact
    from workflows.runtime import failures

REVOKED: Final = "sweep.revoked"
_GIVE_UP: Final = timedelta(minutes=5)


@workflow.defn(name=trust_specs.SWEEP_WORKFLOW, sandboxed=False)  # docs/adr/0008
class Sweep:
    """One sweep."""

    @workflow.run
    async def run(self, payload: RawValue = None) -> dict[str, Any]:  # type: ignore[assignment]  # must be exactly RawValue
        """Return what was looked at and what was ended."""
        _refuse_input(payload)
        swept, closed = await asyncio.gather(_tokens(), _ends(), return_exceptions=True)
        if isinstance(swept, BaseException):
            raise swept
        if isinstance(closed, BaseException):
            raise closed
        return {**swept.model_dump(mode="json"), "ended": closed.ended}


async def _tokens() -> trust_specs.Swept:
    swept = await trust_specs.sweep(
        trust_specs.SweepRequest(),
        activity_id="sweep/sweep#1",
        summary=Markdown("what was left behind?"),
        give_up_after=_GIVE_UP,  # (5) the next one is due
    )
    if swept.revoked:
        await specs.record(
            messages.RecordRequest(entries=(_entry(swept.revoked),)),
            activity_id="sweep/ledger#1",
            summary=Markdown.of("ledger: {} tokens ended", len(swept.revoked)),
        )
    return swept


async def _ends() -> trust_specs.Closed:
    return await trust_specs.close_runs(
        trust_specs.CloseRequest(),
        activity_id="sweep/close#1",
        summary=Markdown("what has ended and could not say so?"),
        give_up_after=_GIVE_UP,  # (5) the next one is due
    )


def _refuse_input(payload: RawValue | None) -> None:
    if payload is not None:
        raise failures.invalid("a sweep takes no input: leave it out")  # (3) it takes none


def _entry(revoked: tuple[str, ...]) -> messages.EntryDraft:
    digests = [digest_of_bytes(accessor.encode()) for accessor in revoked]
    payload = fact({"count": len(revoked), "accessors": digests})  # (2) by digest
    return messages.EntryDraft(action=REVOKED, agent="-", tier=Tier.T0, payload=payload)
