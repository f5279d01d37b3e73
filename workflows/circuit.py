"""Circuit: what a person orders of a circuit breaker, put on record and then done.

1. The order is on the ledger before it is carried out, and so is what became of it: with whose
   word it is. With a proof that is a person; without one it is the name that was claimed, which is
   enough but where ``dsl.rules.health.orders`` says that it is not.
2. A proof that is no good is refused, and so is a claim about what a proven person holds open, or
   has ordered to be. Nothing is done then.
3. Its time is the start of the run, by the server's clock: of two orders the later one holds.
4. Dragonfly away, or the ledger: it waits, visibly, as long as that takes, and is done to its end.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any, Final

from temporalio import workflow
from temporalio.common import RawValue
from temporalio.exceptions import ActivityError, ApplicationError

from dsl.shown.surfaces import Markdown

with workflow.unsafe.imports_passed_through():
    from pydantic import Field, ValidationError

    from activities.contracts import circuit_specs
    from activities.contracts.meant import MeantError
    from dsl.actions import CIRCUIT_CHANGED, CIRCUIT_ORDERED
    from dsl.core import Value
    from dsl.limits import PERSON_LENGTH_MAX, REASON_LENGTH_MAX
    from dsl.rules.health.breaker import CircuitOrder
    from dsl.rules.health.orders import refusal_of
    from dsl.rules.proofs.proof import CIRCUIT, CLAIMED, PROOF_LENGTH_MAX, reason_digest
    from dsl.values.circuit_names import CIRCUIT_PATTERN
    from dsl.values.model_faults import fault_of
    from workflows.ledger.ledger_buffer import LedgerBuffer
    from workflows.messages.inputs import MessageError, decode
    from workflows.runtime import failures
    from workflows.runtime.cancellation import shielded
    from workflows.trust.word import whose_word

_USE: Final = "use `mandate breaker open NAME --reason TEXT`, or close, or reset"
PATCH: Final = "claims-lift-no-proven-hold"
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


class _OrderMessage(Value):
    circuit: str = Field(pattern=CIRCUIT_PATTERN)
    order: CircuitOrder
    reason: str = Field(min_length=1, max_length=REASON_LENGTH_MAX, pattern=r"\S")
    by: str = Field(default="", max_length=PERSON_LENGTH_MAX)
    proof: str = Field(default="", max_length=PROOF_LENGTH_MAX)


@workflow.defn(name=circuit_specs.CIRCUIT_WORKFLOW, sandboxed=False)  # docs/adr/0008
class CircuitOrdered:
    """Carry out one order."""

    def __init__(self) -> None:
        self._records = LedgerBuffer("circuit")

    @workflow.run
    async def run(self, payload: RawValue = None) -> dict[str, Any]:  # type: ignore[assignment]  # must be exactly RawValue
        """Return the state before and now, whose word it was, and where the ledger says so."""
        order = _read(payload)
        try:
            by, how = await self._whose(order)
            changed = await shielded(self._obey(order, by, how))  # (4) done to its end
        except ActivityError as error:
            raise _refused(failures.cause_of(error)[1]) from None
        return {
            "circuit": order.circuit,
            "was": changed.was.value,
            "now": changed.now.value,
            "by": by,
            "how": how,
            "ledger": list(self._records.range or ()),
        }

    async def _whose(self, order: _OrderMessage) -> tuple[str, str]:
        """Return whose word it is, and how that is known (1); no bad proof is taken (2)."""
        by, how = await whose_word(
            order.by,
            order.proof,
            CIRCUIT,
            {
                "circuit": order.circuit,
                "order": order.order.value,
                "reason": reason_digest(order.reason),
            },
            activity_id="circuit/prove#1",
            summary=Markdown.of("whose word is it about {}?", order.circuit),
            refused=failures.CIRCUIT_REFUSED,
        )
        if how == CLAIMED and workflow.patched(PATCH):
            await self._refuse_claim(order)
        return by, how

    async def _refuse_claim(self, order: _OrderMessage) -> None:
        """Refuse a claim about what a proven person holds open (2)."""
        found = await circuit_specs.standing(
            circuit_specs.CircuitRequest(circuit=order.circuit),
            activity_id="circuit/standing#1",
            summary=Markdown.of("whose order holds about {}?", order.circuit),
        )
        if found.order is None:
            return
        why = refusal_of(order.circuit, found.order, found.by, is_proven=found.is_proven)
        if why:
            raise _refused(why)

    async def _obey(self, order: _OrderMessage, by: str, how: str) -> circuit_specs.CircuitChanged:
        told = {"circuit": order.circuit, "order": order.order.value, "by": by, "how": how}
        given_ms = _start_ms()  # (3) the start of the run
        # With its time: while it is not carried out yet, no claim comes behind it (2).
        self._records.note(CIRCUIT_ORDERED, **told, reason=order.reason, given_ms=given_ms)
        await self._records.flush("circuit ordered")
        changed = await circuit_specs.change(
            circuit_specs.CircuitChange(
                circuit=order.circuit,
                order=order.order,
                given_ms=given_ms,
                reason=order.reason,
            ),
            activity_id="circuit/change#1",
            summary=Markdown.of("{} {}", order.order, order.circuit),
        )
        # With its time: a Dragonfly that has lost it is told again from here.
        self._records.note(
            CIRCUIT_CHANGED,
            **told,
            was=changed.was.value,
            now=changed.now.value,
            given_ms=given_ms,
        )
        await self._records.flush("circuit changed")
        return changed


def _read(payload: RawValue) -> _OrderMessage:
    try:
        return _OrderMessage.model_validate(decode([payload]))
    except ValidationError as error:
        raise _refused(f"{fault_of(error)}: {_USE}") from None
    except MessageError as error:
        raise _refused(f"{error}: {_USE}") from None


def _refused(why: str) -> ApplicationError:
    return MeantError(why, type=failures.CIRCUIT_REFUSED)


def _start_ms() -> int:
    return (workflow.info().workflow_start_time - _EPOCH) // timedelta(milliseconds=1)
