"""The engine as seen from outside a workflow: the namespace a worker serves, and what it knows.

1. The search attributes must be registered and visible before a worker polls: upserting an
   unknown one wedges every run.
2. Where they may not be registered, runs go without, and the worker says so.
3. Which run started an execution, and what runs under an id, is what the server says, never what
   an execution says itself.
4. Schedules of sweeps and reconciliations are made where there are none. One that is there is its
   operator's: left as it is, and said where it starts nothing of ours. Where none can be made, that
   is said. Sweeps may overlap: one that waits for the ledger must not keep the next from sweeping.
5. A run is under way until the server says when it ended. Its status is not asked for: one that is
   paused has a status that the SDK fails over.
"""

from __future__ import annotations

import asyncio
import secrets
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from temporalio.api.common.v1 import WorkflowExecution
from temporalio.api.enums.v1 import IndexedValueType
from temporalio.api.operatorservice.v1 import (
    AddSearchAttributesRequest,
    ListSearchAttributesRequest,
)
from temporalio.api.workflow.v1 import WorkflowExecutionInfo
from temporalio.api.workflowservice.v1 import (
    DescribeWorkflowExecutionRequest,
    DescribeWorkflowExecutionResponse,
)
from temporalio.client import (
    Client,
    Schedule,
    ScheduleActionStartWorkflow,
    ScheduleAlreadyRunningError,
    ScheduleIntervalSpec,
    ScheduleOverlapPolicy,
    SchedulePolicy,
    ScheduleSpec,
)
from temporalio.service import RPCError, RPCStatusCode

from dsl.rules.run.reserved import QUEUE, RECONCILE, RECONCILE_ID, SWEEP, SWEEP_ID
from integrations.errors import NotFoundError, UnavailableError

SEARCH_ATTRIBUTES: Final = {
    "MandateGates": IndexedValueType.INDEXED_VALUE_TYPE_KEYWORD_LIST,
    "MandateAgent": IndexedValueType.INDEXED_VALUE_TYPE_KEYWORD,
    "MandateTier": IndexedValueType.INDEXED_VALUE_TYPE_KEYWORD,
    "MandateStatus": IndexedValueType.INDEXED_VALUE_TYPE_KEYWORD,
}
CHECKS_MAX: Final = 50
CHECK_EVERY_S: Final = 0.1
SWEEP_SCHEDULE: Final = "mandate-sweep"
SWEEP_EVERY: Final = timedelta(minutes=5)
RECONCILE_SCHEDULE: Final = "mandate-reconcile"
RECONCILE_EVERY: Final = timedelta(hours=1)
TOKEN_BYTES: Final = 8
ANSWER: Final = timedelta(seconds=5)
NO_SUCH_RUN: Final = (RPCStatusCode.NOT_FOUND, RPCStatusCode.INVALID_ARGUMENT)


async def described(
    client: Client, workflow_id: str, run_id: str | None = None
) -> WorkflowExecutionInfo:
    """Return what the server says of a run (5); of the latest of that id without ``run_id``.

    Raises:
        RPCError: it says nothing.
    """
    return (await described_whole(client, workflow_id, run_id)).workflow_execution_info


async def described_whole(
    client: Client, workflow_id: str, run_id: str | None
) -> DescribeWorkflowExecutionResponse:
    """Return all that the server says of a run, as ``described`` does.

    Raises:
        RPCError: it says nothing.
    """
    return await client.workflow_service.describe_workflow_execution(
        DescribeWorkflowExecutionRequest(
            namespace=client.namespace,
            execution=WorkflowExecution(workflow_id=workflow_id, run_id=run_id or ""),
        ),
        retry=True,
        timeout=ANSWER,
    )


@dataclass(frozen=True, slots=True)
class Parent:
    """The run that started another."""

    workflow_id: str
    run_id: str
    started: float  # seconds since 1970
    type: str = ""  # of the workflow


async def parent_of(client: Client, workflow_id: str, run_id: str) -> Parent | None:
    """Return which run started this one as its child; None: no run did (3).

    Raises:
        UnavailableError: the server does not answer.
    """
    try:
        parent = (await described(client, workflow_id, run_id)).parent_execution
        if not parent.workflow_id or not parent.run_id:
            return None
        itself = await described(client, parent.workflow_id, parent.run_id)
    except RPCError as error:
        if error.status is RPCStatusCode.NOT_FOUND:
            return None
        raise UnavailableError(f"temporal does not describe {workflow_id!r} ({error})") from None
    run, started = itself.execution, itself.start_time.ToMicroseconds() / 1_000_000
    return Parent(run.workflow_id, run.run_id, started, itself.type.name)


async def started_ms(client: Client, workflow_id: str, run_id: str) -> int:
    """Return when a run was started, in milliseconds since 1970, in the server's words.

    Raises:
        NotFoundError: the server does not know it.
        UnavailableError: the server does not answer.
    """
    try:
        found = await described(client, workflow_id, run_id)
    except RPCError as error:
        if error.status is RPCStatusCode.NOT_FOUND:
            raise NotFoundError(f"temporal knows no run of {workflow_id!r}") from None
        raise UnavailableError(f"temporal does not describe {workflow_id!r} ({error})") from None
    return found.start_time.ToMilliseconds()


