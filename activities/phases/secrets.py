"""The secrets a stage has declared, for the one phase that gets any: EXECUTE.

1. What was asked for in Vault when the stage's gate opened is redeemed, where it was: those are
   reads that a person has authorised there.
2. Everything else is read with a credential minted now, which dies with the phase. Nothing is
   minted where nothing is left to read.
3. A read that Vault refuses at T3 or T4 says that nothing was asked for, and what to do. That is
   no agent's doing.
4. Below T3 it is a violation: the agent declares what its tier does not open. Unless it holds less
   than the stage asks for by now: it was lowered meanwhile, and one step down causes no other.
5. What a tool server is handed no agent is, whoever registered the plan.
"""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack

from activities.contracts import messages, specs
from activities.phases.equipment import Equipment
from activities.proofs.warrant import Cleared
from activities.runtime.endings import run_of
from activities.runtime.violation import ViolationError
from dsl.core import AgentPhase
from dsl.rules.trust.violations import Violation
from integrations.errors import DeniedError
from integrations.vault.credentials.paths import SecretRef
from integrations.vault.errors import PathDeniedError

BEYOND_PROGRAM_S = 30  # the credential outlives the program, whose end it waits for


async def secrets_of(
    equipment: Equipment,
    request: messages.PhaseRequest,
    phase: AgentPhase,
    cleared: Cleared | None,
    stack: AsyncExitStack,
) -> dict[str, str]:
    """Return the declared secrets by name; what is minted for them lives as long as ``stack``.

    Raises:
        DeniedError: one of them may not be read, or not yet.
        ViolationError: one of them is not for the agent's tier (4).
        NotFoundError: there is no such secret.
        UnavailableError: Vault does not answer.
    """
    if not request.step.secrets or phase is not AgentPhase.EXECUTE:
        return {}
    await _refuse_handed(equipment, request)  # (5) for tool servers
    places = {name: SecretRef.parse(ref) for name, ref in sorted(request.step.secrets.items())}
    found = await _redeemed(equipment, request, cleared, places)  # (1) what a person has authorised
    missing = {name: ref for name, ref in places.items() if name not in found}
    return {**found, **await _read(equipment, request, missing, stack)}


async def _refuse_handed(equipment: Equipment, request: messages.PhaseRequest) -> None:
    servers = await asyncio.to_thread(equipment.tools.look)
    for name, reference in sorted(request.step.secrets.items()):
        whose = None if servers is None else servers.handed(reference)
        if whose is not None:
            raise DeniedError(
                f"secret {name} is handed to tool server {whose!r}, and to no agent: call its tools"
            )


async def _redeemed(
    equipment: Equipment,
    request: messages.PhaseRequest,
    cleared: Cleared | None,
    places: dict[str, SecretRef],
) -> dict[str, str]:
    if equipment.high is None or cleared is None:
        return {}
    found = {}
    for name, ref in places.items():
        value = await equipment.high.requests.read_secret(
            cleared.run.run_id, request.step.path, ref
        )
        if value is not None:
            found[name] = value
    return found


async def _read(
    equipment: Equipment,
    request: messages.PhaseRequest,
    places: dict[str, SecretRef],
    stack: AsyncExitStack,
) -> dict[str, str]:
    if not places:  # (2) nothing is minted for nothing
        return {}
    credential = await stack.enter_async_context(
        equipment.issuer.credential(
            request.agent,
            request.entity,
            phase=AgentPhase.EXECUTE,
            tier=request.step.tier,
            ttl_s=request.step.timeout_ms // 1000 + BEYOND_PROGRAM_S,
            meta=run_of(AgentPhase.EXECUTE),
        )
    )
    try:
        return {name: await credential.read_secret(ref) for name, ref in places.items()}
    except DeniedError as error:
        if equipment.high is None:
            await _blame(equipment, request, error)  # (4) it declares what its tier does not open
            raise
        raise DeniedError(  # (3) nobody has asked for it
            f"{error}; nothing was asked for there when the gate opened: start the run again "
            f"while the worker of {specs.QUEUE_T3} is up and the agent holds its tier"
        ) from None


async def _blame(equipment: Equipment, request: messages.PhaseRequest, error: DeniedError) -> None:
    if not isinstance(error, PathDeniedError):
        return
    known = await equipment.registry.read(request.agent)
    if not known.disabled and known.tier >= request.step.tier:
        raise ViolationError(Violation.DENIED_PATH, str(error)) from None
