"""Attestation: have the ledger's worker put together and sign the evidence of a run that is over.

It decides nothing and is believed in nothing: what is signed is what the ledger's worker has found
itself, in the ledger and with the server.
"""

from __future__ import annotations

from typing import Any

from temporalio import workflow
from temporalio.common import RawValue
from temporalio.exceptions import ActivityError

from dsl.shown.surfaces import Markdown

with workflow.unsafe.imports_passed_through():
    from pydantic import ValidationError

    from activities.contracts import attestation_specs
    from activities.contracts.meant import MeantError
    from dsl.values.model_faults import fault_of
    from workflows.messages.inputs import MessageError, decode
    from workflows.runtime import failures

_USE = "use `mandate evidence export RUN -o FILE`"


@workflow.defn(name=attestation_specs.ATTESTATION_WORKFLOW, sandboxed=False)  # docs/adr/0008
class Attestation:
    """The evidence of one run."""

    @workflow.run
    async def run(self, payload: RawValue = None) -> dict[str, Any]:  # type: ignore[assignment]  # must be exactly RawValue
        """Return where the bundle lies, and what it covers."""
        try:
            wanted = attestation_specs.AttestRequest.model_validate(decode([payload]))
        except ValidationError as error:
            raise failures.invalid(f"{fault_of(error)}: {_USE}") from None
        except MessageError as error:
            raise failures.invalid(f"{error}: {_USE}") from None
        try:
            attested = await attestation_specs.attest(
                wanted,
                activity_id="attestation/attest#1",
                summary=Markdown.of("evidence of {}", wanted.workflow),
            )
        except ActivityError as error:
            kind, why = failures.cause_of(error)
            if kind == attestation_specs.UNKNOWN_RUN:
                raise MeantError(why, type=kind) from None
            raise failures.refused(why) from None
        return attested.model_dump(mode="json")
