"""What the server keeps of the agent's program of a workflow: its activity's last sign of life.

Details of a sign of life are told apart by their form: progress is text; a checkpoint and a
question are values of ``activities.contracts``, read strictly, which no progress can be.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from pydantic import ValidationError
from temporalio.api.common.v1 import WorkflowExecution
from temporalio.api.workflowservice.v1 import DescribeWorkflowExecutionRequest
from temporalio.client import Client
from temporalio.service import RPCError, RPCStatusCode

from activities.contracts import question_specs, specs, tool_specs
from activities.contracts.resumption import CheckpointRef
from activities.runtime.engine import ANSWER
from dsl.rules.gates.questions import Question
from integrations.errors import UnavailableError

_OF_PHASES: Final = frozenset(spec.name for spec in specs.PHASES.values())


async def details_of(client: Client, workflow_id: str, run_id: str) -> list[Sequence[Any]]:
    """Return what each phase that is under way has told last.

    Raises:
        UnavailableError: the server does not answer.
    """
    try:
        answer = await client.workflow_service.describe_workflow_execution(
            DescribeWorkflowExecutionRequest(
                namespace=client.namespace,
                execution=WorkflowExecution(workflow_id=workflow_id, run_id=run_id),
            ),
            retry=True,
            timeout=ANSWER,
        )
    except RPCError as error:
        if error.status is RPCStatusCode.NOT_FOUND:
            return []
        raise UnavailableError(f"temporal does not describe {workflow_id!r} ({error})") from None
    return [
        await client.data_converter.decode(each.heartbeat_details.payloads)
        for each in answer.pending_activities
        if each.activity_type.name in _OF_PHASES
    ]


def asked_in(details: Sequence[Any]) -> Question | None:
    """Return the question among the details of a sign of life."""
    for detail in reversed(details):
        try:
            asks = question_specs.Asks.model_validate(detail)
        except ValidationError:
            continue
        if asks.question is not None:
            return asks.question
    return None


def chain_in(details: Sequence[Any]) -> str | None:
    """Return by what calls of the attempt are known."""
    for detail in reversed(details):
        try:
            return tool_specs.ChainHead.model_validate(detail).chain
        except ValidationError:
            continue
    return None


def checkpoint_in(details: Sequence[Any]) -> CheckpointRef | None:
    """Return the checkpoint among them."""
    for detail in reversed(details):
        try:
            return CheckpointRef.model_validate(detail, strict=True)
        except ValidationError:
            continue
    return None