async def run_under_way(
    client: Client, workflow_id: str, run_id: str | None = None
) -> WorkflowExecutionInfo | None:
    """Return what runs under ``workflow_id`` now (3) (5); None: nothing does.

    Raises:
        UnavailableError: the server does not answer.
    """
    try:
        found = await described(client, workflow_id, run_id)
    except RPCError as error:
        if error.status in NO_SUCH_RUN:
            return None
        raise UnavailableError(f"temporal does not describe {workflow_id!r} ({error})") from None
    return None if found.HasField("close_time") else found


@dataclass(frozen=True, slots=True)
class _Scheduled:
    """What a schedule starts, and how often."""

    name: str
    workflow: str
    id: str
    every: timedelta
    overlap: ScheduleOverlapPolicy


async def start_sweep(client: Client) -> str | None:
    """Start a sweep beside those of the schedule, under an id nobody could know; return that.

    None: whoever operates the schedule has paused it.

    Raises:
        RPCError: the server does not answer.
        WorkflowAlreadyStartedError: there is one of that id.
    """
    if await _is_paused(client, SWEEP_SCHEDULE):
        return None
    name = f"{SWEEP_ID}-{secrets.token_hex(TOKEN_BYTES)}"
    await client.start_workflow(SWEEP, id=name, task_queue=QUEUE, rpc_timeout=ANSWER)
    return name


async def _is_paused(client: Client, schedule: str) -> bool:
    try:
        found = await client.get_schedule_handle(schedule).describe(rpc_timeout=ANSWER)
    except RPCError as error:
        if error.status is not RPCStatusCode.NOT_FOUND:
            raise
        return False
    return found.schedule.state.paused


async def ensure_sweep_schedule(client: Client) -> str | None:
    """Let the server start a sweep every ``SWEEP_EVERY`` (4).

    Returns:
        None when it does, else one sentence that says why it does not.
    """
    overlap = ScheduleOverlapPolicy.ALLOW_ALL
    return await _ensure(client, _Scheduled(SWEEP_SCHEDULE, SWEEP, SWEEP_ID, SWEEP_EVERY, overlap))


async def ensure_reconcile_schedule(client: Client) -> str | None:
    """Let the server have histories and ledger compared every ``RECONCILE_EVERY`` (4).

    Returns:
        None when it does, else one sentence that says why it does not.
    """
    overlap = ScheduleOverlapPolicy.SKIP
    return await _ensure(
        client, _Scheduled(RECONCILE_SCHEDULE, RECONCILE, RECONCILE_ID, RECONCILE_EVERY, overlap)
    )


async def _ensure(client: Client, wanted: _Scheduled) -> str | None:
    schedule = Schedule(
        action=ScheduleActionStartWorkflow(wanted.workflow, id=wanted.id, task_queue=QUEUE),
        spec=ScheduleSpec(intervals=[ScheduleIntervalSpec(every=wanted.every)]),
        policy=SchedulePolicy(overlap=wanted.overlap, catchup_window=wanted.every),
    )
    try:
        await client.create_schedule(wanted.name, schedule)
    except ScheduleAlreadyRunningError:
        return await _not_starting(client, wanted)
    except RPCError as error:
        if error.status is RPCStatusCode.ALREADY_EXISTS:
            return await _not_starting(client, wanted)
        if error.status is RPCStatusCode.UNAVAILABLE:
            raise
        return f"the schedule {wanted.name!r} cannot be made: {error.message}"
    return None


async def _not_starting(client: Client, wanted: _Scheduled) -> str | None:
    """Say why the schedule that is there starts nothing of ours (4); None: it does."""
    try:
        found = (await client.get_schedule_handle(wanted.name).describe()).schedule
    except RPCError as error:
        if error.status is RPCStatusCode.UNAVAILABLE:
            raise
        return f"the schedule {wanted.name!r} cannot be read: {error.message}"
    starts = found.action
    if not isinstance(starts, ScheduleActionStartWorkflow) or (
        (starts.workflow, starts.task_queue) != (wanted.workflow, QUEUE)
    ):
        return (
            f"the schedule {wanted.name!r} starts something else than {wanted.workflow} on queue "
            f"{QUEUE}: delete it, and start this worker again: temporal schedule delete "
            f"--schedule-id {wanted.name}"
        )
    if found.state.paused:
        return (
            f"the schedule {wanted.name!r} is paused; to go on: temporal schedule toggle "
            f"--unpause --schedule-id {wanted.name} --reason TEXT"
        )
    return None


async def ensure_search_attributes(client: Client) -> str | None:
    """Register what is missing and wait until it is visible (1).

    Returns:
        None when all are there, else one sentence that says why runs go without (2).
    """
    try:
        missing = await _missing(client)
        if missing:
            await client.operator_service.add_search_attributes(
                AddSearchAttributesRequest(
                    namespace=client.namespace,
                    search_attributes={name: SEARCH_ATTRIBUTES[name] for name in missing},
                )
            )
        for _ in range(CHECKS_MAX):
            missing = await _missing(client)
            if not missing:
                return None
            await asyncio.sleep(CHECK_EVERY_S)
    except RPCError as error:
        if error.status is RPCStatusCode.UNAVAILABLE:
            raise
        return f"search attributes cannot be registered: {error.message}"
    return f"search attributes {', '.join(missing)} did not become visible"


async def has_search_attributes(client: Client) -> bool:
    """Tell whether runs can be found by all of ``SEARCH_ATTRIBUTES``."""
    return not await _missing(client)


async def _missing(client: Client) -> list[str]:
    known = await client.operator_service.list_search_attributes(
        ListSearchAttributesRequest(namespace=client.namespace)
    )
    return [name for name in SEARCH_ATTRIBUTES if name not in known.custom_attributes]
