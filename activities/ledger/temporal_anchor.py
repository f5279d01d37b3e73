"""The anchor that is a workflow, ``LedgerAnchor``: beside the runs, on Temporal's own disk.

1. It is read from the workflow's memo, which the server answers by itself: no worker has to be up.
2. What is published starts the workflow where it is not running, in one step.
3. A workflow that was ended is read as well: what it kept was kept.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any, Final

from pydantic import ValidationError
from temporalio.client import (
    Client,
    WithStartWorkflowOperation,
    WorkflowUpdateFailedError,
    WorkflowUpdateRPCTimeoutOrCancelledError,
)
from temporalio.common import WorkflowIDConflictPolicy
from temporalio.service import RPCError, RPCStatusCode

from activities.contracts.anchor_specs import (
    LEDGER_ANCHOR_WORKFLOW,
    MEMO,
    PUBLISH,
    AnchorHeld,
    AnchorNote,
)
from activities.runtime.engine import described
from dsl.rules.run.reserved import QUEUE, ledger_anchor_id
from integrations.errors import CorruptError, UnavailableError
from integrations.ledger.anchors.anchor import Kept

TAKES: Final = timedelta(seconds=10)  # for a worker to take a note


class TemporalAnchor:
    """Keeps the notes of the ledger ``origin`` in the namespace of ``client``."""

    def __init__(self, client: Client, origin: str) -> None:
        self._client = client
        self._origin = origin
        self._id = ledger_anchor_id(origin)

    @property
    def name(self) -> str:
        """See ``Anchor``."""
        return f"temporal:{self._id}"

    async def read(self) -> Kept:
        """See ``Anchor``."""
        try:
            found = await described(self._client, self._id)
        except RPCError as error:
            if error.status is RPCStatusCode.NOT_FOUND:
                return Kept()
            raise UnavailableError(f"the anchor {self.name}: {error.message}") from None
        if found.type.name != LEDGER_ANCHOR_WORKFLOW:
            raise CorruptError(f"under the id of the anchor {self.name} runs {found.type.name!r}")
        payload = found.memo.fields.get(MEMO)
        if payload is None:
            return Kept()
        (told,) = await self._client.data_converter.decode([payload])
        try:
            held = AnchorHeld.model_validate(told)
        except ValidationError:
            raise CorruptError(f"the anchor {self.name} keeps something else than notes") from None
        return Kept(held.notes, held.keys)

    async def publish(self, note: str, keys: tuple[str, ...]) -> None:
        """See ``Anchor``."""
        start: WithStartWorkflowOperation[Any, Any] = WithStartWorkflowOperation(
            LEDGER_ANCHOR_WORKFLOW,
            AnchorHeld(origin=self._origin),
            id=self._id,
            task_queue=QUEUE,
            id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
        )
        try:
            await self._client.execute_update_with_start_workflow(
                PUBLISH,
                AnchorNote(note=note, keys=keys),
                start_workflow_operation=start,
                rpc_timeout=TAKES,
            )
        except WorkflowUpdateFailedError as error:
            raise CorruptError(f"the anchor {self.name} refuses a note: {error.cause}") from None
        except (RPCError, WorkflowUpdateRPCTimeoutOrCancelledError) as error:
            raise UnavailableError(f"the anchor {self.name} takes no note now: {error}") from None
