"""``mandate resume RUN --from STAGE[/PHASE]``: go back to a point of a run, and on from there.

1. What the point repeats, and which approvals it makes void, is shown first, and asked about.
2. A phase of an agent that is at work is gone back to in its stage alone: the run waits on, and
   takes what comes of it. Else the run goes back to before the stage, which begins anew as a whole.
3. Nothing that people have sent since is applied again: no vote, no order. What was done before the
   point is not done again, whatever code runs now.
4. The bounds are those of workflow tasks: what was decided in one task is repeated together.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from temporalio.api.common.v1 import WorkflowExecution
from temporalio.api.enums.v1 import ResetReapplyExcludeType
from temporalio.api.workflowservice.v1 import ResetWorkflowExecutionRequest
from temporalio.client import (
    Client,
    WorkflowQueryFailedError,
    WorkflowQueryRejectedError,
)
from temporalio.service import RPCError

from activities.ledger.histories import read_history
from activities.runtime.engine import run_under_way
from dsl.core import AGENT_PHASE_NAMES, AgentPhase
from dsl.rules.reconciliation.stage_history import phases as phases_of
from dsl.rules.run.checkpoints import NO_STAGE, phase_points
from dsl.shown.surfaces import Terminal
from mandate.people.door import enter, temporal
from mandate.people.errors import NotThereError, RefusalError, UsageError
from mandate.people.outputs import ANSWER
from mandate.people.runs import existing
from mandate.stack import environment
from mandate.terminal import at_terminal, confirmed, say
from mandate.unanswered import words_of

REASON: Final = "taken back to {}"
_NOTHING_AGAIN: Final = (  # (3) nothing again
    ResetReapplyExcludeType.RESET_REAPPLY_EXCLUDE_TYPE_SIGNAL,
    ResetReapplyExcludeType.RESET_REAPPLY_EXCLUDE_TYPE_UPDATE,
    ResetReapplyExcludeType.RESET_REAPPLY_EXCLUDE_TYPE_CANCEL_REQUEST,
)


@dataclass(frozen=True, slots=True)
class Return:
    """Where to go back to, and what that undoes."""

    workflow: str
    run: str
    event: int
    repeats: tuple[str, ...]
    voids: tuple[str, ...] = ()


def run(workflow: str, place: str, *, is_sure: bool, data_dir: Path | None) -> int:
    """Go back; return 0, or 1 when somebody thought better of it."""
    return enter("resume", _run(workflow, place, environment.present(data_dir), is_sure=is_sure))


async def _run(workflow: str, place: str, env: Mapping[str, str], *, is_sure: bool) -> int:
    if "" in place.split("/"):
        raise UsageError("--from {!r}: expected STAGE, or STAGE/PHASE", place)
    client = await temporal(env)
    stage, _, word = place.rpartition("/")
    phase = AgentPhase(word) if word in AGENT_PHASE_NAMES else None
    if phase is None:
        if word != word.lower():  # no stage is called so
            phases = Terminal.listed(AGENT_PHASE_NAMES)
            raise UsageError(
                "--from {}: there is no phase {!r}; there are: {}", place, word, phases
            )
        stage = place
    back = await _in_stage(client, workflow, stage, phase) if phase is not None else None
    if back is None:  # (2) the run, to before the stage
        back = await _before(client, workflow, stage)
        if phase is not None:
            say(Terminal.of("{} is not at work: it begins anew as a whole", stage))
    say(*_told(back))
    if not is_sure and not at_terminal():  # (1) asked about, where somebody can be
        raise UsageError("nobody can be asked here: add --yes")
    if not is_sure and not await confirmed(Terminal("go back? [y/N] ")):
        return 1
    await _refuse_moved(client, workflow, back)
    run_id = await _reset(client, back, place)
    say(Terminal.of("goes on as run {}", run_id))
    say(Terminal.of("follow it: {}", Terminal.command("mandate watch {}", workflow)))
    return 0


def _told(back: Return) -> Iterator[Terminal]:
    yield Terminal.of("back to event {} of {}", back.event, back.workflow)
    yield Terminal.of("repeats  {}", Terminal.listed(back.repeats) or Terminal("nothing"))
    yield Terminal.of("void     {}", Terminal.listed(back.voids) or Terminal("no approval"))


async def _before(client: Client, workflow: str, stage: str) -> Return:
    """Return the point of the run before a stage.

    Raises:
        NotThereError: there is no such run, or it has no such stage.
        RefusalError: it has none.
    """
    handle = await existing(client, workflow)
    run_id = (await handle.describe(rpc_timeout=ANSWER)).run_id
    try:
        told: Any = await handle.query("checkpoints", stage, rpc_timeout=ANSWER)
    except (WorkflowQueryFailedError, WorkflowQueryRejectedError) as error:
        kind = NotThereError if NO_STAGE in str(error) else RefusalError
        raise kind("{!r} tells of no point before {!r}: {}", workflow, stage, error) from None
    except RPCError as error:
        raise RefusalError("{!r} does not tell its points: {}", workflow, words_of(error)) from None
    points = [each for each in told if isinstance(each, dict)] if isinstance(told, list) else []
    for each in points:
        if each.get("before") == stage:
            return Return(
                workflow,
                run_id,
                int(each.get("reset_to") or each["event_id"]),
                tuple(map(str, each.get("repeats") or (stage,))),
                tuple(map(str, each.get("voids") or ())),
            )
    raise RefusalError(
        "{!r} has no point before {!r}; it has: {}",
        *(workflow, stage, ", ".join(str(each.get("before")) for each in points) or "none yet"),
    )


async def _in_stage(client: Client, workflow: str, stage: str, phase: AgentPhase) -> Return | None:
    """Return the point of a stage before a phase (2); None: it is not at work.

    Raises:
        RefusalError: it has not come to that phase.
        UsageError: there is no stage before the phase.
    """
    if not stage:
        raise UsageError("--from {}: name the stage before the phase: STAGE/{}", phase, phase)
    place = f"{workflow}/{stage}"
    found = await run_under_way(client, place)
    if found is None or await run_under_way(client, workflow) is None:
        return None
    run_id = found.execution.run_id
    handle = client.get_workflow_handle(place, run_id=run_id)
    history = read_history(await handle.fetch_history())
    points = phase_points([(entered.value, call.task) for entered, call in phases_of(history)])
    if phase.value not in points:
        raise RefusalError(
            "{!r} has not come to {}; it has been in: {}",
            *(place, phase, ", ".join(points) or "no phase"),
        )
    event, repeats = points[phase.value]
    return Return(place, run_id, event, tuple(f"{stage}/{each}" for each in repeats))


async def _refuse_moved(client: Client, workflow: str, back: Return) -> None:
    """Refuse to go back in what somebody else has ended or taken back while it was asked about.

    Raises:
        RefusalError: it is not any more what was shown.
    """
    if back.workflow == workflow:
        handle = await existing(client, workflow)
        is_same = (await handle.describe(rpc_timeout=ANSWER)).run_id == back.run
    else:  # (2) its run has to wait for it
        found = await run_under_way(client, back.workflow)
        is_same = found is not None and found.execution.run_id == back.run
        is_same = is_same and await run_under_way(client, workflow) is not None
    if not is_same:
        raise RefusalError("{!r} went on meanwhile, and nothing was done: try again", back.workflow)


async def _reset(client: Client, back: Return, place: str) -> str:
    """Take the workflow back (3); return the run that goes on.

    Raises:
        RefusalError: the server does not do it.
    """
    order = ResetWorkflowExecutionRequest(
        namespace=client.namespace,
        workflow_execution=WorkflowExecution(workflow_id=back.workflow, run_id=back.run),
        reason=REASON.format(place),
        workflow_task_finish_event_id=back.event,
        request_id=secrets.token_hex(16),
        reset_reapply_exclude_types=_NOTHING_AGAIN,
    )
    try:
        answer = await client.workflow_service.reset_workflow_execution(order, timeout=ANSWER)
    except RPCError as error:
        raise RefusalError("{!r} was not taken back: {}", back.workflow, words_of(error)) from None
    return answer.run_id
