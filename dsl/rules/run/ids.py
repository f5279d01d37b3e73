"""Whether a run may have the id it was started under: what is made of it must fit, too.

1. An agent stage is a child workflow, and its id is the run's and the stage's path. The server
   takes no id of more than ``WORKFLOW_ID_BYTES_MAX`` bytes and answers with a failed workflow
   task, which is tried for ever: so the longest is looked at before anything starts.
2. Bytes are counted, not characters: that is what the server does.
3. Where a workflow of somebody else's does a phase, its id is that of the stage and the phase: the
   same for every try, so that never two are at work. No stage has such a name.
4. The ledger and Vault take no NUL, and a run of that id could record nothing.
"""

from __future__ import annotations

from dsl.limits import WORKFLOW_ID_BYTES_MAX
from dsl.plan import AgentStep, Plan, walk
from dsl.rules.health.clarification import clarification_name


def id_of_stage(workflow_id: str, path: str) -> str:
    """Return the workflow id of an agent stage (1)."""
    return f"{workflow_id}/{path}"


def id_of_body(stage_id: str, phase: str) -> str:
    """Return the id of the workflow that does ``phase`` of an agent stage (3)."""
    return f"{stage_id}/{phase}"


def path_of_member(path: str, number: int, member: str) -> str:
    """Return where the agent of stage ``member`` is asked how the plan of ``path`` is clarified."""
    return f"{path}/{clarification_name(number)}/{member.rpartition('/')[2]}"


def refuse_id(workflow_id: str, plan: Plan) -> str | None:
    """Object to the id of a run of ``plan``, in a sentence for who starts it."""
    if "\x00" in workflow_id:  # (4) it could record nothing
        return "the id of the run holds a NUL character, which cannot be recorded: choose another"
    made = [each for step in walk(plan.steps) if isinstance(step, AgentStep) for each in _of(step)]
    longest = max(made, key=len, default=None)
    if longest is None:  # gates alone make no ids of it
        return None
    size = len(id_of_stage(workflow_id, longest).encode())  # (2) bytes, as the server counts
    if size <= WORKFLOW_ID_BYTES_MAX:
        return None
    room = WORKFLOW_ID_BYTES_MAX - len(id_of_stage("", longest).encode())
    return (
        f"the id of the run has {len(workflow_id.encode())} bytes, and with its longest stage, "
        f"{longest!r}, the id of a stage would have {size}: {WORKFLOW_ID_BYTES_MAX} is the limit "
        f"of Temporal. Start it under an id of at most {room} bytes"
    )


def _of(step: AgentStep) -> list[str]:
    """Return what is put behind the id of a run for a stage."""
    is_workflow = step.runtime is not None and step.runtime.kind == "workflow"
    members = step.clarifiers.members if step.clarifiers is not None else ()
    return [
        step.path,
        *(id_of_body(step.path, phase) for phase in step.phases if is_workflow),
        *(path_of_member(step.path, step.clarifications, each.stage) for each in members),
    ]
