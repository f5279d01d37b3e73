"""Rebinding: an agent's program was released anew, and somebody vouches for that.

It decides nothing. ``ledger.prove`` says who vouches, ``ledger.rebind`` what may be done and signs
it, the trust worker does what is signed; ``dsl.rules.trust.rebinding`` says what trust survives.

1. The workflow id names the agent: two changes of one agent's binding at once cannot be.
2. A refusal changes nothing; the ledger's worker records what it refuses itself.
3. What follows a grant is done to its end, also when the run is cancelled meanwhile.
"""

from __future__ import annotations

from typing import Any, Final

from temporalio import workflow
from temporalio.common import RawValue
from temporalio.exceptions import ActivityError, ApplicationError

from dsl.shown.surfaces import Markdown

with workflow.unsafe.imports_passed_through():
    from pydantic import Field, ValidationError

    from activities.contracts import messages, specs
    from activities.contracts import trust_specs as trust
    from activities.contracts.meant import MeantError
    from dsl.actions import AGENT_REBOUND
    from dsl.core import Value
    from dsl.limits import REASON_LENGTH_MAX
    from dsl.rules.proofs.proof import REBIND, reason_digest
    from dsl.rules.run.reserved import rebinding_id
    from dsl.rules.trust.admission import Binding, unregistered
    from dsl.rules.trust.rebinding import binding_digest
    from dsl.values.agent_ids import refuse_agent_identity
    from dsl.values.model_faults import fault_of
    from workflows.ledger.ledger_buffer import LedgerBuffer
    from workflows.messages.inputs import MessageError, decode
    from workflows.runtime import failures
    from workflows.runtime.cancellation import shielded
    from workflows.runtime.failures import RefusedError

_USE: Final = "use `mandate agent rebind PIPELINE --reason TEXT`"
_WORD_MAX: Final = 256  # characters, as of what Vault keeps of a binding


class _RebindingOrder(Value):
    agent: str
    pipeline: str = Field(min_length=1, max_length=_WORD_MAX)
    template: str = Field(min_length=1, max_length=_WORD_MAX)
    program: str = Field(min_length=1, max_length=_WORD_MAX)
    reason: str = Field(min_length=1, max_length=REASON_LENGTH_MAX, pattern=r"\S")
    proof: str

    def binding(self) -> messages.Binding:
        return messages.Binding(
            pipeline=self.pipeline, template=self.template, program=self.program
        )


@workflow.defn(name=trust.REBINDING_WORKFLOW, sandboxed=False)  # docs/adr/0008
class Rebinding:
    """Bind one agent to something else."""

    def __init__(self) -> None:
        self._records = LedgerBuffer("trust")

    @workflow.run
    async def run(self, payload: RawValue = None) -> dict[str, Any]:  # type: ignore[assignment]  # must be exactly RawValue
        """Return the tier before and now, who vouched, and where the ledger says so."""
        try:
            order = _read(payload)
            await self._refuse_unfit(order)
            proven = await self._proven(order)
            granted = await self._granted(order, proven)
            changed = await shielded(self._apply(order, granted))  # (3) to its end, once granted
        except RefusedError as error:
            raise _refused(str(error)) from None
        except ActivityError as error:
            raise _refused(failures.cause_of(error)[1]) from None
        return {
            "agent": order.agent,
            "was": changed.was.name,
            "now": changed.now.name,
            "by": proven.name,
            "grant": granted.entry,
            "ledger": list(self._records.range or ()),
        }

    async def _refuse_unfit(self, order: _RebindingOrder) -> None:
        """Refuse at once what Vault alone has against it; the ledger is asked all the same."""
        standing = await trust.inspect(
            trust.AgentName(agent=order.agent),
            activity_id="trust/inspect#1",
            summary=Markdown.of("how does {} stand in vault?", order.agent),
        )
        if not standing.known:
            raise RefusedError(f"{unregistered(order.agent)}: it is bound when it first runs")
        if standing.disabled:
            raise RefusedError(f"agent {order.agent!r} is revoked: reinstate it first")

    async def _proven(self, order: _RebindingOrder) -> messages.Proven:
        about = {
            "agent": order.agent,
            **order.binding().model_dump(),
            "reason": reason_digest(order.reason),
        }
        proven = await specs.prove(
            messages.ProveRequest(purpose=REBIND, about=about, proof=order.proof),
            activity_id="trust/prove#1",
            summary=Markdown.of("who vouches for {}?", order.agent),
        )
        if proven.refusal:
            raise RefusedError(proven.refusal)
        return proven

    async def _granted(self, order: _RebindingOrder, proven: messages.Proven) -> trust.Granted:
        granted = await trust.grant_rebinding(
            trust.RebindRequest(
                agent=order.agent,
                binding=order.binding(),
                reason=order.reason,
                proven=proven.entry,
            ),
            activity_id="trust/grant#1",
            summary=Markdown.of("may {} be bound to something else?", order.agent),
        )
        if granted.refusal or not granted.grant:
            raise RefusedError(granted.refusal or "the ledger has granted nothing")
        return granted

    async def _apply(self, order: _RebindingOrder, granted: trust.Granted) -> trust.TierChanged:
        changed = await trust.rebind(
            trust.ApplyRebinding(grant=granted.grant, binding=order.binding()),
            activity_id="trust/rebind#1",
            summary=Markdown.of("{} is bound to {}", order.agent, order.template),
        )
        self._records.note_of(
            order.agent,
            changed.now,
            AGENT_REBOUND,
            was=changed.was.name,
            now=changed.now.name,
            grant=granted.entry,
            binding=binding_digest(Binding(**order.binding().model_dump())),
            **order.binding().model_dump(),
        )
        await self._records.flush("agent rebound")
        return changed


def _read(payload: RawValue) -> _RebindingOrder:
    try:
        order = _RebindingOrder.model_validate(decode([payload]))
    except ValidationError as error:
        raise RefusedError(f"{fault_of(error)}: {_USE}") from None
    except MessageError as error:
        raise RefusedError(f"{error}: {_USE}") from None
    no_agent = refuse_agent_identity(order.agent)
    if no_agent is not None:
        raise RefusedError(f"agent: {no_agent}")
    expected = rebinding_id(order.agent)
    if workflow.info().workflow_id != expected:  # (1) one at a time for an agent
        raise RefusedError(f"the workflow id must be {expected!r}, so that there is one at a time")
    return order


def _refused(why: str) -> ApplicationError:
    return MeantError(why, type=failures.REBINDING_REFUSED)
