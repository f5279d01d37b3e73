"""``engine.holder`` and ``engine.nonce``: what runs under a workflow id, and an id nobody can hold.

A workflow cannot ask the server itself, and makes up nothing that could not be computed from its
history. The rules:

1. What holds an id is what the server says: type, queue, parent. Whoever runs there may have
   called them anything, so they are shown in a form that does no harm.
2. A nonce is used in the same breath in which it is made, a local activity: before it stands in
   any history, the id that ends in it is taken by us.
"""

from __future__ import annotations

import secrets
from typing import Final

from temporalio import activity

from activities.contracts import trust_specs as trust
from activities.ledger.facts import harmless
from activities.runtime.boundary import governed
from activities.runtime.engine import run_under_way

NONCE_BYTES: Final = 8


class Holders:
    """Asks as a client of Temporal; runs beside the workflows."""

    @activity.defn(name=trust.holder.name)
    @governed
    async def look(self, request: trust.HolderRequest) -> trust.Holder:
        """Return what runs under that id now (1)."""
        found = await run_under_way(activity.client(), request.workflow)
        if found is None:
            return trust.Holder()
        return trust.Holder(
            type=harmless(found.type.name),
            queue=harmless(found.task_queue),
            parent=found.parent_execution.workflow_id,
            run=found.execution.run_id,
        )

    @activity.defn(name=trust.NONCE)
    async def nonce(self) -> str:
        """Return what nobody knew before (2)."""
        return secrets.token_hex(NONCE_BYTES)
