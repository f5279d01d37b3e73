"""Registration: a person vouches for a plan, so that it may run under its own name.

1. What is registered is what the worker compiles from the document, not what the sender says of
   it: the proof must name that digest.
2. Who proves it is for ``ledger.prove``, which records it at once.
3. Registering again adds an author, and changes nothing else.
"""

from __future__ import annotations

from typing import Any

from temporalio import workflow
from temporalio.common import RawValue

from dsl.shown.surfaces import Markdown

with workflow.unsafe.imports_passed_through():
    from pydantic import Field, ValidationError

    from activities.contracts import messages, specs
    from dsl.core import Value
    from dsl.limits import DOCUMENT_BYTES_MAX
    from dsl.rules.proofs.proof import PLAN
    from workflows.messages.inputs import MessageError, decode
    from workflows.runtime import failures


class _RegistrationOrder(Value):
    document: str = Field(max_length=DOCUMENT_BYTES_MAX)
    proof: str


@workflow.defn(name=specs.REGISTRATION_WORKFLOW, sandboxed=False)  # docs/adr/0008
class Registration:
    """Register one plan."""

    @workflow.run
    async def run(self, payload: RawValue = None) -> dict[str, Any]:  # type: ignore[assignment]  # must be exactly RawValue
        """Return digest, author and place on the ledger."""
        order = _read(payload)
        compiled = await workflow.execute_local_activity(
            specs.COMPILE,
            messages.CompileRequest(source="document", text=order.document, registers=True),
            result_type=messages.CompileResult,
            start_to_close_timeout=specs.COMPILE_TIMEOUT,
            activity_id="registration/compile#1",
        )
        if compiled.plan is None:
            raise failures.invalid(compiled.problems)
        plan = compiled.plan
        before = await specs.record(
            messages.RecordRequest(entries=(), standing_of=compiled.digest),
            activity_id="registration/standing#1",
            summary=Markdown("is it registered already?"),
        )
        # (1) what we compiled, not what was said
        about = {"plan": compiled.digest, "name": plan.name, "version": plan.version}
        proven = await specs.prove(
            messages.ProveRequest(purpose=PLAN, about=about, proof=order.proof),
            activity_id="registration/prove#1",
            summary=Markdown.of("who vouches for {}?", plan.name),
        )
        if proven.refusal:
            raise failures.refused(proven.refusal)
        return {
            "digest": compiled.digest,
            "author": proven.name,
            "seq": proven.entry,
            "already": before.standing is not None and before.standing.registered,
        }


def _read(payload: RawValue) -> _RegistrationOrder:
    try:
        return _RegistrationOrder.model_validate(decode([payload]))
    except (MessageError, ValidationError):
        raise failures.invalid(
            'expected {"document": "<the pipeline as YAML>", "proof": "<of its author>"}: '
            "use `mandate register FILE`"
        ) from None
