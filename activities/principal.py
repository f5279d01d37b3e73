"""Who sent a message, in the server's own words, where it says so.

A Temporal server with an authoriser can write a *principal* on each event: not the sender's claim
but what the server established. It is looked for in the newest events of the run, where the
message must be; a server without an authoriser writes none, and then there is nothing to compare.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from temporalio.api.common.v1 import Payload, WorkflowExecution
from temporalio.api.history.v1 import HistoryEvent
from temporalio.api.workflowservice.v1 import GetWorkflowExecutionHistoryReverseRequest
from temporalio.client import Client

EVENTS_MAX: Final = 200


async def principals_of(client: Client, workflow_id: str, run_id: str, text: str) -> frozenset[str]:
    """Return the principals on the newest messages to the run that hold ``text``."""
    answer = await client.workflow_service.get_workflow_execution_history_reverse(
        GetWorkflowExecutionHistoryReverseRequest(
            namespace=client.namespace,
            execution=WorkflowExecution(workflow_id=workflow_id, run_id=run_id),
            maximum_page_size=EVENTS_MAX,
        )
    )
    return named_in(answer.history.events, text)


def named_in(events: Iterable[HistoryEvent], text: str) -> frozenset[str]:
    """Return the principals of those ``events`` whose input holds ``text``."""
    wanted = text.encode()
    return frozenset(
        event.principal.name
        for event in events
        if event.principal.name and any(wanted in payload.data for payload in _inputs(event))
    )


def _inputs(event: HistoryEvent) -> Iterator[Payload]:
    yield from event.workflow_execution_signaled_event_attributes.input.payloads
    accepted = event.workflow_execution_update_accepted_event_attributes
    yield from accepted.accepted_request.input.args.payloads
    started = event.workflow_execution_started_event_attributes
    yield from started.input.payloads
    yield from started.memo.fields.values()
