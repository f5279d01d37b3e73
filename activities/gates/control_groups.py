"""``gate.request`` and ``gate.withdraw``: Vault's own lock on what waits behind a gate.

When a gate opens, what the T3 stages behind it will read is asked for in Vault, where people
authorise it. What is filed opens nothing by itself, and leads to no secret without a warrant.

1. Run and workflow are the asking activity's own; the stages behind the gate are read from the
   plan, for which somebody must vouch. A request names no agent and no secret.
2. Whether this Vault holds such a read back at all is found out by trying, when the worker starts,
   or at the first use if Vault was away then. Where it does not, nothing is filed, and it is said.
3. An agent that may not act at that tier gets no request; the run learns why, and goes on.
4. Answers hold accessors and places, never what opens a secret.
"""

from __future__ import annotations

import asyncio
import logging
from typing import Final

from temporalio import activity

from activities.contracts import specs
from activities.contracts.control_groups import (
    FiledRequest,
    GateRequest,
    GateRequested,
    GateWithdrawn,
)
from activities.proofs.registered_plans import RegisteredPlans
from activities.runtime.boundary import governed
from dsl.plan import AgentStep
from dsl.rules.gates.guards import asked_for
from dsl.rules.trust.admission import refuse_held
from integrations.errors import ConflictError, IntegrationError, NotFoundError, UnavailableError
from integrations.vault.checks.control_groups.trial import is_enforced
from integrations.vault.client import Vault
from integrations.vault.credentials.control_group_requests import ControlGroupRequests
from integrations.vault.credentials.paths import SecretRef
from integrations.vault.identity.registry import Registry
from integrations.vault.login.approle import Login

logger = logging.getLogger(__name__)

NOT_ENFORCED: Final = (
    "this Vault does not hold reads back until they are authorised: T3 and T4 rest on Mandate's "
    "own verification alone"
)


class ControlGroupProbe:
    """Finds out, once, whether this Vault holds gated reads back (2)."""

    def __init__(self, vault: Vault, login: Login) -> None:
        self._vault = vault
        self._login = login
        self._known: bool | None = None
        self._one_at_a_time = asyncio.Lock()

    async def is_enforced(self) -> bool:
        """Tell whether it does.

        Raises:
            DeniedError, NotFoundError: it cannot be tried: install again.
            UnavailableError: Vault does not answer.
        """
        async with self._one_at_a_time:
            if self._known is None:
                self._known = await is_enforced(self._vault, self._login)
            return self._known

    async def try_early(self) -> None:
        """Find out at the start; a Vault that is away is asked again later."""
        try:
            if not await self.is_enforced():
                logger.warning("%s", NOT_ENFORCED)
        except IntegrationError as error:
            logger.warning("whether Vault holds gated reads back is not known yet: %s", error)


class ControlGroupActivities:
    """Files and withdraws as the T3 worker."""

    def __init__(
        self,
        plans: RegisteredPlans,
        requests: ControlGroupRequests,
        registry: Registry,
        probe: ControlGroupProbe,
    ) -> None:
        self._plans = plans
        self._requests = requests
        self._registry = registry
        self._probe = probe

    @activity.defn(name=specs.request_gate.name)
    @governed
    async def request(self, request: GateRequest) -> GateRequested:
        """File what the stages behind the gate will read."""
        # (1) the plan is found, never told
        found = await self._plans.find(request.plan, request.authors)
        if not await self._probe.is_enforced():  # (2) found out by trying
            return GateRequested(enforced=False, detail=NOT_ENFORCED)
        filed: list[FiledRequest] = []
        refusals: list[str] = []
        for step in asked_for(found.plan).get(request.gate, ()):
            try:
                waiting = await self._file(step, request.ttl_ms // 1000)
                filed += waiting
                refusals += _not_held(step, waiting)
            except (UnavailableError, ConflictError):
                raise  # tried again as a whole: filing replaces what was filed
            except IntegrationError as error:  # (3) no request for it; the run goes on
                refusals.append(f"nothing was asked for {step.path!r}: {error}")
        return GateRequested(enforced=True, detail="; ".join(refusals), filed=tuple(filed))

    @activity.defn(name=specs.withdraw_gate.name)
    @governed
    async def withdraw(self, request: GateRequest) -> GateWithdrawn:
        """Take back what was filed for the stages behind the gate."""
        found = await self._plans.find(request.plan, request.authors)
        run = activity.info().workflow_run_id or ""
        count = 0
        for step in asked_for(found.plan).get(request.gate, ()):
            count += await self._requests.withdraw(run, step.path)
        return GateWithdrawn(requests=count)

    async def _file(self, step: AgentStep, ttl_s: int) -> list[FiledRequest]:
        try:
            known = await self._registry.read(step.agent)
        except NotFoundError:
            raise NotFoundError(
                f"agent {step.agent!r} is not known to Vault yet: it is, once its run has started"
            ) from None
        refusal = (
            "it is disabled in Vault" if known.disabled else refuse_held(step.tier, known.tier)
        )
        if refusal is not None:
            raise NotFoundError(f"agent {step.agent!r}: {refusal}")
        info = activity.info()
        filing = await self._requests.file(
            info.workflow_run_id or "",
            step.path,
            step.agent,
            known.entity_id,
            [SecretRef.parse(reference) for reference in sorted(set(step.secrets.values()))],
            ttl_s,
            workflow=info.workflow_id or "",
        )
        return [
            FiledRequest(
                stage=step.path, agent=step.agent, place=each.place, accessor=each.accessor
            )
            for each in filing.requests
        ]


def _not_held(step: AgentStep, filed: list[FiledRequest]) -> list[str]:
    """Name what the stage reads without anybody's leave in Vault."""
    places = {str(SecretRef.parse(ref)).partition("#")[0] for ref in step.secrets.values()}
    free = ", ".join(sorted(places - {each.place for each in filed}))
    return [f"{step.path!r} reads {free}, which Vault does not hold back"] if free else []
