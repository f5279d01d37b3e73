"""Checkpoints of an agent's program: kept while it works, handed to the next try.

1. A checkpoint goes to the artefact store, and its digest with every sign of life to the server:
   when the worker dies, Temporal hands it to the next attempt. When the program fails, it goes
   with the failure, and the workflow hands it to the next try of ``retry:``.
2. Only the last one counts. What comes while another is being stored takes its place.
3. At T3 and T4 none is handed back: whoever may complete an activity by its id could have made it
   up, and nobody has approved it.
4. One that the store has lost, or that was changed, ends the stage: a program that had acted does
   not begin again from nothing, unless it never said how far it was.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

from temporalio import activity

from activities.contracts import messages
from activities.contracts.resumption import CheckpointRef
from activities.phases.heartbeat import Pulse
from activities.runtime.signs_of_life import checkpoint_in
from dsl.core import Tier
from dsl.limits import CHECKPOINT_BYTES_MAX
from dsl.values import strict_json
from integrations.agents.contract.checkpoints import FILE_NAME, Checkpoint
from integrations.artifacts.store import Artifacts
from integrations.errors import IntegrationError


class Kept:
    """The last checkpoint of one try."""

    def __init__(self, artifacts: Artifacts, pulse: Pulse) -> None:
        self._artifacts = artifacts
        self._pulse = pulse
        self._waiting: Checkpoint | None = None
        self._came = asyncio.Event()
        self._storing = asyncio.Lock()
        self.last: CheckpointRef | None = None

    def take(self, checkpoint: Checkpoint) -> None:
        """Have ``checkpoint`` stored (2)."""
        self._waiting = checkpoint
        self._came.set()

    async def settle(self) -> CheckpointRef | None:
        """Store what waits, and return the last one."""
        async with self._storing:  # whoever settles waits for what is being stored as well
            while self._waiting is not None:
                checkpoint, self._waiting = self._waiting, None
                stored = await asyncio.to_thread(self._artifacts.put, checkpoint.content)
                self.last = CheckpointRef(
                    digest=stored.digest, size=stored.size, is_file=checkpoint.is_file
                )
                self._pulse.keep(self.last)  # (1) for the next attempt
            return self.last

    async def work(self) -> None:
        """Store what comes, until cancelled."""
        while True:
            await self._came.wait()
            self._came.clear()
            await self.settle()


@asynccontextmanager
async def keeping(artifacts: Artifacts, pulse: Pulse) -> AsyncIterator[Kept]:
    """Keep checkpoints meanwhile."""
    kept = Kept(artifacts, pulse)
    working = asyncio.create_task(kept.work())
    try:
        yield kept
    finally:
        working.cancel()
        with suppress(IntegrationError):  # what ended the try is what matters, and is raised
            await kept.settle()


def handed(request: messages.PhaseRequest) -> CheckpointRef | None:
    """Return the checkpoint that this try begins from (1)."""
    if request.step.tier >= Tier.T3:  # (3) nobody has approved it
        return None
    return checkpoint_in(activity.info().heartbeat_details) or request.checkpoint


def put_back(artifacts: Artifacts, checkpoint: CheckpointRef, directory: Path) -> Mapping[str, Any]:
    """Return what the request says of a checkpoint; its file is copied into ``directory``.

    Raises:
        NotFoundError, CorruptError: the store has not what was put (4).
    """
    if not checkpoint.is_file:
        content = artifacts.get(checkpoint.digest)
        return {"data": strict_json.read(content, bytes_max=CHECKPOINT_BYTES_MAX)}
    size = artifacts.copy_to(checkpoint.digest, directory / FILE_NAME)
    return {"path": FILE_NAME, "digest": checkpoint.digest, "size": size}
