"""``trust.demote``: one tier down, for one violation.

Lowering trust takes the engine's word, and no more than that:

1. Only the workflow of an agent stage asks, for what its own run has seen: the key begins with the
   run that asks, as the server names it. So no run uses up, or repeats, the key of another.
2. A key lowers once, however often it is asked with.
"""

from __future__ import annotations

from temporalio import activity

from activities.contracts import specs
from activities.contracts import trust_specs as trust
from activities.runtime.boundary import governed
from dsl.rules.trust.violations import Consequence, consequence_of
from integrations.errors import DeniedError
from integrations.vault.identity.tier_changes import TierChanges


class DemotionActivities:
    """Acts as the promoter."""

    def __init__(self, changes: TierChanges) -> None:
        self._changes = changes

    @activity.defn(name=trust.demote.name)
    @governed
    async def demote(self, request: trust.DemoteRequest) -> trust.TierChanged:
        """Lower the agent by one tier; harmless when repeated (2)."""
        _refuse(request)
        change = await self._changes.demote(request.agent, request.key)
        return trust.TierChanged(
            agent=request.agent, was=change.was, now=change.now, changed=change.changed
        )


def _refuse(request: trust.DemoteRequest) -> None:
    """Refuse whoever may not ask, and what is no reason (1).

    Raises:
        DeniedError: so it is.
    """
    info = activity.info()
    if info.workflow_type != specs.AGENT_WORKFLOW:
        raise DeniedError(
            f"only an agent stage asks for that, and a workflow {info.workflow_type!r} does: "
            "revoke the agent instead"
        )
    if not request.key.startswith(f"{info.workflow_id}/{info.workflow_run_id}/"):
        raise DeniedError("the key names another run than the one that asks")
    try:
        consequence = consequence_of(request.kind)
    except ValueError as error:
        raise DeniedError(str(error)) from None
    if consequence is not Consequence.DEMOTE:
        raise DeniedError(f"the consequence of {request.kind!r} is to {consequence}")
