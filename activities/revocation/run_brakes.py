"""``revoke.runs`` and ``revoke.runs-over``: stop the agent wherever it is at work.

1. No proof is needed: stopping an agent's runs takes nothing from anybody that cannot be had again,
   and whoever can start ``Revocation`` could signal the runs himself.
2. A run that has ended meanwhile is as good as stopped.
3. Confirming lists again, because a list may have missed a run. What is found still under way is
   told again, and Temporal asks again.
4. A run that is over says what of somebody else's work did not end when it was told to: that is a
   line of its own, which nobody can confirm.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any, Final

from pydantic import ValidationError
from temporalio import activity
from temporalio.client import Client, WorkflowFailureError
from temporalio.exceptions import ApplicationError
from temporalio.service import RPCError, RPCStatusCode

from activities.contracts import trust_specs as trust
from activities.contracts.messages import AgentReport
from activities.revocation.agent_runs import AgentRun, is_under_way, under_way
from activities.revocation.revokers import require_revocation
from activities.runtime.boundary import governed
from activities.runtime.engine import started_ms
from integrations.errors import UnavailableError

SIGNAL: Final = "revoke"
WAIT_S: Final = 5.0  # for runs that are stopping, before Temporal is left to ask again
NO_RUN: Final = "temporal: no run of the agent is under way"
OUTSIDE: Final = "outside: nothing of the agent's work goes on"


class RunBrakeActivities:
    """Stops runs, as a client of Temporal."""

    @activity.defn(name=trust.stop_runs.name)
    @governed
    async def stop(self, request: trust.RevokeRequest) -> trust.RunsFound:
        """Tell every run of the agent to stop; return which they were."""
        require_revocation(request.agent)
        client = activity.client()
        runs = await under_way(client, request.agent)
        await _tell(client, runs, request.reason)
        return trust.RunsFound(
            agent=request.agent,
            reason=request.reason,
            runs=tuple(trust.FoundRun(workflow=run.workflow, run=run.run) for run in runs),
            high=any(run.high for run in runs),
        )

    @activity.defn(name=trust.confirm_runs.name)
    @governed
    async def confirm(self, found: trust.RunsFound) -> trust.Braked:
        """Confirm that none of the agent's runs is under way (3)."""
        require_revocation(found.agent)
        client = activity.client()
        known = [AgentRun(each.workflow, each.run) for each in found.runs]
        unstopped = await _ended(client, known)
        left = [run for run in known if await is_under_way(client, run)]
        left += [run for run in await under_way(client, found.agent) if run not in left]
        if left:
            await _tell(client, left, found.reason)
            raise UnavailableError(
                f"{len(left)} run(s) of the agent are still under way, such as {left[0].workflow!r}"
            )
        told = f"{len(known)} told to stop" if known else "none was"
        over = trust.ReceiptLine(what=NO_RUN, confirmed=True, detail=told)
        # (4) nobody can confirm it
        outside = (trust.ReceiptLine(what=OUTSIDE, confirmed=False, detail=w) for w in unstopped)
        return trust.Braked(lines=(over, *outside))


async def _tell(client: Client, runs: Sequence[AgentRun], reason: str) -> None:
    info = activity.info()
    epoch = await started_ms(client, info.workflow_id or "", info.workflow_run_id or "")
    order: dict[str, Any] = {"reason": reason, "epoch": epoch}
    try:
        for run in runs:
            try:
                await run.of(client).signal(SIGNAL, order)
            except RPCError as error:
                if error.status is not RPCStatusCode.NOT_FOUND:  # (2) ended is as good as stopped
                    raise
    except RPCError as error:
        raise UnavailableError(f"temporal takes no signal ({error})") from None


async def _ended(client: Client, runs: Sequence[AgentRun]) -> list[str]:
    """Wait until the runs have ended, for ``WAIT_S`` at most; return what did not stop (4)."""

    async def ended(run: AgentRun) -> str:
        try:
            await run.of(client).result(follow_runs=False)
        except WorkflowFailureError as error:
            return _unstopped(error.cause)
        except RPCError:
            pass
        return ""

    if not runs:
        return []
    tasks = [asyncio.create_task(ended(run)) for run in runs]
    done, pending = await asyncio.wait(tasks, timeout=WAIT_S)
    for task in pending:
        task.cancel()
    return [task.result() for task in tasks if task in done and task.result()]


def _unstopped(failure: BaseException | None) -> str:
    """Return what the report of a stage says of it, in the failure it has ended with (4)."""
    details = failure.details if isinstance(failure, ApplicationError) else ()
    for detail in details:
        try:
            return AgentReport.model_validate(detail).unstopped
        except ValidationError:
            continue
    return ""
