"""``gate.read``: the heads of what people are asked to approve, for the board and the queries.

Each artefact is read whole and hashed, see ``integrations.artifacts.heads``: what is shown is of
the bytes whose digest is signed. What cannot be shown is an answer, not an error.
"""

from __future__ import annotations

import asyncio

from temporalio import activity

from activities.contracts.head_specs import HeadsRead, HeadsRequest, read_heads
from activities.runtime.boundary import governed
from integrations.artifacts.heads import read_head
from integrations.artifacts.store import Artifacts


class OutputHeadActivities:
    """Reads heads in the artefact store."""

    def __init__(self, artifacts: Artifacts) -> None:
        self._artifacts = artifacts

    @activity.defn(name=read_heads.name)
    @governed
    async def read(self, request: HeadsRequest) -> HeadsRead:
        """Return the head of each artefact."""
        heads = {
            digest: await asyncio.to_thread(read_head, self._artifacts, digest)
            for digest in request.digests
        }
        return HeadsRead(heads=heads)
