"""What ``Revocation`` is told, at its start and by signal: whom to stop, why, by whose word.

Raw, as every message (docs/adr/0003): what cannot be read is a ``MessageError`` for its sender.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from pydantic import Field, ValidationError
from temporalio import workflow

from activities.contracts import trust_specs as trust
from dsl.core import Value
from dsl.limits import REASON_LENGTH_MAX
from dsl.rules.run.reserved import is_revocation_of, revocation_id
from dsl.values.agent_ids import refuse_agent_identity
from dsl.values.model_faults import fault_of
from workflows.messages.inputs import MessageError, decode

EXAMPLE: Final = '{"agent": "deploy.plan", "reason": "it leaked a token", "proof": "..."}'


class RevocationOrder(Value):
    """Whom to stop, why, and by whose word."""

    agent: str
    reason: str = Field(min_length=1, max_length=REASON_LENGTH_MAX, pattern=r"\S")
    proof: str = ""  # of any length: one that is too long is refused, and recorded as refused

    def request(self) -> trust.RevokeRequest:
        """Return what the brakes are told."""
        return trust.RevokeRequest(agent=self.agent, reason=self.reason, proof=self.proof)


def read_order(args: Sequence[Any]) -> RevocationOrder:
    """Return the order, which must be about the agent that the workflow id names.

    Raises:
        MessageError: it is not, or cannot be read.
    """
    value = decode(args)
    try:
        order = RevocationOrder.model_validate(value)
    except ValidationError as error:
        raise MessageError(f"{fault_of(error)}; expected {EXAMPLE}") from None
    no_agent = refuse_agent_identity(order.agent)
    if no_agent is not None:
        raise MessageError(f"agent: {no_agent}")
    if not is_revocation_of(order.agent, workflow.info().workflow_id):
        expected = revocation_id(order.agent)
        raise MessageError(
            f"the workflow id must be {expected!r}: start it with that id, or where that is taken "
            f"with '{expected}/' and a word of your own behind it"
        )
    return order
