"""What holds a workflow id, in the server's words, before a person is shown anything of it.

An id is had by whoever asks first. So what runs under one that the engine reserves must be of the
type the id is for, on the engine's queue, and started by no other workflow. What is not is never
asked anything, and never shown: it would answer as it likes.
"""

from __future__ import annotations

from temporalio.api.workflow.v1 import WorkflowExecutionInfo
from temporalio.client import Client, WorkflowExecutionDescription
from temporalio.service import RPCError

from activities.runtime.engine import NO_SUCH_RUN, run_under_way
from dsl.rules.run.reserved import QUEUE, owner_of
from dsl.shown.surfaces import Terminal
from mandate.people.errors import RefusalError, no_run
from mandate.people.outputs import ANSWER


async def newest(client: Client, workflow_id: str) -> WorkflowExecutionDescription:
    """Return the newest workflow of that id, whatever it is.

    Raises:
        NotThereError: there is none.
        temporalio.service.RPCError: the server does not answer.
    """
    try:
        return await client.get_workflow_handle(workflow_id).describe(rpc_timeout=ANSWER)
    except RPCError as error:
        if error.status in NO_SUCH_RUN:
            raise no_run(client, workflow_id) from None
        raise


async def refuse_stranger(client: Client, workflow_id: str, run_id: str | None = None) -> None:
    """Refuse to go on with what holds a reserved id and is not what that is for.

    Raises:
        RefusalError: something else runs there.
        integrations.errors.UnavailableError: the server does not answer.
    """
    expected = owner_of(workflow_id)
    if expected is None:
        return
    found = await run_under_way(client, workflow_id, run_id)
    wrong = what_is_wrong(found, expected) if found is not None else None
    if wrong is None:
        return
    end = Terminal.command("temporal workflow terminate -w {}", workflow_id)
    raise RefusalError(
        "{} is {}: nothing it says is shown; end it and try again: {}", workflow_id, wrong, end
    )


def what_is_wrong(found: WorkflowExecutionInfo, expected: str) -> Terminal | None:
    """Return in words what runs there in place of a workflow of that type; None: it is one."""
    kind, queue, parent = found.type.name, found.task_queue, found.parent_execution.workflow_id
    if (kind, queue, parent) == (expected, QUEUE, ""):
        return None
    started = Terminal.of(", started by workflow {}", parent) if parent else Terminal()
    words = (kind, queue, started, expected)
    return Terminal.of("a workflow of type {} on queue {}{}, and no {}", *words)
