"""Who sent a message, in the server's own words, where it says so.

A Temporal server with an authoriser can write a *principal* on each event: not the sender's claim
but what the server established. It is looked for in the newest events of the run, where the
message must be; a server without an authoriser writes none, and then there is nothing to compare.
Where it writes some, a message without one is nobody's.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from temporalio.api.common.v1 import Payload, WorkflowExecution
from temporalio.api.history.v1 import HistoryEvent
from temporalio.api.workflowservice.v1 import GetWorkflowExecutionHistoryReverseRequest
from temporalio.client import Client

from dsl.limits import MESSAGE_BYTES_MAX
from dsl.values import strict_json
from dsl.values.strict_json import JsonError

EVENTS_MAX: Final = 200


@dataclass(frozen=True, slots=True)
class Senders:
    """What the newest events of a run say of who sent the messages."""

    of_message: frozenset[str]  # principals on messages with that proof
    names_any: bool  # the server writes principals at all

    def refuse(self, names: frozenset[str]) -> str | None:
        """Say why none of them is the person of these ``names``; None: nothing says otherwise."""
        if not self.names_any or self.of_message & names:
            return None
        if not self.of_message:
            return "the server names senders, and none for this message: send it again"
        return f"the server says {', '.join(sorted(self.of_message))!r} has sent it"


async def senders_of(client: Client, workflow_id: str, run_id: str, proof: str) -> Senders:
    """Return who has sent ``proof`` to the run, in the server's words."""
    answer = await client.workflow_service.get_workflow_execution_history_reverse(
        GetWorkflowExecutionHistoryReverseRequest(
            namespace=client.namespace,
            execution=WorkflowExecution(workflow_id=workflow_id, run_id=run_id),
            maximum_page_size=EVENTS_MAX,
        )
    )
    return named_in(answer.history.events, proof)


def named_in(events: Iterable[HistoryEvent], proof: str) -> Senders:
    """Return what those ``events`` say of who sent ``proof``."""
    named = [event for event in events if event.principal.name]
    found = {
        event.principal.name
        for event in named
        if any(_holds(payload, proof) for payload in _inputs(event))
    }
    return Senders(frozenset(found), names_any=bool(named))


def _holds(payload: Payload, proof: str) -> bool:
    """Tell whether a message carries the proof, however its JSON is spelled."""
    try:
        value = strict_json.read(payload.data, bytes_max=MESSAGE_BYTES_MAX)
    except JsonError:
        return False
    return value == proof or (isinstance(value, dict) and value.get("proof") == proof)


def _inputs(event: HistoryEvent) -> Iterator[Payload]:
    yield from event.workflow_execution_signaled_event_attributes.input.payloads
    accepted = event.workflow_execution_update_accepted_event_attributes
    yield from accepted.accepted_request.input.args.payloads
    started = event.workflow_execution_started_event_attributes
    yield from started.input.payloads
    yield from started.memo.fields.values()
