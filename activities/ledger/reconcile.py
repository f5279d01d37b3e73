"""``ledger.reconcile``: compare the runs that have ended since the last look with the ledger.

1. Which runs have ended is what the server says; whoever asks says only since when.
2. An end counts when it is ``GRACE_S`` old: what a run records last may still be on its way, and
   the next look begins where this one has ended.
3. At most ``RUNS_MAX`` runs are compared, the oldest ends first, for ``LOOK_S`` at most, and until
   ``DISPUTED_MAX`` are in dispute or somebody does not answer; what is left the next look takes.
4. A run that cannot be compared keeps no other from being compared.
"""

from __future__ import annotations

import heapq
import logging
import time
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from temporalio import activity
from temporalio.client import Client, WorkflowExecution
from temporalio.service import RPCError

from activities.contracts import attestation_specs as contract
from activities.contracts.specs import AGENT_WORKFLOW, QUEUE
from activities.ledger.comparing import Comparison, compare, gone
from activities.runtime.boundary import governed
from dsl.shown.foreign import legible
from integrations.artifacts.store import Artifacts
from integrations.errors import IntegrationError, UnavailableError
from integrations.ledger.ledger import Ledger

logger = logging.getLogger(__name__)

GRACE_S: Final = 60
RUNS_MAX: Final = 1_000
LOOK_S: Final = 900.0
ENDED: Final = (
    f'TaskQueue="{QUEUE}" AND WorkflowType != "{AGENT_WORKFLOW}" '
    f'AND WorkflowType != "{contract.RECONCILE_WORKFLOW}" AND ExecutionStatus != "Running"'
)


class ReconcileActivities:
    """Reads what the one writer has written."""

    def __init__(self, ledger: Ledger, artifacts: Path) -> None:
        self._ledger = ledger
        self._artifacts = artifacts

    @activity.defn(name=contract.reconcile.name)
    @governed
    async def reconcile(self, request: contract.ReconcileRequest) -> contract.Reconciled:
        """Compare, and tell where there is no agreement."""
        until_ms = int((time.time() - GRACE_S) * 1_000)  # (2) as old as that
        client = activity.client()
        ended = await _ended(client, request.since_ms, until_ms)
        artifacts = Artifacts(self._artifacts)
        disputed: list[contract.Dispute] = []
        looked = skipped = 0
        began = time.monotonic()
        for each in ended[:RUNS_MAX]:
            if len(disputed) == contract.DISPUTED_MAX or time.monotonic() - began > LOOK_S:
                break
            try:
                found = await self._compare(client, artifacts, each)
            except UnavailableError as error:
                if not looked:  # nothing is lost by asking for all of it again
                    raise
                logger.warning("%s", f"the next look goes on at {legible(each.id)}: {error}")
                break
            looked += 1
            if found is None or found.untold:
                skipped += 1
            elif found.disagreements:
                disputed.append(_dispute(found))
        if looked < len(ended):  # (3) the next look takes the rest
            until_ms = _ended_ms(ended[looked]) - 1
        return contract.Reconciled(
            until_ms=until_ms,
            compared=looked - skipped,
            skipped=skipped,
            disputed=tuple(disputed),
        )

    async def _compare(
        self, client: Client, artifacts: Artifacts, run: WorkflowExecution
    ) -> Comparison | None:
        try:
            found = await compare(client, self._ledger.path, artifacts, run.id, run.run_id)
        except UnavailableError:
            raise
        except IntegrationError as error:  # (4) no other is kept from it
            logger.warning("%s", f"{legible(run.id)} was not compared: {error}")
            return None
        for why in filter(None, (found.untold, *map(gone, found.missing))):
            logger.warning("%s", f"{legible(run.id)}: not compared: {legible(why)}")
        return found


def ended_runs(client: Client, most: int) -> AsyncIterator[WorkflowExecution]:
    """Return the latest runs that are over (1)."""
    return client.list_workflows(ENDED, limit=most)


async def _ended(client: Client, since_ms: int, until_ms: int) -> list[WorkflowExecution]:
    """Return the runs that ended first in that time, one more than are compared (1) (3)."""
    times = f'CloseTime > "{_time(since_ms)}" AND CloseTime <= "{_time(until_ms)}"'
    found: list[WorkflowExecution] = []
    try:
        async for each in client.list_workflows(f"{ENDED} AND {times}"):
            found.append(each)
            if len(found) > 2 * RUNS_MAX:  # the server tells the newest first
                found = heapq.nsmallest(RUNS_MAX + 1, found, key=_ended_ms)
    except RPCError as error:
        raise UnavailableError(f"temporal does not list runs ({error})") from None
    return heapq.nsmallest(RUNS_MAX + 1, found, key=_ended_ms)


def _dispute(found: Comparison) -> contract.Dispute:
    said = str(found.disagreements[0])
    logger.error("%s", f"history and ledger of {legible(found.workflow)} disagree: {legible(said)}")
    return contract.Dispute(
        workflow=found.workflow,
        run=found.run,
        count=len(found.disagreements),
        first=legible(said, contract.DISPUTE_LENGTH_MAX),
    )


def _time(ms: int) -> str:
    return datetime.fromtimestamp(ms / 1_000, UTC).isoformat(timespec="milliseconds")


def _ended_ms(run: WorkflowExecution) -> int:
    return int((run.close_time or run.start_time).timestamp() * 1_000)
